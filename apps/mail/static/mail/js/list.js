/* The message list: selecting, keys, and staying where one is when htmx brings a new list. Without this module links
   and forms do the same, a page at a time. */
import "./dialog.js";
import { $, $$, hold, register, roving } from "../../portal/js/portal.js";
import * as acting from "./acting.js";

const list = () => $("#list");
const reading = () => $("#reading");
const rows = () => $$(".msg:not([hidden])", list());
const boxes = () => $$(".msg:not([hidden]) .cb", list());

/* --- selecting ---------------------------------------------------------------------------------------------------- */

function count() {
  const all = boxes();
  const chosen = all.filter((box) => box.checked).length;
  const words = $("[data-count]", list());
  const messages = all.reduce((sum, box) => sum + (box.checked && Number(box.closest(".msg").dataset.n ?? 1)), 0);
  if (words) words.textContent = words.dataset.count.replace("%s", messages.toLocaleString(document.documentElement.lang));
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
  if (box && event.shiftKey) stretch(box);
  if (box) last = box;
}, true);

/** From the box used last to this one, all become like it. */
function stretch(box) {
  const all = boxes();
  const [from, to] = [all.indexOf(last?.isConnected ? last : box), all.indexOf(box)].sort((a, b) => a - b);
  for (const between of all.slice(Math.max(from, 0), to + 1)) between.checked = box.checked;
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("#list [data-all]")) for (const box of boxes()) box.checked = target.checked;
  if (target.matches("#list .cb")) count();
});

document.addEventListener("submit", ({ submitter }) => {
  const menu = submitter?.closest("#main details.pop:not(.sort)");
  if (!menu) return;
  menu.open = false; // what comes next is elsewhere, and its end leads back to the menu's button
  $("summary", menu).focus();
});

document.addEventListener("reset", ({ target }) => target.id === "bulk" && setTimeout(count)); // once the boxes are empty

function chooseNone() {
  return boxes().some((box) => box.checked) ? $("#bulk [data-none]").click() : false;
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

const ACTING = new Set(["j", "k", "e", "#", "!", "s", "v", "r", "a", "f", "n", "p", "l", "b", "m", "Shift+I", "Shift+U", "Shift+P"]);
let ticked = new Set(); // boxes, while the answer to an action draws their rows anew: they stay ticked
let coming = null; // the request that brings the next message
let strokes = []; // keys meant for it

/** A key means the message that one has gone to, not the one that is still shown: it waits for that message. With boxes
    ticked it means the selection, which is there. */
hold((keys, run) => {
  if (keys === "z") return acting.wait(run); // what is to be undone may still be on its way
  return coming !== null && ACTING.has(keys) && !boxes().some((box) => box.checked) && strokes.push(run) > 0;
});

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.target && ctx.target === reading()) coming = ctx;
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  acting.end(ctx);
  count();
  if (ctx !== coming) return;
  coming = null;
  if (ctx.status !== "swapped" || ctx.response.status >= 400) strokes = [];
  while (coming === null && strokes.length) strokes.shift()();
});

/** The answer to an action comes when another message is shown already, or on its way: it leaves that one alone. */
document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  acting.answer(ctx);
  stay();
  ticked = new Set(ctx.request.method === "POST" ? boxes().filter((box) => box.checked && !box.disabled).map((box) => box.value) : []);
  if (ctx.request.method !== "POST" || !reading()) return;
  if (!coming && ctx.request.body?.get?.("open") === reading().dataset.uid) return;
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
  const all = rows();
  const active = document.activeElement;
  const inUse = [(row) => row.contains(active), (row) => row.classList.contains("open"), (row) => $(".cb:checked", row)];
  const at = inUse.map((test) => all.findIndex(test)).find((index) => index >= 0) ?? -1;
  const name = ["rel", "data-key"].find((attribute) => reading()?.contains(active) && active.hasAttribute(attribute));
  place = {
    top: $(".scroll", list())?.scrollTop ?? 0,
    rows: at < 0 ? [] : all.slice(at).map((row) => row.id),
    wanted: active !== document.body || (ctx.request.method === "POST" && !ctx.request.headers["X-Portal-Background"]),
    reading: reading()?.contains(active),
    control: name ? `[${name}="${CSS.escape(active.getAttribute(name))}"]` : null,
  };
}

/** Who has gone on to another row since the request stays there. */
function stay() {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  if (place && at >= 0) Object.assign(place, { rows: all.slice(at).map((row) => row.id), top: $(".scroll", list()).scrollTop });
}

/** The focus goes back to what was drawn anew: the same control or row. After archiving or deleting it goes to the next
    row; where the list is out of sight, as on a phone, to the message. */
