/* The message list: selecting, keys, and staying where one is when htmx brings a new list. Without this module links
   and forms do the same, a page at a time. */
import { roving } from "../../portal/js/portal.js";
import { register } from "../../portal/js/keys.js";

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

/* --- the open message --------------------------------------------------------------------------------------------- */

function follow() {
  const open = reading()?.dataset.uid;
  for (const row of $$(".msg", list())) row.classList.toggle("open", row.dataset.uid === open);
  if (open && reading().dataset.title) document.title = document.title.replace(/^.*(?= – )/s, () => reading().dataset.title);
}

/* --- a new list in place of the old one --------------------------------------------------------------------------- */

let place = null;

/** Which row had the focus, which ones follow it, how far the list was scrolled. */
function remember() {
  const rows = $$(".msg", list());
  const at = rows.findIndex((row) => row.contains(document.activeElement) || row.classList.contains("open"));
  place = { top: $(".scroll", list())?.scrollTop ?? 0, uids: at < 0 ? [] : rows.slice(at).map((row) => row.dataset.uid), focus: list()?.contains(document.activeElement) ?? false };
}

/** After archiving or deleting the focus goes to the next row. */
function restore() {
  if (!place) return;
  $(".scroll", list()).scrollTop = place.top;
  const lost = document.activeElement === document.body;
  const row = place.uids.map((uid) => document.getElementById(`m${uid}`)).find(Boolean) ?? $$(".msg", list()).at(-1);
  if ((place.focus || lost) && place.uids.length) $(".go", row)?.focus({ preventScroll: true });
  place = null;
}

let known = null;
let counts = null;

function settle() {
  if (list() && list() !== known) {
    known = list();
    for (const box of $$("[data-all]", known)) box.hidden = false;
    const rows = $("[data-rows]", known);
    if (rows) roving(rows, ".go", { vertical: true });
    restore();
  }
  if (counts && counts !== $("#folders")) document.body.dispatchEvent(new CustomEvent("badges")); // the rail counts too
  counts = $("#folders");
  count();
  follow();
  news();
  const dialog = $("#mail-dialog");
  if (dialog?.firstElementChild && !dialog.open) dialog.showModal();
}

document.addEventListener("htmx:config:request", remember);
document.addEventListener("htmx:after:swap", settle);
document.addEventListener("click", (event) => {
  if (!event.target.closest("#mail-dialog [data-close]")) return;
  $("#mail-dialog").close();
  event.preventDefault();
});
document.addEventListener("close", ({ target }) => target.id === "mail-dialog" && target.replaceChildren(), true);

/* --- new mail ----------------------------------------------------------------------------------------------------- */

/** The folder column has seen more than the list shows: the list follows at once unless somebody is at work in it. */
function news() {
  const here = list();
  const folders = $("#folders");
  if (!here?.dataset.refresh || !folders?.dataset.uidnext || folders.dataset.uidvalidity !== here.dataset.uidvalidity) return;
  if (Number(folders.dataset.uidnext) <= Number(here.dataset.uidnext)) return;
  const refresh = () => window.htmx.ajax("GET", here.dataset.refresh, { target: "#list", swap: "outerHTML" });
  const busy = here.matches(":hover, :focus-within") || $(".scroll", here).scrollTop > 0 || boxes().some((box) => box.checked);
  const button = $("[data-news]", here);
  if (!busy) {
    refresh();
  } else if (button?.hidden) {
    button.hidden = false;
    button.addEventListener("click", refresh, { once: true });
  }
}

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

const words = list()?.dataset ?? {};
register("j", words.keyOlder ?? "", () => step(1));
register("k", words.keyNewer ?? "", () => step(-1));
register("x", words.keySelect ?? "", () => {
  const box = $(".cb", document.activeElement?.closest(".msg") ?? $(".msg.open", list()) ?? $(".msg", list()) ?? document.createElement("i"));
  box?.click();
});

settle();
