// One question to the shop, and what it answers, also where that is a problem.

import { askKey, whoAsks } from "./ask_key.js";

/** What stood in the way: as a problem by RFC 9457 says it, or that no answer came. */
export class Problem extends Error {
  /** `status` 0: there was no answer. `retryAfter`: seconds, where the shop said when to come back. */
  constructor({ status = 0, kind = "no-answer", title = "", detail = "", errors = [], retryAfter = null, orderId = null }) {
    super(detail || title);
    Object.assign(this, { status, kind, title, detail, errors, retryAfter, orderId });
  }
}

const NO_ANSWER = "The shop can't be reached. Is this device online?";

/**
 * Asks, and gives the answer's JSON. `patience`: milliseconds. Where a key is wanted it is asked for, and the
 * same is asked again. Throws a Problem.
 */
export async function ask(path, { method = "GET", body, headers = {}, patience = 15_000 } = {}) {
  const said = body === undefined ? {} : { "Content-Type": "application/json" };
  for (;;) {
    const answer = await send(path, {
      method,
      body,
      cache: "no-store",
      headers: { Accept: "application/json", ...said, ...headers, ...whoAsks() },
      signal: AbortSignal.timeout(patience),
    });
    if (answer.response.ok) {
      try {
        return JSON.parse(answer.text);
      } catch {
        throw new Problem({ detail: "The answer can't be read." });
      }
    }
    const problem = read(answer.response, answer.text);
    if (problem.status !== 401 || !(await askKey())) throw problem;
  }
}

async function send(path, request) {
  try {
    const response = await fetch(path, request);
    // A body that breaks off is an answer that never came.
    return { response, text: await response.text() };
  } catch {
    throw new Problem({ detail: NO_ANSWER });
  }
}

/** What an answer that isn't good says. */
export function read(response, text) {
  let said = {};
  try {
    said = JSON.parse(text) ?? {};
  } catch {
    // A proxy between us and the shop may answer anything.
  }
  return new Problem({
    status: response.status,
    kind: String(said.type ?? "").replace("/problems/", ""),
    title: said.title,
    detail: said.detail ?? `The shop answered ${response.status}.`,
    errors: Array.isArray(said.errors) ? said.errors : [],
    retryAfter: retryAfter(response.headers.get("Retry-After")),
    orderId: said.order_id,
  });
}

/** Seconds, from a number or a date; a minute at most, as somebody waits. */
function retryAfter(text) {
  if (!text) return null;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(60, Math.max(0, Math.ceil(seconds))) : null;
}

/** Milliseconds pass, or the device is online again. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      removeEventListener("online", over);
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, milliseconds);
    addEventListener("online", over);
    signal?.addEventListener("abort", over);
  });
}
