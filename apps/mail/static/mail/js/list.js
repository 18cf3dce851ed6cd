/* The message list: selecting, keys, and staying where one is when htmx brings a new list. Without this module links
   and forms do the same, a page at a time. */
import "./dialog.js";
import { roving } from "../../portal/js/portal.js";
import { hold, register } from "../../portal/js/keys.js";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const list = () => $("#list");
const reading = () => $("#reading");
const boxes = () => $$(".pick .cb", list());

/* --- selecting ---------------------------------------------------------------------------------------------------- */

function count() {
  const all = boxes();
  const chosen = all.filter((box) => box.checked).length;
  const words = $("[data-count]", list());
  if (words) words.textContent = words.dataset.count.replace("%s", chosen.toLocaleString(document.documentElement.lang));
  for (const box of $$("[data-all]", list())) {
    box.checked = chosen > 0 && chosen === all.length;
    box.indeterminate = chosen > 0 && chosen < all.length;
  }
}

let last = null;

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[hx-get]");
  if (link && (event.ctrlKey || event.metaKey || event.shiftKey)) event.stopImmediatePropagation(); // a new tab or window
  const box = event.target.closest?.(".pick .cb");
  if (box && event.shiftKey && last?.isConnected) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    for (const between of all.slice(from, to + 1)) between.checked = box.checked;
  }
  if (box) last = box;
}, true);

document.addEventListener("change", ({ target }) => {
  if (target.matches("#list [data-all]")) for (const box of boxes()) box.checked = target.checked;
  if (target.matches("#list .cb")) count();
});

document.addEventListener("reset", ({ target }) => target.id === "bulk" && setTimeout(count)); // once the boxes are empty

function chooseNone() {
  return boxes().some((box) => box.checked) ? $("#bulk [type=reset]").click() : false;
}

/* --- the open message --------------------------------------------------------------------------------------------- */

let shown = "";

/** The row of the open message is marked and in sight; the focus goes with it when it was on another row. */
function follow() {
  const open = reading()?.dataset.uid ?? "";
  const from = reading()?.dataset.mailbox;
  for (const row of $$(".msg", list())) {
    row.classList.toggle("open", row.dataset.uid === open && (row.dataset.mailbox ?? from) === from);
  }
  const title = open ? reading().dataset.title : list()?.getAttribute("aria-label");
  const unread = $("#folders a.un[aria-current] .cnt")?.textContent;
  if (title) document.title = document.title.replace(/^.*(?= – )/s, () => (unread ? `(${unread}) ${title}` : title));
  const row = $(".msg.open", list());
  if (open === shown || (open && !row)) return;
  shown = open;
  row?.scrollIntoView({ block: "nearest" });
  if (row && document.activeElement.matches("#list .go")) $(".go", row).focus();
}

/* --- a message on its way ----------------------------------------------------------------------------------------- */

const ACTING = new Set(["j", "k", "e", "#", "!", "s", "v", "r", "a", "f", "p", "Shift+I", "Shift+U"]);
let coming = null; // the request that brings the next message
let strokes = []; // keys meant for it

/** A key means the message that one has gone to, not the one that is still shown: it waits for that message. With boxes
    ticked it means the selection, which is there. */
hold((keys, run) => coming !== null && ACTING.has(keys) && !boxes().some((box) => box.checked) && strokes.push(run) > 0);

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.target && ctx.target === reading()) coming = ctx;
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx !== coming) return;
  coming = null;
  if (ctx.status !== "swapped" || ctx.response.status >= 400) strokes = [];
  while (coming === null && strokes.length) strokes.shift()();
});

/** The answer to an action comes when another message is shown already, or on its way: it leaves that one alone. */
document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  if (ctx.request.method !== "POST" || !reading()) return;
  if (!coming && ctx.request.body?.getAll?.("uid").includes(reading().dataset.uid)) return;
  const kept = tasks.filter(({ target }) => !(target instanceof Node && reading().contains(target)));
  if (kept.length === tasks.length) return;
  tasks.splice(0, tasks.length, ...kept);
  delete ctx.hx.pushurl;
});

/* --- a new list in place of the old one --------------------------------------------------------------------------- */

let place = null;
let held = null; // what had the focus last, unless it was given up: the blur of what is taken away comes first

document.addEventListener("focusin", ({ target }) => (held = target));
document.addEventListener("focusout", ({ target }) => setTimeout(() => {
  if (held === target && held.isConnected && document.activeElement === document.body) held = null;
}));

