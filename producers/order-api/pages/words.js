// Statuses, events, money and time in words.

const STAGES = {
  prep: "Preparing",
  bake: "Baking",
  oven: "In the oven",
  pick: "Picking",
  pack: "Packing",
  dispatch: "Sending",
};

/** What an order is in while it is in a stage. */
export function stageName(stage) {
  return STAGES[stage] ?? capital(stage);
}

/** A stage's own name, as a column has it. */
export const capital = (word) => (word ? word[0].toUpperCase() + word.slice(1) : "");

/** Statuses behind which nothing comes by itself. */
const ENDS = ["completed", "cancelled", "rejected", "refunded"];
export const isOver = (status) => ENDS.includes(status);

/** Where an order stands, in a few words. */
export function statusWords({ status, stage }) {
  switch (status) {
    case "placed":
      return "Sent to the kitchen";
    case "confirmed":
      return "Confirmed";
    case "queued":
      return stage ? `In line: ${capital(stage)}` : "In line";
    case "in_progress":
      return stage ? stageName(stage) : "Being made";
    case "ready":
      return "Ready to collect";
    case "completed":
      return "Collected";
    case "cancelled":
      return "Cancelled";
    case "rejected":
      return "Not possible";
    case "refunded":
      return "Refunded";
    default:
      return capital(String(status).replaceAll("_", " "));
  }
}

/** What goes with it, as a sentence. */
export function statusSentence({ status }) {
  switch (status) {
    case "placed":
      return "Your order is written down. The kitchen looks at it next.";
    case "confirmed":
      return "The kitchen has taken it and begins in a moment.";
    case "queued":
      return "It waits for its turn.";
    case "in_progress":
      return "It is being made.";
    case "ready":
      return "It waits for you at the counter. Say your number.";
    case "completed":
      return "Enjoy it!";
    case "cancelled":
      return "It won't be made.";
    case "rejected":
      return "The kitchen can't make it. Nothing is to be paid.";
    case "refunded":
      return "What you paid goes back to you.";
    default:
      return "";
  }
}

/** What an order waits for. */
export function waitingWords({ for: what, stage }) {
  switch (what) {
    case "confirmation":
      return "The kitchen's answer";
    case "preparation":
      return "The kitchen to begin";
    case "station":
      return `A free place: ${capital(stage)}`;
    case "stage":
      return `${capital(stage)} to be done`;
    default:
      return capital(String(what).replaceAll("_", " "));
  }
}

const REASONS = { out_of_stock: "something in it is out of stock" };

/** A reason as a service gives it. */
export const reasonWords = (reason) => REASONS[reason] ?? reason;

/** `8.5` EUR as customers read it. */
export function money(amount, currency) {
  const options = { style: "currency", currency, minimumFractionDigits: 2, maximumFractionDigits: 4 };
  try {
    return new Intl.NumberFormat(undefined, options).format(amount);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** `12:03`, with the day where it isn't today. */
export function moment(text) {
  const time = new Date(text);
  const isToday = time.toDateString() === new Date().toDateString();
  const day = isToday ? {} : { day: "numeric", month: "short" };
  return time.toLocaleString(undefined, { ...day, hour: "2-digit", minute: "2-digit" });
}

/** `0:34`, `1:02:03`, `3 days`: how long it is since then. */
export function since(text) {
  const seconds = Math.max(0, Math.floor((Date.now() - new Date(text)) / 1000));
  return duration(seconds);
}

export function duration(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  if (seconds >= 172_800) return `${Math.floor(seconds / 86_400)} days`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = two(Math.floor(seconds) % 60);
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** The end of an order's id, as it is called out at the counter. */
export function callNumber(orderId) {
  return orderId.replace(/[^A-Za-z0-9]/g, "").slice(-5).toUpperCase();
}

/** `1 order`, `2 orders`. */
export const many = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;
