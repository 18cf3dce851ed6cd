/* The list of contacts: choosing, keys, going on while it is scrolled, and the mark on the open one. Without this module
   links and forms do the same, a page at a time. */
import { $, $$, register, roving } from "../../portal/js/portal.js";

let list = null; // another one comes while somebody types in the search
const boxes = () => $$(".cc .pick .cb", list);
const MOST = 10; // times that it goes on by itself: who wants more then says so

/* --- choosing ----------------------------------------------------------------------------------------------------- */

function count() {
  const chosen = boxes().filter((box) => box.checked).length;
  const words = $("[data-count]", list);
  words.textContent = words.dataset.count.replace("%s", chosen.toLocaleString(document.documentElement.lang));
  const all = $("[data-all]", list);
  all.hidden = boxes().length === 0;
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
}

function bind() {
  if (list === $("#cc-list")) return;
  list = $("#cc-list");
  list.addEventListener("change", ({ target }) => {
    if (target.matches("[data-all]")) for (const box of boxes()) box.checked = target.checked;
    count();
  });
  list.addEventListener("reset", () => setTimeout(count)); // once the boxes are empty
  const rows = $("[data-rows]", list);
  if (rows) roving(rows, ".go", { vertical: true });
}

/* --- the open one ------------------------------------------------------------------------------------------------- */

function follow() {
  const { contact, title } = $("#card")?.dataset ?? {};
  for (const row of $$(".cc", list)) row.classList.toggle("open", row.dataset.contact === contact);
  if (title) document.title = document.title.replace(/^.*(?= – )/s, () => title);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[hx-get]");
  if (link && (event.ctrlKey || event.metaKey || event.shiftKey)) event.stopImmediatePropagation(); // a new tab or window
}, true);

/* --- going on ----------------------------------------------------------------------------------------------------- */

let times = 0;
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || times >= MOST) continue;
    watcher.unobserve(target);
    times += 1;
    $("a", target).click();
  }
});

let asked = -1; // the number of rows before more came, where their button had the focus
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  asked = ctx.sourceElement?.matches?.("[data-endless] a") && document.activeElement === ctx.sourceElement ? $$(".cc", list).length : -1;
});

function settle() {
  bind();
  const more = $("[data-endless]", list);
  if (more) watcher.observe(more);
  const rows = $$(".cc .go", list);
  if (asked >= 0) rows[asked]?.focus();
  asked = -1;
  for (const row of rows) if (row !== document.activeElement && !row.hasAttribute("tabindex")) row.tabIndex = -1;
  if (rows.length && !rows.some((row) => row.tabIndex === 0)) rows[0].tabIndex = 0;
  const headings = $$(".cgrp", list); // a letter that goes on does so under one heading
  for (const [at, heading] of headings.entries()) if (at && heading.textContent === headings[at - 1].textContent) heading.remove();
  follow();
  count();
}

document.addEventListener("htmx:after:swap", settle);

/* --- keys --------------------------------------------------------------------------------------------------------- */

function step(by) {
  const all = $$(".cc .go", list);
  const at = all.findIndex((row) => row === document.activeElement || row.closest(".cc").classList.contains("open"));
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  if (!next) return false;
  next.focus();
  next.click();
  return true;
}

settle();

const { next, previous } = $("[data-rows]", list)?.dataset ?? {};
if (next) {
  register("j", next, () => step(1));
  register("k", previous, () => step(-1));
}
