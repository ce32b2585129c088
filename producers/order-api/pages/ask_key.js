// Asks for an API key where the shop wants one. It stays in this tab, until that is closed.

import { at, build, fill } from "./build.js";

const KEPT = "orderly-key";
let asking = null;

/** The headers that say who asks. */
export function whoAsks() {
  const key = sessionStorage.getItem(KEPT);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/**
 * Asks for a key, or for another one. Resolves to whether one was given. Who comes while it is asked gets the
 * same answer.
 */
export function askKey(why) {
  asking ??= ask(why).finally(() => (asking = null));
  return asking;
}

function ask(why) {
  const hadOne = sessionStorage.getItem(KEPT) !== null;
  const dialog = at("key-dialog") ?? document.body.appendChild(build("dialog", { id: "key-dialog", "aria-labelledby": "key-title" }));
  const error = build("p", { class: "error", id: "key-error", role: "alert" }, hadOne ? why ?? "This key isn't known here, or not any more." : null);
  const input = build("input", {
    id: "key", type: "password", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: 200,
    "aria-describedby": "key-error", "aria-invalid": String(hadOne),
  });
  return new Promise((resolve) => {
    const given = (event) => {
      event.preventDefault();
      const key = input.value.trim();
      if (!/^[\x21-\x7e]+$/.test(key)) {
        error.textContent = "Paste the key as you got it: it begins with ok_ and has no spaces.";
        input.setAttribute("aria-invalid", "true");
        input.focus();
        return;
      }
      sessionStorage.setItem(KEPT, key);
      dialog.close("given");
    };
    fill(
      dialog,
      build("form", { on: { submit: given }, novalidate: true },
        build("h2", { id: "key-title" }, "Who asks?"),
        build("p", {}, "This shop lets in who has an API key. It is kept in this tab only, until you close it."),
        build("label", { for: "key" }, "API key"),
        input,
        error,
        build("p", { class: "actions" },
          build("button", { class: "primary" }, "Go on"),
          build("button", { type: "button", class: "quiet", on: { click: () => dialog.close("") } }, "Not now"))),
    );
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "given"), { once: true });
    dialog.returnValue = "";
    dialog.showModal();
    input.focus();
  });
}
