// Places an order exactly once, however often it has to be said: the same body goes under the same
// Idempotency-Key until it is known what became of it, also after the page was closed in between.

import { ask, pause } from "./ask.js";

const KEPT = "orderly-placing";
const TRIES = 6;
/** Longer than the shop takes for any answer. */
const PATIENCE = 20_000;
/** Answers that say: the same again, later. */
const LATER = [408, 409, 425, 429, 503];

/** An order of which it isn't known whether it was taken: its body. */
export function unknown() {
  const { body, isUnknown } = kept();
  return isUnknown ? body : null;
}

/** Lets it be unknown: whatever is placed next is another order. */
export const giveUp = () => localStorage.removeItem(KEPT);

/**
 * Places it. `onWait({ problem, seconds, isUnknown })` hears of each pause before the next try. Throws the
 * last problem, with `isUnknown` where the order may have been taken.
 */
export async function place(body, onWait) {
  const { key, ...before } = claim(body);
  let isUnknown = before.isUnknown ?? false;
  for (let tries = 1; ; tries++) {
    try {
      const headers = { "Idempotency-Key": key };
      const accepted = await ask("/orders", { method: "POST", body, headers, patience: PATIENCE });
      giveUp();
      return accepted;
    } catch (problem) {
      // Without an answer, and with one that says nothing of it, it may have been taken.
      const says = problem.status >= 400 && problem.status < 500;
      const mayBe = !says && problem.status !== 503;
      isUnknown ||= mayBe;
      if (!mayBe && !LATER.includes(problem.status) && problem.status !== 401) {
        giveUp();
        throw problem;
      }
      keep({ key, body, isUnknown });
      problem.isUnknown = isUnknown;
      if (tries === TRIES || problem.status === 401) throw problem;
      const seconds = problem.retryAfter ?? Math.min(8, 2 ** (tries - 1));
      onWait({ problem, seconds, isUnknown });
      await pause(seconds * 1000);
    }
  }
}

/** The key that this body goes under. */
function claim(body) {
  const before = kept();
  if (before.body === body && before.key) return before;
  const key = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
  const placing = { key, body, isUnknown: false };
  keep(placing);
  return placing;
}

function keep(placing) {
  localStorage.setItem(KEPT, JSON.stringify(placing));
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}") ?? {};
  } catch {
    return {};
  }
}
