// One Chromium for a script, and pages in it that may not fail silently.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after } from "node:test";

const { chromium } = createRequire(process.env.PLAYWRIGHT)("playwright-core");
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
/** A busy machine takes its time. */
const PATIENCE = 60_000;

let launched;
const contexts = [];

/** A page of a customer's own: what they keep is theirs. `options` are those of a browser context. */
export async function openPage(options = {}) {
  launched ??= await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });
  const context = await launched.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(PATIENCE);
  contexts.push(context);
  await context.addInitScript(keepWhatIsSaid);
  return watched(await context.newPage());
}

/** Another page of the same customer. */
export const another = async (page) => watched(await page.context().newPage());

/** Keeps each line that a page ever shows, however short a time: what looks at it may be slower. */
function keepWhatIsSaid() {
  window.everSaid = new Set();
  const keep = () => document.body?.innerText.split("\n").forEach((line) => window.everSaid.add(line.trim()));
  new MutationObserver(keep).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

/** Waits until the page has shown a line that begins so, even where it shows it no longer. */
export const hasSaid = (page, words) =>
  until(`"${words}" is shown`, async () => {
    const lines = await page.evaluate(() => [...window.everSaid]);
    return lines.some((line) => line.startsWith(words)) || lines;
  });

/** What went wrong in a page that no test looks for. */
const faults = [];

function watched(page) {
  page.on("pageerror", (error) => faults.push(error.stack ?? error.message));
  page.on("console", (message) => {
    // That something isn't answered well is what the stories are about.
    if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(message.text())) faults.push(message.text());
  });
  return page;
}

after(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  await launched?.close();
  assert.deepEqual(faults, []);
});

/** Waits until it is true; what it gives last is in the error. */
export async function until(what, isTrue) {
  const end = Date.now() + PATIENCE;
  for (let last; ; ) {
    last = await isTrue();
    if (last === true) return;
    assert.ok(Date.now() < end, `never: ${what}; at last: ${JSON.stringify(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The name of what has the focus, as it is said to who listens. */
export const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: it } = document;
    const label = it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent;
    return label.trim().replace(/\s+/g, " ");
  });

/** Presses Tab until what has the focus is called so. */
export async function tabTo(page, name, key = "Tab") {
  const passed = [];
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press(key);
    const label = await focused(page);
    if (name.test(label)) return;
    passed.push(label);
  }
  assert.fail(`Tab never comes to ${name}, but to: ${passed.join(" | ")}`);
}

/** A picture into the folder that `SHOTS` names, where it names one. */
export async function shot(page, name) {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
}