function refocus() {
  if (!(place?.wanted || (place && lost())) || document.activeElement !== document.body) return;
  const open = reading()?.dataset.uid && (place.reading || !list().checkVisibility?.());
  const row = place.rows.map((id) => document.getElementById(id)).find((row) => row && !row.hidden) ?? rows().at(-1);
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
    const box = $("[data-rows]", known);
    if (box) roving(box, ".go", { vertical: true });
    box?.addEventListener("focusin", ({ target }) => target.closest(".msg") && stopAt(target.closest(".msg")));
    name();
    if (place) $(".scroll", known).scrollTop = place.top;
  }
  lay();
  for (const link of $$("[data-rows] .go:not([tabindex])", known ?? document)) link.tabIndex = -1; // rows that came later
  if ($("#bulk [name=all]")) for (const box of boxes()) box.checked = box.disabled = true; // and those that came later
  if ($("#more")) import("./search.js");
  if ($("[data-message-frame], .prose.text")) import("./message.js"); // it watches from then on
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

document.addEventListener("list-redrawn", redrawn);

document.addEventListener("htmx:config:request", (event) => {
  remember(event);
  acting.begin(event.detail.ctx);
  count();
});
document.addEventListener("htmx:after:swap", () => {
  acting.again();
  for (const box of boxes()) if (ticked.has(box.value)) box.checked = true;
  ticked.clear();
  settle();
});

/* --- panes -------------------------------------------------------------------------------------------------------- */

for (const name of ["pointerover", "focusin"]) {
  document.addEventListener(name, ({ target }) => target.matches?.(".splitter, .grip") && import("./splitters.js"));
}

const phone = matchMedia("(max-width: 47.99rem)");

/** As the list says. Where a message has the page for itself, the way back leads to where one was. */
function lay() {
  const main = $("#main");
  if (known?.dataset.layout !== undefined) main.className = `main cols-list ${known.dataset.layout}`;
  if (phone.matches || main.matches(".off")) import("./apart.js");
}

if (matchMedia("(pointer: coarse)").matches) import("./swipe.js");

/* --- dragging ----------------------------------------------------------------------------------------------------- */

document.addEventListener("pointerover", function load({ target, pointerType }) {
  if (pointerType !== "mouse" || !target.closest?.("#list .msg")) return;
  document.removeEventListener("pointerover", load);
  import("./drag.js");
});

/* --- search -------------------------------------------------------------------------------------------------------- */

if ($("[data-mail-search]:focus-within")) import("./search.js");
$("[data-mail-search]")?.addEventListener("focusin", () => import("./search.js"), { once: true });

/* --- keys --------------------------------------------------------------------------------------------------------- */

function step(by) {
  const link = $(by > 0 ? "[rel=next]" : "[rel=prev]", reading());
  if (link && reading().dataset.uid) return link.click();
  const row = beside(by);
  $(".go", row)?.focus();
  return row ? $(".go", row).click() : false;
}

/** The row in use: the one with the focus, else that of the open message. */
const current = () => document.activeElement?.closest("#list .msg") ?? $(".msg.open:not([hidden])", list());

/** The row that lies so many below it. */
function beside(by) {
  const all = rows();
  return all[Math.max(0, Math.min(all.length - 1, all.indexOf(current()) + by))];
}

function choose() {
  const row = current() ?? rows()[0];
  return row ? $(".cb", row).click() : false;
}

/** All from the box used last to this row. */
function chooseTo() {
  const box = current() && $(".cb", current());
  if (!box || box.disabled) return false;
  box.checked = true;
  stretch(box);
  last = box;
  count();
}

/** The row in use is chosen, and the next one with it. */
function chooseOn(by) {
  const [from, to] = [current(), beside(by)];
  if (!to || $(".cb", to).disabled) return false;
  for (const row of [from, to]) if (row) $(".cb", row).checked = true;
  last = $(".cb", to);
  $(".go", to).focus();
  count();
}

function chooseAll() {
  if (!rows().length || !document.activeElement.matches("body, #list *")) return false; // else it means a text
  for (const box of boxes()) box.checked = true;
  count();
}

/** What is done to the boxes that are ticked, else to the open message; its button may lie in a menu. */
function press(what) {
  const here = boxes().some((box) => box.checked) || !reading()?.dataset.uid ? $("#bulk") : reading();
  const button = $(`[name=do][value$=${what}]`, here);
  return button ? button.click() : false;
}

const inSight = (selector) => $$(selector).find((element) => element.checkVisibility?.() ?? true);

/** The list brings the names of its keys. */
function name() {
  const words = known.dataset;
  if (!words.keyOlder) return; // not there yet
  register("j", words.keyOlder, () => step(1));
  register("k", words.keyNewer, () => step(-1));
  register("x", words.keySelect, choose);
  register("Shift+X", words.keyRange, chooseTo);
  register("Shift+ArrowDown", words.keyBelow, () => chooseOn(1));
  register("Shift+ArrowUp", words.keyAbove, () => chooseOn(-1));
  register("Ctrl+A", $("#list [data-all]").ariaLabel, chooseAll);
  register("Escape", $("#bulk [data-none]").ariaLabel, chooseNone);
  register("o", words.keyOpen, () => ($(".go", current()) ? $(".go", current()).click() : false));
  for (const [key, what] of [["b", "snooze"], ["m", "mute"]]) {
    const name = $(`#bulk [value=${what}]`)?.textContent.trim();
    if (name) register(key, name, () => press(what));
  }
  register("Delete", $("#bulk [value=delete]").ariaLabel, () => inSight("[data-key='#']")?.click() ?? false);
}

settle();
