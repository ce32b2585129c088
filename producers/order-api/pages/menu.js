// The menu: searched as one types, a page at a time.

import { ask } from "./ask.js";
import * as basket from "./basket.js";
import { at, build, fill, write } from "./build.js";
import { capital, many, money } from "./words.js";

const TYPING = 200;
/** Pages that are asked for at once where a search finds little on each. */
const MOST_PAGES = 5;
/** Until a menu that can't be had is asked for again. */
const AGAIN = 3_000;

/** What is shown: of which search, where the next page begins, and what is there. */
let shown = { words: "", next: null, products: [] };
let asked = 0;
let typing;

export function openMenu() {
  at("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  at("q").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, TYPING);
  });
  at("more").addEventListener("click", () => load(shown.words, shown.next));
  basket.onChange(count);
  search();
}

/** What a product is now, where it is on the menu. */
export async function lookUp(sku) {
  const page = await ask(`/menu?${new URLSearchParams({ q: sku, limit: 100 })}`);
  return page.products.find((product) => product.sku === sku) ?? null;
}

function search() {
  clearTimeout(typing);
  load(at("q").value.trim(), null);
}

async function load(words, after) {
  const mine = ++asked;
  at("products").setAttribute("aria-busy", "true");
  try {
    let [products, next] = [after ? shown.products : [], after];
    const before = products.length;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await ask(`/menu?${new URLSearchParams({ ...(words && { q: words }), ...(next && { after: next }) })}`);
      // An answer to what was typed before comes too late.
      if (mine !== asked) return;
      products = products.concat(page.products);
      next = page.next ?? null;
      if (!next || products.length > before) break;
    }
    shown = { words, next, products };
    show();
  } catch (problem) {
    if (mine !== asked) return;
    fail(problem, words, after);
  } finally {
    if (mine === asked) at("products").removeAttribute("aria-busy");
  }
}

function show() {
  const { words, next, products } = shown;
  const found = products.length + (next ? "+" : "");
  write(at("found"), words ? (products.length ? `${found} found for “${words}”` : `Nothing found for “${words}”`) : "");
  at("more").hidden = next === null;
  if (!products.length && !words) {
    const nothing = build("p", { class: "note" }, "There is nothing on the menu yet.");
    return fill(at("products"), nothing);
  }
  const groups = Map.groupBy ? Map.groupBy(products, category) : grouped(products);
  fill(at("products"), [...groups].map(([name, products]) => [
    name && build("h2", { class: "category" }, capital(name)),
    build("ul", { class: "products" }, products.map(card)),
  ]));
  count();
}

const category = (product) => product.category ?? "";

function grouped(products) {
  const groups = new Map();
  for (const product of products) {
    groups.set(category(product), [...(groups.get(category(product)) ?? []), product]);
  }
  return groups;
}

function card(product) {
  const { sku, name, description, price, currency } = product;
  return build("li", { class: "product card" },
    build("div", { class: "what" },
      build("h3", {}, name),
      description && build("p", { class: "soft small" }, description)),
    build("div", { class: "buy" },
      build("span", { class: "price" }, money(price, currency)),
      build("button", { type: "button", class: "add", "data-sku": sku, "data-name": name, on: { click: () => put(product) } },
        build("span", { class: "in", "aria-hidden": "true" }), build("span", {}, "Add"), build("span", { class: "hidden" }, ` ${name}`))));
}

function put(product) {
  const why = basket.add(product);
  const [pieces, total] = [many(basket.pieces(), "piece"), money(basket.total(), basket.currency())];
  write(at("aloud"), why ?? `${product.name} added. ${pieces} in your basket, ${total}.`);
  if (why) write(at("found"), why);
}

/** How many of each are in the basket. */
function count() {
  for (const button of document.querySelectorAll("#products .add")) {
    const quantity = basket.quantityOf(button.dataset.sku);
    write(button.querySelector(".in"), quantity ? `${quantity} ×` : "");
    button.classList.toggle("is-in", quantity > 0);
  }
}

function fail(problem, words, after) {
  const isNoMenu = problem.kind === "no-menu";
  const again = () => load(words, after);
  write(at("found"), "");
  at("more").hidden = true;
  fill(at("products"),
    build("div", { class: "note bad", role: "alert" },
      build("p", {}, isNoMenu ? "This shop has no menu here: its orders come with their prices." : `The menu can't be shown. ${problem.message}`),
      !isNoMenu && build("p", { class: "actions" }, build("button", { type: "button", on: { click: again } }, "Try again"))));
  const mine = asked;
  const wait = Math.max(AGAIN, (problem.retryAfter ?? 0) * 1000);
  if (!isNoMenu && problem.status !== 401) setTimeout(() => mine === asked && again(), wait);
}
