// The kitchen's page: the board, drawn anew when something changed, and kept true by a look now and then.

import { ask } from "./ask.js";
import { Board, WINDOW_MINUTES } from "./board.js";
import { at, build, fill, write } from "./build.js";
import { follow } from "./follow.js";
import { callNumber, capital, duration, many } from "./words.js";

/** Between two looks at what the shop knows. */
const LOOK = 20_000;
const REFUSED_LOOK = 3_000;
/** Between two drawings: a rush changes much at once. */
const DRAW = 200;
/** Orders of a line, and of those to collect, that are shown. */
const SHOWN = 30;
const SHOWN_READY = 12;

const board = new Board();
let connection = "connecting";
let isDrawing = false;
let next;

follow("/kitchen/events", {
  onEvent: (event) => board.apply(event) && draw(),
  onState: (state, problem) => {
    connection = state;
    // What happened while nobody listened is in what the shop knows.
    look(problem);
    draw();
  },
});
setInterval(draw, 1000);

async function look(refused) {
  clearTimeout(next);
  try {
    if (refused && [401, 403].includes(refused.status)) throw refused;
    board.reset(await ask("/kitchen/orders"));
    trouble(null);
    next = setTimeout(look, connection === "refused" ? REFUSED_LOOK : LOOK);
  } catch (problem) {
    trouble(problem);
    if (![401, 403].includes(problem.status)) next = setTimeout(look, REFUSED_LOOK);
  }
  draw();
}

function trouble(problem) {
  const again = () => location.reload();
  const text = problem?.status === 403 ? "This key is no operator's: the kitchen is theirs." : problem?.message;
  if (problem?.status === 403) sessionStorage.removeItem("orderly-key");
  fill(at("trouble"), text && build("div", { class: "note bad" }, build("p", {}, text),
    [401, 403].includes(problem.status) && build("p", { class: "actions" }, build("button", { type: "button", on: { click: again } }, "Give another key"))));
}

function draw() {
  if (isDrawing) return;
  isDrawing = true;
  setTimeout(() => {
    isDrawing = false;
    show();
  }, DRAW);
}

const CONNECTIONS = {
  connecting: "Connecting …",
  live: "Live",
  lost: "Connection lost, trying again …",
  refused: "Looking again every few seconds",
};

function show() {
  at("connection").dataset.state = connection;
  write(at("connection"), CONNECTIONS[connection]);
  const columns = board.columns();
  figures(columns);
  const arriving = board.arriving();
  const ready = board.toCollect();
  fill(at("board"),
    column("Arriving", [["On the way", arriving.slice(0, SHOWN).map((order) => ticket(order))]], arriving.length, "arriving"),
    columns.map(({ name, stations, line }) =>
      column(capital(name), [
        ["In work", stations.map(({ name, order }) => ticket(order, name && `Station ${name}`))],
        ["In line", line.slice(0, SHOWN).map((order, place) => ticket(order, `${place + 1}.`)), line.length - SHOWN],
      ], stations.length + line.length)),
    column("To collect", [["Newest first", ready.slice(0, SHOWN_READY).map((order) => ticket(order)), ready.length - SHOWN_READY]], ready.length, "ready"));
}

function figures(columns) {
  const minutes = board.throughput();
  const [sum, most] = [minutes.reduce((a, b) => a + b, 0), Math.max(1, ...minutes)];
  const [inWork, inLine] = columns.reduce(([work, line], column) => [work + column.stations.length, line + column.line.length], [0, 0]);
  const oldest = columns.flatMap(({ line }) => line).reduce((oldest, { since }) => Math.min(oldest, since), Infinity);
  const bars = minutes.map((count) => {
    const bar = build("span", { class: "bar" });
    bar.style.setProperty("--part", count / most);
    return bar;
  });
  fill(at("figures"),
    figure("In work", String(inWork), board.counted > board.orders.size && `${board.counted} in the kitchen`),
    figure("In line", String(inLine), oldest < Infinity && `longest ${duration((Date.now() - oldest) / 1000)}`),
    figure(`Ready in ${WINDOW_MINUTES} min`, String(sum), `${(sum / WINDOW_MINUTES).toFixed(1)} a minute`),
    build("div", { class: "figure chart", role: "img", "aria-label": `Ready in each of the last ${WINDOW_MINUTES} minutes: ${minutes.join(", ")}` }, bars));
}

function figure(name, value, note) {
  return build("div", { class: "figure" },
    build("span", { class: "soft small" }, name), build("strong", {}, value), note && build("span", { class: "soft small" }, note));
}

/** `groups`: names, their tickets, and how many more there are. */
function column(name, groups, count, kind = "stage") {
  const id = `column-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  return build("section", { class: `column ${kind}`, "aria-labelledby": id },
    build("h2", { id }, name, build("span", { class: "count" }, String(count), build("span", { class: "hidden" }, ` ${count === 1 ? "order" : "orders"}`))),
    groups.map(([title, tickets, more]) => [
      (kind === "stage" || tickets.length > 0) && build("h3", {}, title),
      tickets.length ? build("ul", {}, tickets) : build("p", { class: "soft small nobody" }, kind === "stage" ? (title === "In work" ? "Free" : "Nobody") : "None"),
      more > 0 && build("p", { class: "soft small" }, `and ${many(more, "more", "more")}`),
    ]));
}

function ticket(order, place) {
  const isWork = order.status === "in_progress" && !order.isBetween;
  const item = build("li", { class: isWork ? "ticket work" : "ticket", title: order.id },
    place && build("span", { class: "place" }, String(place)),
    build("strong", { class: "number" }, callNumber(order.id)),
    build("span", { class: "for" }, duration(Math.max(0, (Date.now() - order.since) / 1000))));
  // How much of its stage is over.
  if (isWork && order.due > order.since) item.style.setProperty("--part", Math.min(1, Math.max(0, (Date.now() - order.since) / (order.due - order.since))));
  return item;
}