/** Whether what had the focus was taken out of the page and nothing has it yet. */
const lost = () => held !== null && !held.isConnected && document.activeElement === document.body;

/** Before a request: where the focus is, which rows follow the one in use, how far the list is scrolled. Between the
    parts of a swap the focus is nowhere; a request of that moment changes nothing. */
function remember({ detail: { ctx } }) {
  if (place && lost()) return;
  const rows = $$(".msg", list());
  const active = document.activeElement;
  const inUse = [(row) => row.contains(active), (row) => row.classList.contains("open"), (row) => $(".cb:checked", row)];
  const at = inUse.map((test) => rows.findIndex(test)).find((index) => index >= 0) ?? -1;
  const name = ["rel", "data-key"].find((attribute) => reading()?.contains(active) && active.hasAttribute(attribute));
  place = {
    top: $(".scroll", list())?.scrollTop ?? 0,
    rows: at < 0 ? [] : rows.slice(at).map((row) => row.id),
    wanted: active !== document.body || ctx.request.method === "POST",
    reading: reading()?.contains(active),
    control: name ? `[${name}="${CSS.escape(active.getAttribute(name))}"]` : null,
  };
}

/** The focus goes back to what was drawn anew: the same control or row. After archiving or deleting it goes to the next
    row; where the list is out of sight, as on a phone, to the message. */
function refocus() {
  if (!(place?.wanted || (place && lost())) || document.activeElement !== document.body) return;
  const open = reading()?.dataset.uid && (place.reading || !list().checkVisibility?.());
  const row = place.rows.map((id) => document.getElementById(id)).find(Boolean) ?? $$(".msg", list()).at(-1);
  const target = open ? (place.control && $(place.control, reading())) || $("h1", reading()) : place.rows.length && row ? $(".go", row) : null;
  target?.focus({ preventScroll: true });
}

/** The list is one stop of the Tab key, with the box of that row beside it: the other boxes are ticked with `x`. */
function stopAt(stop) {
  for (const each of $$(".msg :is(.go, .cb)", list())) each.tabIndex = each.closest(".msg") === stop ? 0 : -1;
}

let known = null;
let counts = null;

function settle() {
  if (list() && list() !== known) {
    known = list();
    for (const box of $$("[data-all]", known)) box.hidden = false;
    const rows = $("[data-rows]", known);
    if (rows) roving(rows, ".go", { vertical: true });
    rows?.addEventListener("focusin", ({ target }) => target.closest(".msg") && stopAt(target.closest(".msg")));
    name();
    if (place) $(".scroll", known).scrollTop = place.top;
  }
  for (const link of $$("[data-rows] .go:not([tabindex])", known ?? document)) link.tabIndex = -1; // rows that came later
  if ($("#more")) import("./search.js");
  if (counts && counts !== $("#folders")) document.body.dispatchEvent(new CustomEvent("badges")); // the rail counts too
  counts = $("#folders");
  count();
  refocus();
  stopAt($(".msg:focus-within", list()) ?? $(".go[tabindex='0']", list())?.closest(".msg")); // a row drawn anew is none yet
  if (lost()) held = null; // nothing took its place
  follow();
}

/** After another module has changed rows of the list: the focus is its business. */
export function redrawn() {
  place = null;
  settle();
}

document.addEventListener("htmx:config:request", remember);
document.addEventListener("htmx:after:swap", settle);

/* --- search -------------------------------------------------------------------------------------------------------- */

if ($("[data-mail-search]:focus-within")) import("./search.js");
$("[data-mail-search]")?.addEventListener("focusin", () => import("./search.js"), { once: true });

/* --- keys --------------------------------------------------------------------------------------------------------- */

function step(by) {
  const link = $(by > 0 ? "[rel=next]" : "[rel=prev]", reading());
  if (link && reading().dataset.uid) return link.click();
  const rows = $$(".msg", list());
  const at = rows.findIndex((row) => row.contains(document.activeElement) || row.classList.contains("open"));
  const row = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
  $(".go", row)?.focus();
  return row ? $(".go", row).click() : false;
}

function choose() {
  const row = document.activeElement?.closest(".msg") ?? $(".msg.open", list()) ?? $(".msg", list());
  return row ? $(".cb", row).click() : false;
}

/** The list brings the names of its keys. */
function name() {
  const words = known.dataset;
  if (!words.keyOlder) return; // not there yet
  register("j", words.keyOlder, () => step(1));
  register("k", words.keyNewer, () => step(-1));
  register("x", words.keySelect, choose);
  register("Escape", $("#bulk [type=reset]").ariaLabel, chooseNone);
}

settle();
