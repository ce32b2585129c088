// Follows a stream of Server-Sent Events by fetch, which unlike EventSource can say who asks and tells what
// was answered.

import { pause, read } from "./ask.js";
import { askKey, whoAsks } from "./ask_key.js";

/** A stream that says nothing for so long, no heartbeat either, is lost. */
const SILENCE = 45_000;
const FIRST_PAUSE = 500;
const MOST_PAUSE = 8_000;
/** A stream that ends before that is as good as lost. */
const SOON = 5_000;
/** Until a stream that can't be had is asked for again. */
const REFUSED_PAUSE = 15_000;
/** Characters that one event may have. */
const LONGEST = 1_048_576;

/**
 * Follows until `stop()` of what it gives is called. `onEvent({ type, data, id })`, with the data's JSON;
 * `onState` hears what changes: `live`; `lost`: the connection is gone, and tried again from where it was;
 * `refused`, with the problem: there is an answer and it is no stream, asked for again after a while.
 */
export function follow(path, { onEvent, onState }) {
  const stopping = new AbortController();
  run(path, onEvent, onState, stopping.signal);
  return { stop: () => stopping.abort() };
}

async function run(path, onEvent, onState, stopped) {
  const place = { id: null, pause: FIRST_PAUSE };
  let wait = FIRST_PAUSE;
  while (!stopped.aborted) {
    const live = () => {
      wait = place.pause;
      onState("live");
    };
    const ended = await connect(path, place, onEvent, live, stopped);
    if (stopped.aborted) return;
    if (ended === "again") continue;
    if (ended === "over") {
      // The shop ends a stream now and then: that is no lost connection.
      await pause(place.pause, stopped);
    } else if (ended === "lost") {
      onState("lost");
      await pause(wait * (0.75 + Math.random() / 2), stopped);
      wait = Math.min(wait * 2, MOST_PAUSE);
    } else {
      onState("refused", ended);
      // Who didn't want to say who asks isn't asked over and over.
      if (ended.status === 401) return;
      await pause(Math.max((ended.retryAfter ?? 0) * 1000, ended.kind === "order-not-found" ? 1000 : REFUSED_PAUSE), stopped);
    }
  }
}

/** One connection to its end: `over`, `lost`, `again`, or the problem that was answered. */
async function connect(path, place, onEvent, onLive, stopped) {
  const cut = new AbortController();
  const stop = () => cut.abort();
  stopped.addEventListener("abort", stop);
  // What is sent into nothing isn't told to us: the device knows first.
  addEventListener("offline", stop);
  let silence = setTimeout(stop, SILENCE);
  try {
    const resume = place.id === null ? {} : { "Last-Event-ID": place.id };
    const response = await fetch(path, {
      cache: "no-store",
      headers: { Accept: "text/event-stream", ...resume, ...whoAsks() },
      signal: cut.signal,
    });
    const isStream = (response.headers.get("Content-Type") ?? "").startsWith("text/event-stream");
    if (!response.ok || !isStream) {
      const problem = read(response, await response.text());
      return problem.status === 401 && (await askKey()) ? "again" : problem;
    }
    onLive();
    const begun = Date.now();
    const take = lines(place, onEvent);
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return Date.now() - begun > SOON ? "over" : "lost";
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE);
      take(decoder.decode(value, { stream: true }));
    }
  } catch {
    return "lost";
  } finally {
    clearTimeout(silence);
    stopped.removeEventListener("abort", stop);
    removeEventListener("offline", stop);
    cut.abort();
  }
}

/** Takes text as it comes, in pieces of any size, and gives each event once it is whole. */
export function lines(place, onEvent) {
  let rest = "";
  let event = { type: "", data: [], id: undefined };
  const line = (text) => {
    if (text === "") {
      const { type, data, id } = event;
      event = { type: "", data: [], id: undefined };
      if (id !== undefined) place.id = id;
      if (data.length) onEvent({ type: type || "message", data: json(data.join("\n")), id: place.id });
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "data") event.data.push(value);
    else if (field === "event") event.type = value;
    else if (field === "id" && !value.includes("\0")) event.id = value;
    else if (field === "retry" && /^\d+$/.test(value)) place.pause = Math.min(Number(value), MOST_PAUSE);
  };
  return (text) => {
    rest += text;
    // A carriage return at the end may be half of a line's end.
    const whole = /^([^\r\n]*)(\r\n|\n|\r(?=[^]))/;
    for (let found; (found = whole.exec(rest)); rest = rest.slice(found[0].length)) line(found[1]);
    if (rest.length > LONGEST) throw new Error("a line without an end");
  };
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
