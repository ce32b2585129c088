// Makes elements. Text stays text: what a name or a reason says never becomes markup.

/**
 * An element with attributes and children. `on` has listeners by event; `false`, `null` and `undefined`
 * leave an attribute or a child out; `true` is an attribute without a value.
 */
export function build(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(Infinity).filter(isThere));
  return element;
}

/** Puts these in place of what is in it. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(isThere));
}

/** Writes text only where it is another: what listens to a live region hears each once. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The element with that id. */
export const at = (id) => document.getElementById(id);

function isThere(child) {
  return child !== false && child !== null && child !== undefined;
}
