// A customer and the kitchen, on a shop that runs: nothing here is answered by a stub.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { openLine } from "./line.mjs";
import { another, focused, hasSaid, openPage, shot, tabTo, until } from "./open_browser.mjs";

const SHOP = process.env.SHOP;
const line = await openLine(SHOP);
after(() => line.close());

const STAGES = ["Prep", "Bake", "Oven"];
/** The steps' names, without what is only said to who listens. */
const steps = (page) => page.locator("#steps .name").evaluateAll((all) => all.map((it) => it.firstChild.textContent));
const heading = (page) => page.getByRole("heading", { level: 1 }).textContent();
const isReady = (page) => page.getByRole("heading", { level: 1, name: "Ready to collect" }).waitFor();

/** Puts one Margherita into the basket and orders it. */
async function order(page, url = SHOP) {
  await page.goto(url);
  await page.getByRole("button", { name: "Add Margherita" }).click();
  await page.getByRole("button", { name: "Order for €8.50" }).click();
  await page.waitForURL(/#\/orders\//);
  return page.url().split("/").at(-1);
}

test("by keyboard alone an order is placed, watched to ready, and collected", async () => {
  const page = await openPage();
  await page.goto(SHOP);
  await page.getByRole("button", { name: "Add Margherita" }).waitFor();
  await shot(page, "menu");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await tabTo(page, /^Search the menu$/);
  await page.keyboard.type("marg");
  await until("only Margheritas are left", async () => {
    const names = await page.locator("#products h3").allTextContents();
    return (names.length > 0 && names.length < 4) || names;
  });
  await tabTo(page, /Add Margherita$/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  assert.match(await page.locator("#aloud").textContent(), /^Margherita added\. 2 pieces in your basket, €17\.00\.$/);
  // The ring around what has the focus is seen.
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
  await tabTo(page, /^E-mail/);
  await page.keyboard.type("ada at home");
  await tabTo(page, /^Order for €17\.00$/);
  await page.keyboard.press("Enter");
  await until("the focus is where it is wrong", async () => /^E-mail/.test(await focused(page)) || focused(page));
  assert.match(await page.locator("#email-error").textContent(), /no mail address/);
  await page.keyboard.press("Control+A");
  await page.keyboard.type("ada@example.com");
  await page.keyboard.press("Enter");
  await page.waitForURL(/#\/orders\//);
  await until("the order is in a stage", async () => (await steps(page)).includes("Prep") || steps(page));
  await page.getByText("Live: this page changes by itself.").waitFor();
  await until("baking is seen", async () => (await steps(page)).includes("Bake") || steps(page));
  await shot(page, "order");
  await isReady(page);
  assert.deepEqual(await steps(page), ["Ordered", "Confirmed by the kitchen", ...STAGES, "Ready to collect"]);
  assert.match(await page.locator("#aloud").textContent(), /^Ready to collect\. It waits for you/);
  await tabTo(page, /^I have collected it$/);
  await page.keyboard.press("Enter");
  await until("it is collected", async () => (await heading(page)) === "Collected" || heading(page));
  await tabTo(page, /^My orders$/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: /Collected$/ }).waitFor();
});

test("a connection that is lost comes back, and nothing of the order is missed", async () => {
  const page = await openPage();
  await order(page, line.url);
  await page.getByText("Live: this page changes by itself.").waitFor();
  await until("the order is in a stage", async () => (await steps(page)).includes("Prep") || steps(page));
  line.cut();
  await page.context().setOffline(true);
  await until("the page says so", async () => /^Connection lost/.test(await page.locator("#connection").textContent()) || page.locator("#connection").textContent());
  // Meanwhile the kitchen goes on.
  const there = await openPage();
  await there.goto(`${SHOP}/#/orders/${page.url().split("/").at(-1)}`);
  await isReady(there);
  assert.ok(!(await steps(page)).includes("Ready to collect"));
  line.mend();
  await page.context().setOffline(false);
  await isReady(page);
  await page.getByText("Live: this page changes by itself.").waitFor();
  assert.deepEqual(await steps(page), ["Ordered", "Confirmed by the kitchen", ...STAGES, "Ready to collect"]);
});

test("an answer that is lost on its way is one order all the same", async () => {
  const page = await openPage();
  await page.goto(line.url);
  await page.getByRole("button", { name: "Add Marinara" }).click();
  await page.getByText("Phone, customer number, coupon").click();
  await page.getByLabel("Customer number").fill("lost-answers");
  line.loseAnswers(2);
  await page.getByRole("button", { name: "Order for €7.90" }).click();
  await hasSaid(page, "We don't know yet whether your order was taken.");
  await page.waitForURL(/#\/orders\//);
  const id = page.url().split("/").at(-1);
  assert.equal(line.lost.filter((answer) => answer.includes("202 Accepted")).length, 2, "both were taken");
  await isReady(page);
  const { orders } = await (await fetch(`${SHOP}/users/lost-answers/orders`)).json();
  assert.deepEqual(orders.map(({ order_id: id }) => id), [id]);
  // By the customer number it is found from anywhere.
  const elsewhere = await openPage();
  await elsewhere.goto(`${SHOP}/#/orders`);
  await elsewhere.locator("#whose").fill("lost-answers");
  await elsewhere.keyboard.press("Enter");
  await elsewhere.getByRole("link", { name: /Ready to collect/ }).click();
  await isReady(elsewhere);
});

test("at a phone's width, in the dark, nothing is cut off or scrolls sideways", async () => {
  const page = await openPage({ viewport: { width: 360, height: 740 }, colorScheme: "dark", hasTouch: true, isMobile: true });
  const fits = async (what) => {
    const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= room && room === 360, `${what}: ${wide} in ${room}`);
    const [back, text] = await page.evaluate(() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color].map((it) => Math.max(...it.match(/\d+/g).map(Number))));
    assert.ok(back < 60 && text > 200, `${what} isn't dark: ${back}, ${text}`);
    // What is to be tapped is large enough for a finger.
    const small = await page.evaluate(() => [...document.querySelectorAll("button, input, nav a")].filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 36).map((it) => it.outerHTML));
    assert.deepEqual(small, [], what);
  };
  await page.goto(SHOP);
  const add = page.getByRole("button", { name: "Add Margherita" });
  await add.tap();
  await fits("the menu");
  await shot(page, "phone-menu");
  await page.getByRole("link", { name: /^Basket/ }).tap();
  await page.getByText("Phone, customer number, coupon").tap();
  await fits("the basket");
  await shot(page, "phone-basket");
  await page.getByRole("button", { name: /^Order for/ }).tap();
  await page.waitForURL(/#\/orders\//);
  await until("baking is seen", async () => (await steps(page)).includes("Bake") || steps(page));
  await fits("the order");
  await shot(page, "phone-order");
  await page.goto(`${SHOP}/#/orders`);
  await page.getByRole("link", { name: /·|piece/ }).first().waitFor();
  await fits("my orders");
  await page.goto(`${SHOP}/kitchen`);
  await page.locator(".ticket").first().waitFor();
  await fits("the kitchen");
  await shot(page, "phone-kitchen");
});

test("the kitchen sees an order come, go through its stages, and become ready", async () => {
  const kitchen = await openPage({ viewport: { width: 1280, height: 720 } });
  await kitchen.goto(`${SHOP}/kitchen`);
  await kitchen.locator("#connection", { hasText: "Live" }).waitFor();
  const customer = await another(kitchen);
  const id = await order(customer);
  const number = id.replace(/[^A-Za-z0-9]/g, "").slice(-5).toUpperCase();
  await kitchen.bringToFront();
  const seen = [];
  await until("it is ready", async () => {
    const [where] = await kitchen.locator(".column", { has: kitchen.locator(".number", { hasText: number }) }).locator("h2").evaluateAll((all) => all.map((it) => it.firstChild.textContent));
    if (where && seen.at(-1) !== where) seen.push(where);
    if (where === "Bake") await shot(kitchen, "kitchen");
    return where === "To collect" || seen;
  });
  const places = ["Arriving", ...STAGES, "To collect"];
  assert.deepEqual(seen, places.filter((place) => seen.includes(place)), "in their order");
  assert.ok(seen.includes("Bake"), String(seen));
});
