/* The folder column: its menus and keys, and staying where one is when it is drawn anew. Without this module its links
   and forms do the same, a page at a time. */
import "./dialog.js";
import "./write.js";
import { $, register } from "../../portal/js/portal.js";

const column = () => $("#folders");
const openMenu = () => $("#folders .fmenu[open]");

/* --- not under a hand at work ------------------------------------------------------------------------------------- */

let missed = false; // the column was to be drawn anew while one of its menus was open

function hold(event) {
  if (event.detail.ctx.sourceElement?.id !== "folders" || !openMenu()) return;
  missed = true;
  event.preventDefault();
}

document.addEventListener("htmx:before:request", hold);
document.addEventListener("htmx:before:swap", hold);

document.addEventListener("toggle", ({ target }) => {
  if (!target.matches?.("#folders .fmenu")) return;
  if (target.open) show(target);
  else if (missed && !openMenu()) {
    missed = false;
    column().dispatchEvent(new CustomEvent("mail-changed"));
  }
}, true);

/** A menu at the end of the column is in sight. */
function show(menu) {
  $(".menu", menu).scrollIntoView({ block: "nearest" });
}

/* --- focus -------------------------------------------------------------------------------------------------------- */

let place = null;

const item = (name) => name && $(`#folders [data-folder="${CSS.escape(name)}"]`);
const button = (link) => link?.parentElement.querySelector(":scope > .fmenu > summary");

document.addEventListener("htmx:before:swap", () => {
  const active = document.activeElement;
  if (!column()?.contains(active)) return;
  const row = active.closest("li")?.querySelector("[data-folder]");
  place = { name: row?.dataset.folder, menu: active.closest(".fmenu") !== null, href: active.getAttribute("href") };
});

document.addEventListener("htmx:after:swap", () => {
  const named = column()?.dataset.focus;
  if (named) column().removeAttribute("data-focus");
  if (openMenu()) show(openMenu());
  if (!named && !place) return;
  const before = place;
  place = null;
  if (document.activeElement !== document.body || $("dialog[open]")) return;
  const link = item(named) ?? item(before?.name);
  const target = link ? (before?.menu !== false && button(link)) || link : before?.href && $(`#folders a[href="${CSS.escape(before.href)}"]`);
  (target || $("#folders a[aria-current], #folders a")).focus({ preventScroll: true });
});

/* What a menu has opened or sent takes the focus with it; the menu's button gets it back. */
document.addEventListener("click", ({ target }) => {
  const chosen = target.closest?.("#folders .fmenu :is(a, button).it");
  if (chosen) $("summary", chosen.closest(".fmenu")).focus();
}, true);

document.addEventListener("submit", ({ target }) => {
  const menu = target.closest("#folders .fmenu");
  if (menu) menu.open = false;
});

/* --- the list beside it, keys ------------------------------------------------------------------------------------- */

document.addEventListener("list-changed", () => {
  const list = $("#list");
  if (list?.dataset.here) window.htmx.ajax("GET", list.dataset.here, { target: "#list", swap: "outerHTML" });
});

const side = $("#side");
register("g f", side.getAttribute("aria-label"), () => {
  if (matchMedia("(max-width: 74rem)").matches && !side.matches(":popover-open")) side.showPopover();
  $("#folders a[aria-current], #folders a").focus();
});
