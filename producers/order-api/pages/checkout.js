// From the basket to an order: what is sent, and where each thing that the shop says of it is shown.

import * as basket from "./basket.js";
import { at, build, fill, write } from "./build.js";
import { lookUp } from "./menu.js";
import { remember } from "./my_orders.js";
import { giveUp, place, unknown } from "./place.js";
import { sayOfLines } from "./show_basket.js";
import { money } from "./words.js";

/** The field of the page that shows what is wrong with a field of the order. */
const FIELDS = [
  [/^contact\.email$/, "email", "This is no mail address: it looks like name@example.org."],
  [/^contact\.phone$/, "phone", "This is no phone number: begin with + and the country's code, as +44 1632 960961."],
  [/^user_id$/, "user", "A customer number has 1 to 64 letters, digits, points, dashes."],
  [/^coupons/, "coupon", null],
];
let isPlacing = false;

export function openCheckout() {
  at("checkout").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isPlacing) send(order());
  });
  for (const [, id] of FIELDS) at(id).addEventListener("input", () => sayOf(id, ""));
  basket.onChange(label);
  label();
  const left = unknown();
  if (left) {
    at("checkout").hidden = false;
    send(left);
  }
}

/** The body, as text: the same order is the same text. */
function order() {
  const value = (id) => at(id).value.trim();
  const [email, phone] = [value("email"), value("phone").replace(/[\s()/-]/g, "")];
  const contact = { ...(email && { email }), ...(phone && { phone }) };
  const coupons = value("coupon").split(/[\s,]+/).filter(Boolean);
  return JSON.stringify({
    ...(value("user") && { user_id: value("user") }),
    currency: basket.currency(),
    lines: basket.all().map(({ sku, name, quantity, price }) => ({ sku, name, quantity, unit_price: price })),
    ...((email || phone) && { contact }),
    ...(coupons.length && { coupons }),
  });
}

async function send(body) {
  isPlacing = true;
  lock(true);
  say("", "");
  fill(at("unsure"));
  sayOfLines([]);
  for (const [, id] of FIELDS) sayOf(id, "");
  label("Ordering …");
  try {
    const accepted = await place(body, wait);
    const { lines, currency } = JSON.parse(body);
    remember({ id: accepted.order_id, at: new Date().toISOString(), pieces: lines.reduce((sum, line) => sum + line.quantity, 0), currency });
    basket.empty();
    say("", "");
    location.hash = `#/orders/${accepted.order_id}`;
    lock(false);
  } catch (problem) {
    if (problem.isUnknown) return unsure(problem, body);
    lock(false);
    refused(problem, body);
  } finally {
    isPlacing = false;
    label();
  }
}

/** Between two tries. */
function wait({ problem, seconds, isUnknown }) {
  const again = seconds > 0 ? `Trying again in ${Math.ceil(seconds)} s.` : "Trying again.";
  if (isUnknown) {
    say("We don't know yet whether your order was taken. Nothing can be ordered twice: we ask with the same number. " + again, "wait");
  } else if (problem.status === 409) {
    say(`Your order is being worked on. ${again}`, "wait");
  } else {
    say(`Nothing was ordered yet: ${problem.message} ${again}`, "wait");
  }
  label("Trying again …");
}

/** Tried as often as makes sense: whether it was taken still isn't known. */
function unsure(problem, body) {
  at("checkout").hidden = false;
  say(`We still don't know whether your order was taken. ${problem.status === 0 ? problem.message : ""}`, "bad");
  const again = () => send(body);
  const other = () => {
    giveUp();
    lock(false);
    fill(at("unsure"));
    at("unsure").hidden = true;
    say("The order before may have been taken: My orders and your mails tell.", "wait");
    label();
  };
  at("unsure").hidden = false;
  fill(at("unsure"),
    build("p", { class: "hint" }, "Asking again is safe: it is the same order, and placed once."),
    build("p", { class: "actions" },
      build("button", { type: "button", class: "primary", id: "ask-again", on: { click: again } }, "Ask again"),
      build("button", { type: "button", class: "quiet", on: { click: other } }, "Order something else")));
  at("place").hidden = true;
  at("ask-again").focus();
}

/** Surely nothing was ordered: what is wrong is shown where it belongs. */
function refused(problem, body) {
  const { lines } = JSON.parse(body);
  const [left, ofLines] = [[], []];
  let first = null;
  for (const { field, message } of problem.errors) {
    const [, id, words] = FIELDS.find(([pattern]) => pattern.test(field)) ?? [];
    const line = lines[/^lines\[(\d+)\]/.exec(field)?.[1]];
    if (id) {
      sayOf(id, words ?? sentence(message));
      at("more-fields").open ||= at("more-fields").contains(at(id));
      first ??= id;
    } else if (line) {
      ofLines.push([line.sku, sentence(message)]);
      first ??= `line-${line.sku}`;
      if (field.endsWith(".unit_price")) renew(line);
    } else left.push(`${field}: ${message}`);
  }
  sayOfLines(ofLines);
  const summary = problem.errors.length > left.length ? "Please look at what is marked. Nothing was ordered." : `Nothing was ordered. ${problem.message}`;
  say([summary, ...left].join(" "), "bad");
  at(first ?? "said")?.focus();
}

/** The price that it has now; ordered it is only when the customer has seen it. */
async function renew({ sku, name, unit_price }) {
  try {
    const product = await lookUp(sku);
    if (!product) return;
    basket.renew(sku, product);
    const [before, now] = [money(unit_price, product.currency), money(product.price, product.currency)];
    sayOfLines([[sku, `${name} costs ${now} now, and not ${before}. Order again if that is fine.`]]);
  } catch {
    // The message that is there says it, too.
  }
}

/** What can't be changed while it isn't known what became of it. */
function lock(isLocked) {
  at("basket-lines").inert = isLocked;
  for (const [, id] of FIELDS) at(id).readOnly = isLocked;
  at("place").setAttribute("aria-disabled", String(isLocked));
  if (!isLocked) at("place").hidden = false;
}

function label(text) {
  if (isPlacing && !text) return;
  write(at("place"), text ?? `Order for ${money(basket.total(), basket.currency())}`);
}

function say(text, tone) {
  at("said").className = `said ${tone}`;
  fill(at("said"), text && build("p", {}, text));
}

function sayOf(id, text) {
  write(at(`${id}-error`), text);
  at(id).setAttribute("aria-invalid", String(Boolean(text)));
}

/** A message says what is wrong with its field, without naming it. */
function sentence(message) {
  return message.charAt(0).toUpperCase() + message.slice(1) + (message.endsWith(".") ? "" : ".");
}
