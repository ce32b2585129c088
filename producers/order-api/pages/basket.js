// What the customer wants, kept in this browser.

const KEPT = "orderly-basket";
const MOST_LINES = 500;
const MOST_PIECES = 10_000;

const listeners = new Set();
let lines = load();

/** Its lines: `{ sku, name, price, currency, quantity }`, in the order in which they were put in. */
export const all = () => lines;
export const quantityOf = (sku) => lines.find((line) => line.sku === sku)?.quantity ?? 0;
export const pieces = () => lines.reduce((sum, line) => sum + line.quantity, 0);
export const currency = () => lines[0]?.currency ?? "EUR";

/** Calls it after each change, also of one in another tab. */
export const onChange = (listener) => listeners.add(listener);

/** One more of a product; or says why not. */
export function add(product) {
  if (lines.length && product.currency !== currency()) {
    return `Your basket is in ${currency()}, and this is sold in ${product.currency}. Order it apart.`;
  }
  if (!quantityOf(product.sku) && lines.length === MOST_LINES) return `An order has at most ${MOST_LINES} lines.`;
  setQuantity(product.sku, quantityOf(product.sku) + 1, product);
  return null;
}

/** So many of it; none: it goes. */
export function setQuantity(sku, quantity, product) {
  const wanted = Math.max(0, Math.min(MOST_PIECES, Math.floor(quantity) || 0));
  const line = lines.find((line) => line.sku === sku);
  if (wanted === 0) lines = lines.filter((line) => line.sku !== sku);
  else if (line) line.quantity = wanted;
  else if (product) {
    const { name, price, currency } = product;
    lines.push({ sku, name, price, currency, quantity: wanted });
  }
  changed();
}

/** What the catalogue says of a product now. */
export function renew(sku, { name, price, currency }) {
  const line = lines.find((line) => line.sku === sku);
  if (line) Object.assign(line, { name, price, currency });
  changed();
}

export function empty() {
  lines = [];
  changed();
}

/** What it comes to: added up unrounded, and rounded once, halves up, as the shop does. */
export function total() {
  const sum = lines.reduce((sum, line) => sum + tenThousandths(line.price) * BigInt(line.quantity), 0n);
  const cents = (sum + 50n) / 100n;
  return `${cents / 100n}.${String(cents % 100n).padStart(2, "0")}`;
}

/** `8.5` as 85000: prices have at most 4 decimals. */
function tenThousandths(price) {
  const [whole, part = ""] = String(price).split(".");
  return BigInt(whole + part.padEnd(4, "0").slice(0, 4));
}

function changed() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(lines));
  } catch {
    // Without room it lasts as long as the page.
  }
  listeners.forEach((listener) => listener());
}

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    const isLine = (line) =>
      typeof line.sku === "string" && /^\d{1,14}(\.\d{1,4})?$/.test(line.price) && line.quantity >= 1 && Number.isInteger(line.quantity);
    return kept.filter(isLine).slice(0, MOST_LINES);
  } catch {
    return [];
  }
}

addEventListener("storage", (event) => {
  if (event.key !== KEPT) return;
  lines = load();
  listeners.forEach((listener) => listener());
});
