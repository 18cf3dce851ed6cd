/* Keyboard shortcuts of the present page.

   register("e", "Archive", event => …)        a single key; "Shift+I", "Ctrl+Enter", "#" likewise
   register("g i", "Go to the inbox", …)       a sequence
   register(..., { group: "Messages", always: true })

   Single letters act only while no field has the focus (WCAG 2.1.4) and can be switched off by the preference that
   <html data-keys="off"> carries; `always` is for chords with Ctrl that act in fields too. `?` lists what is registered.
   The names come from templates: elements with data-key="e" and an accessible name register themselves as clicks. */

const shortcuts = new Map(); // by the keys that templates and scripts name
const own = JSON.parse(document.querySelector('meta[name="keys"]')?.content ?? "{}"); // what somebody presses instead
let gate = () => false;
export const PAUSE = 1500; // milliseconds that may lie between the strokes of a sequence
let pending = "";
let struck = 0; // when the pending stroke happened: by its event, since a busy page hears of it late

export function register(keys, name, run, { group = "", always = false } = {}) {
  shortcuts.set(keys, { name, run, group, always });
  return () => shortcuts.delete(keys);
}

/** What is pressed for these keys; "" where nothing is. */
export const pressed = (keys) => own[keys] ?? keys;

export function list() {
  return [...shortcuts].map(([named, { name, group, run }]) => ({ named, keys: pressed(named), name, group, run }));
}

/** `test(keys, run)` sees every shortcut before it acts. It answers true when it has kept `run` for later. */
export function hold(test) {
  gate = test;
}

/** The event as it is written in `register`: modifiers in the order Ctrl, Alt, Shift; Shift only beside letters. */
export function written(event) {
  let key = event.key === " " ? "Space" : event.key;
  const letter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  if (letter) key = event.ctrlKey || event.metaKey || event.shiftKey ? key.toUpperCase() : key.toLowerCase();
  const shift = event.shiftKey && (letter || key.length > 1);
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") + (shift ? "Shift+" : "") + key;
}

function writes(element) {
  return element instanceof Element && element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open], [role=listbox]") !== null;
}

function onKey(event) {
  if (event.defaultPrevented || event.isComposing || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
  const stroke = written(event);
  const single = !stroke.includes("Ctrl+") && !stroke.includes("Alt+");
  const silent = writes(event.target) || (single && document.documentElement.dataset.keys === "off" && event.key.length === 1);
  const typed = pending && event.timeStamp - struck < PAUSE ? `${pending} ${stroke}` : stroke;
  const named = (struck) => [...shortcuts.keys()].find((keys) => pressed(keys) === struck);
  const keys = named(typed) ?? named(stroke) ?? stroke;
  const found = shortcuts.get(keys);
  pending = "";
  if (!silent && gate(keys, () => shortcuts.get(keys)?.run(event))) {
    event.preventDefault();
  } else if (found && (found.always || !silent)) {
    if (found.run(event) !== false) event.preventDefault();
  } else if (!silent && [...shortcuts.keys()].some((keys) => pressed(keys).startsWith(`${typed} `))) {
    [pending, struck] = [typed, event.timeStamp];
  }
}

/** Links and buttons that name their key: <a data-key="g h" title="Home (g h)">. The first visible one of a key is used. */
export function adopt(root) {
  for (const element of root.querySelectorAll("[data-key]")) {
    const keys = element.dataset.key;
    if (keys in own) element.title = element.title.replace(`(${keys})`, own[keys] && `(${own[keys]})`).trim();
    const name = element.dataset.keyName || element.getAttribute("aria-label") || element.textContent.trim();
    register(keys, name, () => {
      const named = [...document.querySelectorAll(`[data-key="${CSS.escape(keys)}"]`)];
      const target = named.find((e) => e.checkVisibility?.() ?? true) ?? named[0];
      if (!target) return false;
      target.matches("input, textarea") ? target.focus() : target.click();
      return true;
    }, { group: element.dataset.keyGroup || "" });
  }
}

export function start() {
  document.addEventListener("keydown", onKey);
  adopt(document);
  document.addEventListener("htmx:after:process", (event) => adopt(event.target instanceof Element ? event.target : document));
  const dialog = document.getElementById("keys-help");
  if (!dialog) return;
  const show = () => void import("./keys-help.js").then((module) => module.show(dialog, list()), () => {});
  register("?", dialog.querySelector("h2").textContent, show);
  for (const button of document.querySelectorAll("button[data-keys]")) {
    button.hidden = false;
    button.addEventListener("click", show);
  }
}
