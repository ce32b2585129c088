// One order, followed live: where it stands, what it waits for, and what can be done with it.

import { ask, pause } from "./ask.js";
import { at, build, fill, write } from "./build.js";
import { follow } from "./follow.js";
import { addTo, ahead, steps } from "./steps.js";
import { callNumber, duration, isOver, moment, money, since, statusSentence, statusWords, waitingWords } from "./words.js";

/** Between two looks where there is no stream; and while it is in a line, which only asking tells of. */
const LOOK = 2_500;
const SOON = 100;
/** What history says may be a second old. */
const LATE = 1_000;
/** Seconds that the shop waits for an order that isn't known yet. */
const FRESH = 5;

/** Shows it in `view` until what it gives is called. */
export function showOrder(view, id) {
  const leaving = new AbortController();
  const shown = { id, order: null, timeline: [], isGone: false, wasThere: false, connection: "connecting", said: null, asked: null };
  const isLeft = () => leaving.signal.aborted;
  const show = () => isLeft() || render(view, shown, act);
  let soon;
  fill(view, frame(id));

  const lookIn = (milliseconds) => {
    clearTimeout(soon);
    if (!isLeft()) soon = setTimeout(() => look(), milliseconds);
  };

  const look = async (wait) => {
    try {
      const order = await ask(`/orders/${id}`, { headers: wait ? { Prefer: `wait=${wait}` } : {} });
      order.timeline.forEach((entry) => addTo(shown.timeline, entry));
      // What the stream told may be newer than what was kept when it was asked.
      if (!shown.order || latest(order.timeline) >= latest(shown.timeline)) shown.order = order;
      else {
        const { status, stage, waiting } = shown.order;
        shown.order = { ...order, status, stage, waiting };
        lookIn(LATE);
      }
      Object.assign(shown, { isGone: false, problem: null });
    } catch (problem) {
      if (problem.status === 404) {
        // A shop that was started anew has forgotten it.
        const wasThere = shown.wasThere || shown.order !== null;
        Object.assign(shown, { isGone: true, wasThere, order: null, timeline: [] });
      } else shown.problem = problem;
    }
    show();
  };

  const told = ({ data }) => {
    if (!data || !addTo(shown.timeline, data)) return;
    if (shown.order && data.status) {
      const { status, stage } = data;
      shown.order = { ...shown.order, status, stage: status === "in_progress" || status === "queued" ? stage : undefined, waiting: undefined };
    }
    show();
    // What it is to pay, and what it waits for, isn't in the event; of several at once one look tells.
    lookIn(SOON);
  };

  const stream = follow(`/orders/${id}/events`, {
    onEvent: told,
    onState: (state, problem) => {
      shown.connection = state;
      if (problem?.status === 401) shown.problem = problem;
      show();
    },
  });

  const act = async (what, body) => {
    shown.asked = what;
    shown.said = null;
    show();
    try {
      await ask(`/orders/${id}/${what}`, { method: "POST", body });
      // From here on its status tells.
      shown.said = { what, isTaken: true };
    } catch (problem) {
      shown.said = { what, text: `${problem.message} Try again.` };
      shown.asked = null;
    }
    show();
  };

  (async () => {
    await look(FRESH);
    while (!isLeft()) {
      await pause(LOOK, leaving.signal);
      const inLine = shown.order?.status === "queued" && !document.hidden;
      const isUnfollowed = shown.connection === "refused" && shown.problem?.status !== 401;
      const isWanted = !shown.order ? shown.problem?.status !== 401 : !isOver(shown.order.status) && (inLine || isUnfollowed);
      if (!isLeft() && isWanted) await look();
      if (shown.order && isOver(shown.order.status) && shown.order.status !== "cancelled") stream.stop();
    }
  })();
  const ticking = setInterval(() => tick(view), 1000);
  return () => {
    leaving.abort();
    clearTimeout(soon);
    stream.stop();
    clearInterval(ticking);
  };
}

const latest = (timeline) => Math.max(0, ...timeline.map(({ sequence }) => sequence ?? 0));

function frame(id) {
  return [
    build("p", { class: "soft" }, "Your number is ", build("strong", { class: "number" }, callNumber(id))),
    build("h1", { id: "status", tabindex: -1 }, "Your order"),
    build("p", { id: "sentence", class: "lead-text" }, "Looking for it …"),
    build("p", { id: "connection", class: "connection", role: "status" }),
    build("div", { id: "waiting" }),
    build("ol", { id: "steps", class: "steps", "aria-label": "What happened so far" }),
    build("div", { id: "doing" }),
    build("div", { id: "bill" }),
  ];
}

function render(view, shown, act) {
  const { order, connection, timeline, isGone, problem } = shown;
  if (!order) {
    if (isGone && shown.wasThere) {
      at("status").textContent = "Not known any more";
      waits(undefined);
      for (const id of ["steps", "doing", "bill"]) fill(at(id), []);
    }
    const unknown = shown.wasThere
      ? "The shop doesn't know this order any more."
      : "This order isn't known yet. One that was placed just now appears in a moment.";
    write(at("sentence"), isGone ? unknown : problem?.message ?? "Looking for it …");
    connected(connection, false);
    return;
  }
  const words = statusWords(order);
  if (at("status").textContent !== words) {
    at("status").textContent = words;
    write(at("aloud"), `${words}. ${statusSentence(order)}`);
  }
  view.dataset.status = order.status;
  write(at("sentence"), statusSentence(order));
  connected(connection, isOver(order.status));
  waits(order.waiting);
  fill(at("steps"), steps(timeline).map(step));
  doing(shown, act);
  bill(order);
}

