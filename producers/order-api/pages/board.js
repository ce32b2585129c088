// The kitchen's orders, from a snapshot and from what happens: stages, stations, lines, and what comes out.

/** How long ready orders count as throughput. */
export const WINDOW_MINUTES = 10;
const MOST_ORDERS = 2_000;
/** A snapshot that lacks an order of which something was heard within this may only not know it yet. */
const FRESH = 10_000;

const IN_KITCHEN = ["confirmed", "queued", "in_progress"];

/** Types that say where an order is, by the status that it has then. */
const STATUSES = {
  OrderConfirmed: "confirmed",
  StageQueued: "queued",
  StageStarted: "in_progress",
  StageCompleted: "in_progress",
  ReadyForPickup: "ready",
  OrderCompleted: "completed",
  OrderCancelled: "cancelled",
  OrderRejected: "rejected",
  OrderRefunded: "refunded",
};

export class Board {
  /** By id: `{ id, status, stage, station, since, due, sequence, heard, isBetween }`. */
  orders = new Map();
  /** Names of stages, in the order in which orders go through them. */
  stages = [];
  /** When orders became ready, in milliseconds. */
  ready = [];
  /** Orders that the snapshot counted: more than it lists, where they are many. */
  counted = 0;

  /** Takes what the shop knows now; what was heard since is kept. */
  reset(snapshot, now = Date.now()) {
    const listed = new Set();
    /** When the last of those came that are listed in a stage, or in line for it. */
    const last = new Map();
    const where = (status, stage) => `${status} ${stage}`;
    for (const { order_id: id, status, stage, station, since, due_at: due, sequence } of snapshot.orders) {
      listed.add(id);
      const came = Date.parse(since);
      last.set(where(status, stage), Math.max(came, last.get(where(status, stage)) ?? came));
      const known = this.orders.get(id);
      if (known && known.sequence >= (sequence ?? 0)) continue;
      this.#learn(stage, known?.stage);
      const isBetween = status === "in_progress" && !due;
      this.#put({ id, status, stage, station, since: came, due: Date.parse(due), sequence: sequence ?? 0, heard: known?.heard ?? 0, isBetween });
    }
    // Of a long line not all are listed, and who came first is: who isn't and came before one who is has left.
    const isComplete = snapshot.count <= snapshot.orders.length;
    const hasLeft = ({ status, stage, since }) => isComplete || since < last.get(where(status, stage));
    for (const [id, order] of this.orders) {
      // What is confirmed or ready is in no snapshot.
      const isThere = order.status === "queued" || order.status === "in_progress";
      if (isThere && !listed.has(id) && hasLeft(order) && now - order.heard > FRESH) this.orders.delete(id);
    }
    this.counted = snapshot.count;
    this.#bound();
  }

  /** Takes one event; says whether anything changed. */
  apply({ type, data }, now = Date.now()) {
    const status = data?.status && IN_KITCHEN.concat("ready").includes(data.status) ? data.status : STATUSES[type];
    if (!data?.order_id || !status || !(type in STATUSES)) return false;
    const { order_id: id, stage, station, due_at: due, sequence } = data;
    const known = this.orders.get(id);
    if (known && sequence !== undefined && sequence <= known.sequence) return false;
    const happened = Date.parse(data.at) || now;
    if (type === "ReadyForPickup") this.#cameOut(happened, now);
    this.#learn(stage, known?.stage);
    if (status === "ready" || IN_KITCHEN.includes(status)) {
      const isBetween = type === "StageCompleted";
      this.#put({ id, status, stage, station, since: happened, due: Date.parse(due), sequence: sequence ?? (known?.sequence ?? 0) + 1, heard: now, isBetween });
    } else if (known) this.orders.delete(id);
    this.#bound();
    return true;
  }

  /** Columns: `{ name, stations: [{ name, order }], line: [order] }`, oldest first. */
  columns() {
    const open = [...this.orders.values()].filter(({ status }) => IN_KITCHEN.includes(status));
    const oldest = (a, b) => a.since - b.since || (a.id < b.id ? -1 : 1);
    return this.stages.map((name) => {
      const here = open.filter(({ stage }) => stage === name).sort(oldest);
      const working = here.filter(({ status, isBetween }) => status === "in_progress" && !isBetween);
      const stations = working.map((order) => ({ name: order.station, order }));
      stations.sort((a, b) => (a.name ?? 0) - (b.name ?? 0));
      return { name, stations, line: here.filter(({ status }) => status === "queued") };
    });
  }

  /** Confirmed or between two stages, and in none of them. */
  arriving() {
    const is = ({ status, isBetween }) => status === "confirmed" || (status === "in_progress" && isBetween);
    return this.#of(is);
  }

  /** Ready, the newest first. */
  toCollect() {
    return this.#of(({ status }) => status === "ready").reverse();
  }

  /** Orders that became ready in each of the last minutes, the oldest first. */
  throughput(now = Date.now()) {
    const minutes = Array(WINDOW_MINUTES).fill(0);
    this.ready = this.ready.filter((at) => now - at < WINDOW_MINUTES * 60_000);
    for (const at of this.ready) minutes[WINDOW_MINUTES - 1 - Math.max(0, Math.floor((now - at) / 60_000))]++;
    return minutes;
  }

  #cameOut(at, now) {
    if (now - at < WINDOW_MINUTES * 60_000) this.ready.push(at);
  }

  #of(is) {
    return [...this.orders.values()].filter(is).sort((a, b) => a.since - b.since);
  }

  #put(order) {
    // Behind the others: what is dropped first was heard of last the longest ago.
    this.orders.delete(order.id);
    this.orders.set(order.id, order);
  }

  #bound() {
    for (const id of this.orders.keys()) {
      if (this.orders.size <= MOST_ORDERS) return;
      this.orders.delete(id);
    }
  }

  /** A stage goes behind the one that an order was in before it. */
  #learn(stage, before) {
    if (!stage) return;
    const at = this.stages.indexOf(before);
    const is = this.stages.indexOf(stage);
    if (is >= 0 && (at < 0 || before === stage || is > at)) return;
    if (is >= 0) this.stages.splice(is, 1);
    this.stages.splice(at < 0 ? this.stages.length : this.stages.indexOf(before) + 1, 0, stage);
  }
}
