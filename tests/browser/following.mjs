// An order is followed through whatever becomes of the connection; so is the kitchen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage, shot, until } from "./open_browser.mjs";
import { EVENTS, ok, openStub, order, problem, stream } from "./stub_shop.mjs";

const steps = (page) => page.locator("#steps .name").allTextContents();
const status = (page, words) => page.getByRole("heading", { level: 1, name: words }).waitFor();
const ALL = ["Ordered, done", "Confirmed by the kitchen, done", "Oven, done", "Ready to collect, now"];

test("a stream in pieces is read, and one that broke is resumed from where it was", async () => {
  let known = 1;
  const resumed = [];
  let breakOff;
  let mayResume;
  const isSeen = new Promise((resolve) => (mayResume = resolve));
  const events = async ({ headers }, response) => {
    resumed.push(headers["last-event-id"]);
    if (resumed.length === 1) {
      stream(response);
      breakOff = () => response.destroy();
      // In the smallest pieces there are.
      const text = EVENTS.slice(0, 3).map((event, number) => `id: t${number}\r\nevent: ${event.type}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`).join("");
      const bytes = Buffer.from(text);
      const write = (at) => at < bytes.length && response.write(bytes.subarray(at, at + 7), () => setTimeout(write, 1, at + 7));
      write(0);
      return;
    }
    await isSeen;
    const tell = stream(response);
    known = EVENTS.length;
    // The one before is told again: a resume may.
    EVENTS.slice(2).forEach((event, number) => tell(event, `t${number + 2}`));
  };
  const shop = await openStub({
    "GET /orders/order-1": () => ok(order("order-1", known, known === 1 ? { waiting: { for: "station", stage: "oven", since: EVENTS[2].at, ahead: 2 } } : {})),
    "GET /orders/order-1/events": events,
  });
  const page = await openPage();
  await page.goto(`${shop.url}/#/orders/order-1`);
  await status(page, "In line: Oven");
  await page.getByText("2 before you").first().waitFor();
  breakOff();
  await page.getByText("Connection lost, trying again …").waitFor();
  await shot(page, "lost");
  mayResume();
  await status(page, "Ready to collect");
  await page.getByText("Live: this page changes by itself.").waitFor();
  assert.deepEqual(await steps(page), ALL);
  assert.deepEqual(resumed, [undefined, "t2"]);
  assert.match(await page.locator("#aloud").textContent(), /^Ready to collect\. /);
});

test("offline is seen at once, and online again it goes on", async () => {
  let tell;
  let known = 4;
  const shop = await openStub({
    "GET /orders/order-1": () => ok(order("order-1", known)),
    "GET /orders/order-1/events": (request, response) => void (tell = stream(response)),
  });
  const page = await openPage();
  await page.goto(`${shop.url}/#/orders/order-1`);
  await page.getByText("Live: this page changes by itself.").waitFor();
  await page.context().setOffline(true);
  await page.getByText("Connection lost, trying again …").waitFor();
  await page.context().setOffline(false);
  await page.getByText("Live: this page changes by itself.").waitFor();
  known = 6;
  tell(EVENTS[4], "t4");
  tell(EVENTS[5], "t5");
  await status(page, "Ready to collect");
  assert.deepEqual(await steps(page), ALL);
});

test("without a stream the page asks again and again, until the order is over", async () => {
  let looks = 0;
  const shop = await openStub({ "GET /orders/order-1": () => ok(order("order-1", Math.min(EVENTS.length, ++looks + 2))) });
  const page = await openPage();
  await page.goto(`${shop.url}/#/orders/order-1`);
  await page.getByText("Looking again every few seconds.").waitFor();
  await status(page, "Ready to collect");
  assert.deepEqual(await steps(page), ALL);
  const done = { type: "OrderCompleted", at: EVENTS[5].at, event_id: "e6", sequence: 6 };
  const completed = order("order-1", 6, { status: "completed" });
  completed.timeline.push(done);
  shop.answers["GET /orders/order-1"] = ok(completed);
  await status(page, "Collected");
});

test("the stream is asked for with the key, and a refused one isn't asked for over and over", async () => {
  const knows = ({ headers }) => headers.authorization === "Bearer ok_right";
  const unknown = problem(401, "unauthenticated", "Give an API key.");
  const shop = await openStub({
    "GET /orders/order-1": (request) => (knows(request) ? ok(order("order-1", 4)) : unknown),
    "GET /orders/order-1/events": (request, response) => (knows(request) ? void stream(response) : unknown),
  });
  const page = await openPage();
  await page.goto(`${shop.url}/#/orders/order-1`);
  const dialog = page.getByRole("dialog", { name: "Who asks?" });
  await dialog.getByRole("button", { name: "Not now" }).click();
  await until("nobody is asked for a key any more", async () => (await dialog.count()) === 0);
  await page.reload();
  await dialog.getByLabel("API key").fill("ok_right");
  await page.keyboard.press("Enter");
  await page.getByText("Live: this page changes by itself.").waitFor();
});

