// A shop that answers as a test says, with the real pages.

import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import { after } from "node:test";

const PAGES = new URL("../../producers/order-api/pages/", import.meta.url);
const KINDS = { html: "text/html; charset=utf-8", css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8", svg: "image/svg+xml" };
const POLICY = readFileSync(new URL("../src/pages.rs", PAGES), "utf8").match(/const POLICY: &str = "((?:[^"\\]|\\\s)*)"/)[1].replace(/\\\s+/g, "");

const files = new Map([["/", "customer.html"], ["/kitchen", "kitchen.html"]]);
for (const name of readdirSync(PAGES)) files.set(`/assets/${name}`, name);

/** A problem by RFC 9457. */
export const problem = (status, kind, detail, more = {}) => {
  const { headers = {}, ...rest } = more;
  const body = { type: `/problems/${kind}`, title: kind, status, detail, ...rest };
  return { status, headers: { "Content-Type": "application/problem+json", ...headers }, body };
};
export const ok = (body, status = 200) => ({ status, headers: { "Content-Type": "application/json" }, body });

const servers = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/**
 * `answers` by `METHOD /path` (without the query): what `ok` or `problem` make, or a function of the request
 * (with `json` and `url`) that gives that, or writes to the response itself and gives nothing. What isn't there is 404.
 */
export async function openStub(answers) {
  const asked = [];
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://shop");
    const file = request.method === "GET" && files.get(url.pathname);
    if (file) {
      const kind = KINDS[file.split(".")[1]];
      response.writeHead(200, { "Content-Type": kind, "Content-Security-Policy": POLICY, "Cache-Control": "no-cache" });
      return response.end(readFileSync(new URL(file, PAGES)));
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const at = { method: request.method, path: url.pathname, url, headers: request.headers, text, time: Date.now() };
    asked.push(at);
    const answer = answers[`${request.method} ${url.pathname}`] ?? problem(404, "no-such-route", "There is nothing at this path.");
    const { status, headers, body } = (typeof answer === "function" ? answer(at, response) : answer) ?? {};
    if (status === undefined) return;
    response.writeHead(status, headers);
    response.end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    answers,
    /** What was asked so: `POST /orders`. */
    asked: (what) => asked.filter(({ method, path }) => what === `${method} ${path}`),
  };
}

const MENU = [
  { sku: "margherita", name: "Margherita", description: "Tomato, basil", category: "pizza", price: "8.50", currency: "EUR" },
  { sku: "fig", name: "Fig <img src=x onerror=alert(1)>", category: "pizza", price: "12.75", currency: "EUR" },
  { sku: "tea", name: "Tea", price: "2.00", currency: "GBP" },
];

/** A menu that can be searched. */
export const menu = (products = MENU) => ({ url }) => {
  const words = (url.searchParams.get("q") ?? "").toLowerCase();
  return ok({ products: products.filter(({ name, sku }) => `${name} ${sku}`.toLowerCase().includes(words)) });
};

const AT = (seconds) => new Date(Date.UTC(2026, 10, 20, 12, 0, seconds)).toISOString();

/** The events of an order that goes through one stage. */
export const EVENTS = [
  { type: "OrderPlaced", at: AT(0), event_id: "e0", status: "placed" },
  { type: "OrderConfirmed", at: AT(1), event_id: "e1", sequence: 1, status: "confirmed" },
  { type: "StageQueued", at: AT(2), event_id: "e2", sequence: 2, stage: "oven", ahead: 2, status: "queued" },
  { type: "StageStarted", at: AT(5), event_id: "e3", sequence: 3, stage: "oven", station: 1, status: "in_progress" },
  { type: "StageCompleted", at: AT(65), event_id: "e4", sequence: 4, stage: "oven", status: "in_progress" },
  { type: "ReadyForPickup", at: AT(66), event_id: "e5", sequence: 5, status: "ready" },
];

/** What is known of that order after so many of its events. */
export function order(id, events, more = {}) {
  const timeline = EVENTS.slice(0, events).map(({ status, ...entry }) => entry);
  const last = EVENTS[events - 1];
  return {
    order_id: id, status: last.status, stage: last.stage, currency: "EUR", total: "8.50", placed_at: AT(0), historic: false,
    lines: [{ sku: "margherita", name: "Margherita", quantity: 1, unit_price: "8.50" }], timeline, ...more,
  };
}

/** Begins a stream, and gives what writes an event to it. */
export function stream(response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write(": here\n\n");
  return (event, id) => response.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}
