// The orders of this browser, and those of a customer number.

import { ask } from "./ask.js";
import { build, fill, write } from "./build.js";
import { callNumber, isOver, many, moment, money, statusWords } from "./words.js";

const KEPT = "orderly-orders";
const MOST = 50;
/** Of so many the status is asked for. */
const ASKED = 10;

/** Keeps an order that was placed here. */
export function remember(order) {
  const others = kept().filter(({ id }) => id !== order.id);
  try {
    localStorage.setItem(KEPT, JSON.stringify([order, ...others].slice(0, MOST)));
  } catch {
    // Without room it is found by its customer number only.
  }
}

/** Newest first. */
function kept() {
  try {
    const orders = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return orders.filter(({ id }) => /^[A-Za-z0-9._-]{1,64}$/.test(id));
  } catch {
    return [];
  }
}

export function showMyOrders(view) {
  const orders = kept();
  const found = build("div", { id: "found-orders" });
  const error = build("p", { class: "error", id: "whose-error" });
  const input = build("input", { id: "whose", maxlength: 80, autocomplete: "username", autocapitalize: "off", spellcheck: "false", "aria-describedby": "whose-error" });
  const search = (event) => {
    event.preventDefault();
    find(input, error, found);
  };
  const rows = orders.map(row);
  fill(view,
    build("h1", { tabindex: -1 }, "My orders"),
    build("section", { "aria-label": "Placed in this browser" },
      orders.length
        ? build("ul", { class: "orders" }, rows)
        : build("p", { class: "note" }, "Nothing was ordered in this browser yet. ", build("a", { href: "#/" }, "Look at the menu"))),
    build("section", { class: "card", "aria-labelledby": "by-number" },
      build("h2", { id: "by-number" }, "By customer number"),
      build("form", { class: "field", novalidate: true, on: { submit: search } },
        build("label", { for: "whose" }, "Customer number"),
        build("div", { class: "beside" }, input, build("button", {}, "Show")),
        error),
      found));
  let isShown = true;
  (async () => {
    for (const [number, order] of orders.slice(0, ASKED).entries()) {
      const status = await ask(`/orders/${order.id}`).catch((problem) => problem);
      if (!isShown) return;
      state(rows[number], status);
    }
  })();
  return () => (isShown = false);
}

function row({ id, at, pieces, currency, total, status }) {
  const what = total ? money(total, currency) : many(pieces, "piece");
  return build("li", {},
    build("a", { class: "card", href: `#/orders/${id}` },
      build("span", { class: "number" }, callNumber(id)),
      build("span", { class: "what" }, build("span", {}, moment(at)), build("span", { class: "soft small" }, what)),
      build("span", { class: "state" }, status ? statusWords({ status }) : "")));
}

function state(row, order) {
  const place = row.querySelector(".state");
  if (order.status === 404) return write(place, "Not known any more");
  if (typeof order.status !== "string") return;
  write(place, statusWords(order));
  place.classList.toggle("good", order.status === "ready");
  place.classList.toggle("soft", isOver(order.status));
}

async function find(input, error, found, cursor) {
  const user = input.value.trim();
  const wrong = (text) => {
    write(error, text);
    input.setAttribute("aria-invalid", String(Boolean(text)));
    if (text) input.focus();
  };
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(user)) return wrong("A customer number has 1 to 64 letters, digits, points, dashes.");
  try {
    const page = await ask(`/users/${user}/orders${cursor ? `?cursor=${cursor}` : ""}`);
    wrong("");
    const rows = page.orders.map(({ order_id: id, placed_at: at, ...order }) => row({ id, at, ...order }));
    const more = page.next && build("button", { type: "button", on: { click: () => { more.remove(); find(input, error, found, page.next); } } }, "Show more");
    const list = rows.length ? build("ul", { class: "orders" }, rows) : build("p", { class: "soft", role: "status" }, `No orders of ${user} are known.`);
    if (cursor) found.append(list, more ?? "");
    else fill(found, list, more);
  } catch (problem) {
    wrong(problem.message);
  }
}