test("an order is cancelled after a second thought, and too late is said with its reason", async () => {
  let tell;
  const answers = {
    "GET /orders/order-1": ok(order("order-1", 2)),
    "GET /orders/order-1/events": (request, response) => void (tell = stream(response)),
    "POST /orders/order-1/cancellation": ok({ order_id: "order-1" }, 202),
  };
  const shop = await openStub(answers);
  const page = await openPage({ reducedMotion: "reduce" });
  await page.goto(`${shop.url}/#/orders/order-1`);
  await page.getByRole("button", { name: "Cancel this order" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  assert.equal(shop.asked("POST /orders/order-1/cancellation").length, 0);
  await page.getByRole("button", { name: "Cancel this order" }).click();
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  await page.getByText("Asked. Whether it still can be is decided in the kitchen.").waitFor();
  tell({ type: "OrderCancellationRefused", at: EVENTS[3].at, event_id: "x1", sequence: 3, reason: "preparation began" }, "x1");
  await page.getByText("Too late to cancel").waitFor();
  await page.getByText("Preparation began").waitFor();
  // Nothing moves where less motion is asked for.
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});

test("the kitchen sees stages, stations, lines in order of arrival, and what comes out", async () => {
  let tell;
  const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
  const row = (id, status, stage, seconds, sequence, more = {}) => ({ order_id: id, status, stage, since: ago(seconds), sequence, ...more });
  const snapshot = {
    orders: [
      row("order-aaaaa", "in_progress", "oven", 100, 6, { station: 2, due_at: ago(-20) }),
      row("order-ccccc", "queued", "oven", 20, 5),
      row("order-bbbbb", "queued", "oven", 60, 5),
      row("order-ddddd", "in_progress", "prep", 5, 3, { station: 1, due_at: ago(-10) }),
    ],
    count: 4,
  };
  const shop = await openStub({
    "GET /kitchen/orders": () => ok(snapshot),
    "GET /kitchen/events": (request, response) => void (tell = stream(response)),
  });
  const page = await openPage();
  await page.goto(`${shop.url}/kitchen`);
  await page.locator("#connection", { hasText: "Live" }).waitFor();
  const column = (name) => page.getByRole("region", { name });
  const numbers = async (name) => (await column(name).locator(".number").allTextContents()).join(" ");
  await until("the ovens are seen", async () => (await numbers(/^Oven/)) === "AAAAA BBBBB CCCCC" || numbers(/^Oven/));
  await column(/^Oven/).locator(".place", { hasText: /^Station 2$/ }).waitFor();
  await shot(page, "kitchen-stub");
  // Known already: nothing changes.
  tell({ type: "StageStarted", order_id: "order-aaaaa", stage: "prep", at: ago(200), sequence: 3 });
  tell({ type: "StageCompleted", order_id: "order-aaaaa", stage: "oven", at: ago(0), sequence: 7, status: "in_progress" });
  tell({ type: "ReadyForPickup", order_id: "order-aaaaa", at: ago(0), sequence: 8, status: "ready" });
  tell({ type: "StageStarted", order_id: "order-bbbbb", stage: "oven", station: 1, due_at: ago(-60), at: ago(0), sequence: 6, status: "in_progress" });
  tell({ type: "StageCompleted", order_id: "order-ddddd", stage: "prep", at: ago(0), sequence: 4, status: "in_progress" });
  tell({ type: "StageQueued", order_id: "order-ddddd", stage: "oven", ahead: 1, at: ago(0), sequence: 5, status: "queued" });
  tell({ type: "ReadyForPickup", order_id: "order-eeeee", at: ago(10), sequence: 8, status: "ready" });
  tell({ type: "OrderCompleted", order_id: "order-eeeee", at: ago(0), sequence: 9, status: "completed" });
  await until("they moved on", async () => (await numbers(/^Oven/)) === "BBBBB CCCCC DDDDD" || numbers(/^Oven/));
  assert.equal(await numbers(/^To collect/), "AAAAA");
  assert.equal(await numbers(/^Prep/), "");
  const columns = await page.locator(".column h2").evaluateAll((all) => all.map((it) => it.firstChild.textContent));
  assert.deepEqual(columns, ["Arriving", "Prep", "Oven", "To collect"], "a stage is where orders come to it");
  assert.match(await page.locator(".chart").getAttribute("aria-label"), /: 0, 0, 0, 0, 0, 0, 0, 0, 0, 2$/);
});

test("of a long line who isn't listed stays on the board, but for who would have been", async () => {
  const shop = await openStub({});
  const page = await openPage();
  await page.goto(`${shop.url}/kitchen`);
  const shown = await page.evaluate(async () => {
    const { Board } = await import("/assets/board.js");
    const at = (second) => new Date(second * 1000).toISOString();
    const row = (id, status, second) => ({ order_id: id, status, stage: "oven", since: at(second), due_at: status === "in_progress" ? at(99) : undefined, sequence: 1 });
    const board = new Board();
    const left = [row("left-the-oven", "in_progress", 1), row("left-the-line", "queued", 2)];
    const there = [row("in-the-oven", "in_progress", 3), row("first-in-line", "queued", 4)];
    const unlisted = row("last-in-line", "queued", 5);
    const ids = () => [...board.orders.keys()].sort().join(" ");
    board.reset({ orders: [...left, ...there, unlisted], count: 5 }, 0);
    board.reset({ orders: there, count: 3 }, 60_000);
    const long = ids();
    board.reset({ orders: there, count: 2 }, 60_000);
    return [long, ids()];
  });
  assert.deepEqual(shown, ["first-in-line in-the-oven last-in-line", "first-in-line in-the-oven"]);
});

test("a key that is no operator's is told so in the kitchen", async () => {
  const refused = problem(403, "not-allowed", "What the kitchen does is for operators.");
  const shop = await openStub({ "GET /kitchen/orders": refused, "GET /kitchen/events": refused });
  const page = await openPage();
  await page.goto(`${shop.url}/kitchen`);
  await page.getByText("This key is no operator's: the kitchen is theirs.").waitFor();
});
