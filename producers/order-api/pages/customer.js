// The customer's page: which of its views is shown, by what is behind the # of its address.

import { at } from "./build.js";
import { openCheckout } from "./checkout.js";
import { openMenu } from "./menu.js";
import { showMyOrders } from "./my_orders.js";
import { showOrder } from "./order.js";
import { showBasket } from "./show_basket.js";

let leave = () => {};
let isFirst = true;

function route() {
  const [, page, id] = /^#\/(orders)?(?:\/([A-Za-z0-9._-]{1,64}))?$/.exec(location.hash || "#/") ?? [];
  leave();
  leave = () => {};
  const view = id ? "order" : page ? "orders" : "menu";
  for (const name of ["menu", "order", "orders"]) at(`view-${name}`).hidden = name !== view;
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link.dataset.page === (view === "order" ? "orders" : view);
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "order") leave = showOrder(at("view-order"), id);
  else if (view === "orders") leave = showMyOrders(at("view-orders"));
  document.title = { menu: "Orderly: the menu", order: "Orderly: your order", orders: "Orderly: my orders" }[view];
  // Where a view begins, for who reads or listens to it; at first the page itself begins.
  if (!isFirst) {
    scrollTo(0, 0);
    document.querySelector(`#view-${view} h1`)?.focus({ preventScroll: true });
  }
  isFirst = false;
}

// Links within a view move the focus, and leave the address as it is.
for (const [link, target] of [["skip", "main"], ["to-basket", "basket"]]) {
  at(link).addEventListener("click", (event) => {
    event.preventDefault();
    at(target).focus();
    at(target).scrollIntoView({ block: "start" });
  });
}

addEventListener("hashchange", route);
showBasket();
openCheckout();
openMenu();
route();
