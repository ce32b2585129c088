// An order is placed once, and whatever the shop answers is said in plain words where it belongs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { another, hasSaid, openPage, shot, until } from "./open_browser.mjs";
import { menu, ok, openStub, order, problem } from "./stub_shop.mjs";

const ACCEPTED = ok({ order_id: "order-1", receipt: {} }, 202);
const RETRY = (seconds) => ({ headers: { "Retry-After": String(seconds) } });

/** A shop, and a customer with a pizza in the basket. `placing` are the answers to POST /orders, the last one for ever. */
async function atTheCounter(placing, more = {}) {
  let next = 0;
  const answer = (request, response) => {
    const answer = placing[Math.min(next++, placing.length - 1)];
    return typeof answer === "function" ? answer(request, response) : answer;
  };
  const shop = await openStub({ "GET /menu": menu(), "POST /orders": answer, "GET /orders/order-1": ok(order("order-1", 2)), ...more });
  const page = await openPage();
  await page.goto(shop.url);
  await page.getByRole("button", { name: "Add Margherita" }).click();
  return { shop, page };
}

const press = (page) => page.getByRole("button", { name: /^Order for/ }).click();
const isPlaced = (page) => page.waitForURL(/#\/orders\/order-1$/);

/** The keys that orders came under. */
const keys = (shop) => shop.asked("POST /orders").map(({ headers }) => headers["idempotency-key"]);

function areOneOrder(shop, times) {
  assert.equal(shop.asked("POST /orders").length, times);
  assert.equal(new Set(keys(shop)).size, 1);
  assert.ok(keys(shop)[0].length > 16);
  assert.equal(new Set(shop.asked("POST /orders").map(({ text }) => text)).size, 1);
}

test("a double click is one order", async () => {
  const slow = (request, response) => void setTimeout(() => {
    response.writeHead(202, { "Content-Type": "application/json" });
    response.end(JSON.stringify(ACCEPTED.body));
  }, 300);
  const { shop, page } = await atTheCounter([slow]);
  await page.getByRole("button", { name: /^Order for/ }).dblclick();
  await isPlaced(page);
  areOneOrder(shop, 1);
  // What was ordered is out of the basket, and among the customer's orders.
  await page.getByRole("link", { name: "My orders" }).click();
  await page.getByRole("link", { name: /RDER1/ }).waitFor();
  await page.getByRole("link", { name: "Menu" }).click();
  await page.getByText("Nothing in it yet.").waitFor();
});

test("a shop that can't take it just now is asked again when it says, and no sooner", async () => {
  const { shop, page } = await atTheCounter([
    problem(503, "order-not-written", "Nothing was written.", RETRY(2)),
    problem(429, "too-many-requests", "Asked too often.", RETRY(1)),
    ACCEPTED,
  ]);
  await press(page);
  await hasSaid(page, "Nothing was ordered yet: Nothing was written. Trying again in 2 s.");
  await shot(page, "trying-again");
  await isPlaced(page);
  areOneOrder(shop, 3);
  const [first, second, third] = shop.asked("POST /orders").map(({ time }) => time);
  assert.ok(second - first >= 1990 && third - second >= 990, `${second - first} ms, ${third - second} ms`);
});

test("after an unknown outcome, a conflict and an answer that breaks off it is the same order again", async () => {
  const breaksOff = (request, response) => {
    response.writeHead(202, { "Content-Type": "application/json", "Content-Length": "100" });
    response.write('{"order_id":');
    setTimeout(() => response.destroy(), 50);
  };
  const { shop, page } = await atTheCounter([
    problem(504, "outcome-unknown", "It isn't known.", RETRY(1)),
    problem(409, "order-in-flight", "It is being worked on.", RETRY(0)),
    breaksOff,
    ACCEPTED,
  ]);
  await press(page);
  await hasSaid(page, "We don't know yet whether your order was taken.");
  await isPlaced(page);
  areOneOrder(shop, 4);
});

test("an outcome that stays unknown locks the basket, and is asked for again after the page was closed", async () => {
  const unknown = problem(504, "outcome-unknown", "It isn't known.", RETRY(0));
  const { shop, page } = await atTheCounter([unknown, unknown, unknown, unknown, unknown, unknown, ACCEPTED]);
  await press(page);
  await page.getByText("We still don't know whether your order was taken.").waitFor();
  await page.getByRole("button", { name: "Ask again" }).waitFor();
  assert.equal(await page.getByRole("button", { name: /^Order for/ }).count(), 0);
  assert.ok(await page.locator("#basket-lines").evaluate((lines) => lines.inert));
  const later = await another(page);
  await page.close();
  await later.goto(shop.url);
  await isPlaced(later);
  areOneOrder(shop, 7);
});

test("what is wrong is said at its field, and the focus is there", async () => {
  const errors = [
    { field: "contact.email", message: "has to be a mail address of at most 254 bytes" },
    { field: "coupons[0]", message: "is no coupon" },
    { field: "lines[0].quantity", message: "has to be a whole number from 1 to 10000" },
  ];
  const { shop, page } = await atTheCounter([problem(422, "invalid-order", "3 fields are wrong.", { errors }), ACCEPTED]);
  await page.getByLabel("E-mail").fill("ada at home");
  await press(page);
  await page.getByText("Please look at what is marked. Nothing was ordered.").waitFor();
  await shot(page, "errors");
  for (const [label, says] of [["E-mail", /no mail address/], ["Coupon code", "Is no coupon."], ["How many: Margherita", /whole number/]]) {
    const field = page.getByLabel(label);
    assert.equal(await field.getAttribute("aria-invalid"), "true", label);
    const ids = (await field.getAttribute("aria-describedby")).split(" ");
    const said = await page.locator(`#${ids[0]}`).textContent();
    assert.match(said, says instanceof RegExp ? says : new RegExp(says), label);
    assert.ok(await field.isVisible(), label);
  }
  assert.equal(await page.evaluate(() => document.activeElement.id), "email");
  await page.getByLabel("E-mail").fill("ada@example.com");
  assert.equal(await page.locator("#email-error").textContent(), "");
  await press(page);
  await isPlaced(page);
  assert.equal(new Set(keys(shop)).size, 2, "another body is another order");
  assert.deepEqual(JSON.parse(shop.asked("POST /orders")[1].text).contact, { email: "ada@example.com" });
});

test("a price that changed is shown, and ordered only when the customer has seen it", async () => {
  const errors = [{ field: "lines[0].unit_price", message: "the price is now 9" }];
  const { shop, page } = await atTheCounter([problem(422, "invalid-order", "One field is wrong.", { errors }), ACCEPTED]);
  const product = { sku: "margherita", name: "Margherita", price: "9.00", currency: "EUR" };
  shop.answers["GET /menu"] = menu([product]);
  await press(page);
  await page.getByText("Margherita costs €9.00 now, and not €8.50. Order again if that is fine.").waitFor();
  await page.getByRole("button", { name: "Order for €9.00" }).click();
  await isPlaced(page);
  const prices = shop.asked("POST /orders").map(({ text }) => JSON.parse(text).lines[0].unit_price);
  assert.deepEqual(prices, ["8.50", "9.00"]);
});

test("where a key is wanted the page asks for it, and keeps it in its tab only", async () => {
  const asks = ({ headers }) => headers.authorization !== "Bearer ok_right";
  const unknown = problem(401, "unauthenticated", "Give an API key.");
  const shop = await openStub({ "GET /menu": (request) => (asks(request) ? unknown : menu()(request)) });
  const page = await openPage();
  await page.goto(shop.url);
  const dialog = page.getByRole("dialog", { name: "Who asks?" });
  await dialog.getByLabel("API key").fill("ok_wrong");
  await page.keyboard.press("Enter");
  await dialog.getByText("This key isn't known here, or not any more.").waitFor();
  await shot(page, "key");
  await dialog.getByLabel("API key").fill("ok_right");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Add Margherita" }).waitFor();
  assert.equal(await dialog.count(), 0);
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage }))).includes("ok_right"));
  await page.reload();
  await page.getByRole("button", { name: "Add Margherita" }).waitFor();
  const other = await another(page);
  await other.goto(shop.url);
  await other.getByRole("dialog", { name: "Who asks?" }).waitFor();
});

test("names are text, currencies don't mix, and the basket is kept", async () => {
  const { shop, page } = await atTheCounter([ACCEPTED]);
  await page.getByRole("heading", { name: "Fig <img src=x onerror=alert(1)>" }).waitFor();
  assert.equal(await page.locator("#products img").count(), 0);
  await page.getByRole("button", { name: "Add Tea" }).click();
  await page.getByText("Your basket is in EUR, and this is sold in GBP. Order it apart.").first().waitFor();
  await page.getByRole("button", { name: "One more: Margherita" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Order for €17.00" }).waitFor();
  await page.getByLabel("Search the menu").fill("fig");
  await until("only the fig is found", async () => {
    const names = await page.locator("#products h3").allTextContents();
    return (names.length === 1 && names[0].startsWith("Fig")) || names;
  });
  await page.getByLabel("How many: Margherita").fill("0");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.getByText("Nothing in it yet.").waitFor();
});
