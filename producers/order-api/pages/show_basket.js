// The basket's lines, each with its quantity and what the shop said of it.

import * as basket from "./basket.js";
import { at, build, fill, write } from "./build.js";
import { many, money } from "./words.js";

/** What the shop said of a product, by sku. */
let said = new Map();
let isInSight = false;

export function showBasket() {
  basket.onChange(show);
  // The way to the basket is in the way where one is there.
  new IntersectionObserver(([seen]) => {
    isInSight = seen.isIntersecting;
    at("to-basket").hidden = isInSight || basket.all().length === 0;
  }, { rootMargin: "0px 0px -80px" }).observe(at("basket"));
  show();
}

/** Shows these by their lines, as `[sku, text]`. */
export function sayOfLines(pairs) {
  said = new Map(pairs);
  show();
}

function show() {
  const lines = basket.all();
  const focused = document.activeElement?.id;
  at("basket-empty").hidden = lines.length > 0;
  at("basket-total").hidden = at("checkout").hidden = lines.length === 0;
  fill(at("basket-lines"), lines.map(line));
  const total = money(basket.total(), basket.currency());
  fill(at("basket-total"), build("span", {}, "Total"), build("strong", {}, total));
  const bar = at("to-basket");
  bar.hidden = isInSight || lines.length === 0;
  fill(bar, build("span", {}, `Basket · ${many(basket.pieces(), "piece")}`), build("strong", {}, total));
  // What was typed in or pressed is another element now.
  if (focused?.startsWith("line-")) (at(focused) ?? at("basket")).focus();
}

function line({ sku, name, price, currency, quantity }) {
  const why = said.get(sku);
  const id = `line-${sku}`;
  const set = (quantity) => {
    said.delete(sku);
    basket.setQuantity(sku, quantity);
    const left = basket.quantityOf(sku);
    write(at("aloud"), left ? `${name}: ${left}. Together ${money(basket.total(), basket.currency())}.` : `${name} is out of the basket.`);
  };
  const step = (label, sign, by) =>
    build("button", { type: "button", id: `${id}-${sign}`, class: "step", "aria-label": `${label}: ${name}`, on: { click: () => set(quantity + by) } }, by > 0 ? "+" : "−");
  return build("li", {},
    build("div", { class: "line" },
      build("span", { class: "name" }, name, build("span", { class: "soft small each" }, money(price, currency))),
      build("span", { class: "quantity" },
        step("One less", "less", -1),
        build("input", {
          id, type: "text", inputmode: "numeric", size: 3, maxlength: 5, value: quantity, "aria-label": `How many: ${name}`,
          "aria-describedby": why && `${id}-error`, "aria-invalid": String(Boolean(why)),
          on: { change: (event) => set(Number(event.target.value)) },
        }),
        step("One more", "more", 1))),
    why && build("p", { class: "error", id: `${id}-error` }, why));
}