const CONNECTIONS = {
  connecting: "",
  live: "Live: this page changes by itself.",
  lost: "Connection lost, trying again …",
  refused: "Looking again every few seconds.",
};

function connected(connection, isEnded) {
  const place = at("connection");
  place.dataset.state = isEnded ? "ended" : connection;
  write(place, isEnded ? "" : CONNECTIONS[connection]);
}

function waits(waiting) {
  // What waits for its customer says so already.
  if (!waiting || waiting.for === "collection") return fill(at("waiting"));
  const left = waiting.due_at && Math.ceil((new Date(waiting.due_at) - Date.now()) / 1000);
  fill(at("waiting"),
    build("dl", { class: "waiting card" },
      build("div", {}, build("dt", {}, "Waits for"), build("dd", {}, waitingWords(waiting))),
      waiting.since && build("div", {}, build("dt", {}, "For"), build("dd", { "data-since": waiting.since }, since(waiting.since))),
      left > 0 && build("div", {}, build("dt", {}, "About"), build("dd", { "data-until": waiting.due_at }, `${duration(left)} left`)),
      waiting.ahead !== undefined && waiting.ahead !== null &&
        build("div", {}, build("dt", {}, "In line"), build("dd", {}, ahead(waiting.ahead)))));
}

function step({ name, state, at, until, note }) {
  const isOpen = state === "now" || state === "waits";
  const took = until && duration((new Date(until) - new Date(at)) / 1000);
  const word = { done: "done", now: "now", waits: "waits", bad: "" }[state];
  return build("li", { class: state, "aria-current": state === "now" && "step" },
    build("span", { class: "name" }, name, word && build("span", { class: "hidden" }, `, ${word}`)),
    note && build("span", { class: "soft small" }, note),
    build("span", { class: "soft small time" },
      isOpen ? build("span", { "data-since": at }, since(at)) : took ? `took ${took}` : moment(at)));
}

/** What its customer can do now. */
function doing({ order, said, asked }, act) {
  const place = at("doing");
  const canCancel = ["placed", "confirmed", "queued"].includes(order.status) && asked !== "cancellation" && !isStarted(order);
  const canCollect = order.status === "ready" && asked !== "collection";
  const state = `${canCancel} ${canCollect} ${asked} ${said?.text} ${order.status}`;
  if (place.dataset.shown === state) return;
  place.dataset.shown = state;
  const hadFocus = place.contains(document.activeElement);
  const keep = () => {
    delete place.dataset.shown;
    doing({ order, said, asked }, act);
    at("cancel")?.focus();
  };
  const ask = () => fill(place, sure(() => act("cancellation", "{}"), keep));
  const pending = asked && !said?.text && !isOver(order.status);
  fill(place,
    canCollect && build("p", { class: "actions" }, build("button", { type: "button", id: "collect", class: "primary big", on: { click: () => act("collection") } }, "I have collected it")),
    canCancel && build("p", { class: "actions" }, build("button", { type: "button", id: "cancel", class: "quiet", on: { click: ask } }, "Cancel this order")),
    pending && build("p", { class: "soft", role: "status" }, asked === "collection" ? "Noted. One moment …" : "Asked. Whether it still can be is decided in the kitchen."),
    said?.text && build("p", { class: "error", role: "alert" }, said.text));
  if (hadFocus && !place.contains(document.activeElement)) at("status").focus({ preventScroll: true });
}

const isStarted = ({ timeline }) => (timeline ?? []).some(({ type }) => type === "StageStarted");

function sure(yes, no) {
  const button = build("button", { type: "button", class: "primary", on: { click: yes } }, "Yes, cancel it");
  queueMicrotask(() => button.focus());
  return build("div", { class: "note", role: "group", "aria-label": "Cancel this order?" },
    build("p", {}, "Cancel this order?"),
    build("p", { class: "actions" }, button, build("button", { type: "button", class: "quiet", on: { click: no } }, "Keep it")));
}

function bill({ order_id: id, lines, total, to_pay: toPay, discounts = [], currency, placed_at: placed }) {
  fill(at("bill"),
    build("section", { class: "card bill", "aria-labelledby": "bill-title" },
      build("h2", { id: "bill-title" }, "What you ordered"),
      build("ul", {}, lines.map(({ sku, name, quantity, unit_price: price }) =>
        build("li", {}, build("span", {}, `${quantity} × ${name ?? sku}`), build("span", {}, money(price * quantity, currency))))),
      discounts.map(({ rule, coupon, amount }) =>
        build("p", { class: "line-of" }, build("span", {}, coupon ? `${rule} (${coupon})` : rule), build("span", {}, `− ${money(amount, currency)}`))),
      build("p", { class: "total" }, build("span", {}, toPay !== undefined && toPay !== total ? "To pay" : "Total"), build("strong", {}, money(toPay ?? total, currency))),
      build("p", { class: "soft small id" }, `Ordered ${moment(placed)} · ${id}`)));
}

/** What says how long something takes. */
function tick(view) {
  for (const place of view.querySelectorAll("[data-since]")) write(place, since(place.dataset.since));
  for (const place of view.querySelectorAll("[data-until]")) {
    write(place, `${duration(Math.max(0, Math.ceil((new Date(place.dataset.until) - Date.now()) / 1000)))} left`);
  }
}
