// What happened to an order, as the steps that its customer thinks of.

import { capital, reasonWords } from "./words.js";

/** Adds an event to those known, unless it is one of them; says whether it is new. */
export function addTo(timeline, entry) {
  const isSame = (other) =>
    entry.event_id ? other.event_id === entry.event_id : other.type === entry.type && other.at === entry.at && other.stage === entry.stage;
  if (timeline.some(isSame)) return false;
  timeline.push(entry);
  const place = ({ at, sequence }) => [Date.parse(at), sequence ?? 0];
  timeline.sort((a, b) => {
    // Statuses are numbered; clocks of different services differ.
    if (a.sequence && b.sequence) return a.sequence - b.sequence;
    const [[atA, numberA], [atB, numberB]] = [place(a), place(b)];
    return atA - atB || numberA - numberB;
  });
  return true;
}

/** Steps: `{ name, state, at, until, note }`; `state` is `done`, `now`, `waits` or `bad`. */
export function steps(timeline) {
  const steps = [];
  const stages = new Map();
  const step = (name, state, { at }, note) => {
    // What was ready is over once something comes behind it.
    const before = steps.at(-1);
    if (before?.isReady) before.state = "done";
    steps.push({ name, state, at, note });
    return steps.at(-1);
  };
  const stage = (entry) => {
    const known = stages.get(entry.stage);
    if (known) return known;
    const made = step(capital(entry.stage), "waits", entry);
    stages.set(entry.stage, made);
    return made;
  };
  for (const entry of timeline) {
    switch (entry.type) {
      case "OrderPlaced":
        step("Ordered", "done", entry);
        break;
      case "OrderConfirmed":
        step("Confirmed by the kitchen", "done", entry);
        break;
      case "StageQueued":
        if (stage(entry).state === "waits") Object.assign(stage(entry), { at: entry.at, note: ahead(entry.ahead) });
        break;
      case "StageStarted":
        Object.assign(stage(entry), { state: "now", at: entry.at, note: entry.station && `Station ${entry.station}` });
        break;
      case "StageCompleted":
        Object.assign(stage(entry), { state: "done", until: entry.at, note: null });
        break;
      case "ReadyForPickup":
        step("Ready to collect", "now", entry).isReady = true;
        break;
      case "OrderCompleted":
        step("Collected", "done", entry);
        break;
      case "OrderRejected":
        step("The kitchen can't make it", "bad", entry, why(entry));
        break;
      case "OrderCancellationRequested":
        step("You asked to cancel it", "done", entry);
        break;
      case "OrderCancellationRefused":
        step("Too late to cancel", "bad", entry, why(entry));
        break;
      case "OrderCancelled":
        step("Cancelled", "bad", entry, why(entry));
        break;
      case "OrderRefunded":
        step("Money went back", "done", entry);
        break;
      case "OrderReturned":
        step("Something was given back", "done", entry, why(entry));
        break;
    }
  }
  return steps;
}

/** How many are before it in a line. */
export function ahead(count) {
  if (count === undefined || count === null) return null;
  return count === 0 ? "Next in line" : `${count} before you`;
}

const why = ({ reason }) => (reason ? capital(reasonWords(reason)) : null);
