/* The frame's script: menus, toasts, theme, CSRF for htmx, signing in again in place. Every page works without it.
   Other modules import what they need of the frame from here: { toast, roving, register, $ } and so on. */
import "../vendor/htmx-4.0.1/htmx.esm.min.js"; // it is window.htmx
import { $ } from "./dom.js";
import * as keys from "./keys.js";

export { $, $$ } from "./dom.js";
export { hold, register } from "./keys.js";

/* --- toasts ------------------------------------------------------------------------------------------------------- */

/** Show a short message; `action` is {label, run}. The style sheet fades it after ten seconds, errors stay. */
export function toast(text, { level = "ok", action = null } = {}) {
  const region = $("#toasts");
  if (!region || !text) return null;
  const box = document.createElement("div");
  box.className = `toast ${level}`;
  box.append(Object.assign(document.createElement("span"), { className: "grow", textContent: text }));
  if (action) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: action.label });
    button.addEventListener("click", () => { box.remove(); action.run(); });
    box.append(button);
  }
  return show(box);
}

export function show(box) {
  $("#toasts").replaceChildren(box); // one at a time
  complete(box);
  return box;
}

function complete(box) {
  const { lasts } = $("[data-lasts]", box)?.dataset ?? {}; // as long as what it offers
  if (lasts) box.style.animationDelay = `0s, ${Number(lasts)}s`;
  const close = Object.assign(document.createElement("button"), { type: "button", className: "close", textContent: "×" });
  close.setAttribute("aria-label", $("#toasts").dataset.close);
  close.addEventListener("click", () => box.remove());
  box.append(close);
  box.addEventListener("animationend", (event) => event.animationName === "toast-out" && box.remove());
}

document.querySelectorAll("#toasts .toast").forEach(complete);

let last = null; // takes back what was done last: on `z`, when its toast has gone too, as long as that can be done

/* HX-Trigger: {"toast": {"text": "...", "level": "ok", "undo": {"label": "Undo", "url": "...", "values": {...}, "lasts": 3600}}} */
document.addEventListener("toast", ({ detail: { text, level, undo } }) => {
  const run = () => {
    last = null;
    return window.htmx.ajax("POST", undo.url, { values: undo.values ?? {}, target: undo.target ?? "body", swap: undo.swap ?? "none" });
  };
  if (undo || level !== "error") last = undo ? run : null;
  if (undo?.lasts) setTimeout(() => { if (last === run) last = null; }, undo.lasts * 1000);
  toast(text, { level, action: undo ? { label: undo.label, run } : null });
});

/* --- htmx --------------------------------------------------------------------------------------------------------- */

const csrf = $('meta[name="csrf-token"]');

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (csrf && !/^(GET|HEAD)$/.test(ctx.request.method)) ctx.request.headers["X-CSRFToken"] = csrf.content;
});

/* Swapped in: form errors (422), answers that name their own place, and what a GET brings instead of a part of the page
   (a pane that says why). Any other error leaves the page as it is and becomes a toast. */
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const { status, headers } = ctx.response;
  if (status === 401) {
    event.preventDefault();
    askToSignIn(ctx);
    return;
  }
  const placed = status === 422 || headers.has("HX-Retarget") || headers.has("HX-Reswap");
  const fragment = ctx.request.method === "GET" && !/^\s*<!doctype/i.test(ctx.text);
  if (status < 400 || placed || (fragment && ctx.text)) return;
  event.preventDefault();
  if (headers.get("HX-Trigger")?.includes('"toast"')) return;
  const words = new DOMParser().parseFromString(ctx.text, "text/html").querySelector("main h1, body > * h1, h2")?.textContent.trim();
  toast(words || $("#toasts")?.dataset.failed, { level: "error" });
});

document.addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx && !detail.ctx.response) toast($("#toasts")?.dataset.offline, { level: "error" });
});

/* The rail asks for the counts, the tabs of a phone show the same. */
document.addEventListener("htmx:after:swap", () => {
  for (const dot of document.querySelectorAll(".tabs [data-badge]")) dot.textContent = $(`.rail [data-badge="${dot.dataset.badge}"]`)?.textContent;
});

/* --- signing in again without leaving the page -------------------------------------------------------------------- */

/** Open the dialog; the htmx requests that were refused are sent again afterwards. Scripts that fetch on their own call
    it without one and listen for "signed-in" on the document. */
export async function askToSignIn(ctx = null) {
  const module = await import("./sign-in-again.js").catch(() => null);
  return module ? module.ask(ctx, toast) : toast($("#toasts")?.dataset.offline, { level: "error" });
}

/* --- menus, drawer, theme ----------------------------------------------------------------------------------------- */

const openMenus = () => document.querySelectorAll("details.pop[open]");

document.addEventListener("click", ({ target }) => {
  for (const menu of openMenus()) if (!menu.contains(target) || target.closest("a.it")) menu.open = false;
  if (target.closest(".side a")) $("#side:popover-open")?.hidePopover();
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.pop[open]") ?? openMenus()[0];
  if (!menu) return;
  if (event.key === "Escape") {
    menu.open = false;
    $("summary", menu).focus();
    event.preventDefault();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && !event.target.matches("input, select, textarea")) {
    move([...menu.querySelectorAll("summary, a, button")].filter((e) => e.checkVisibility?.() ?? true), event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
  }
});

matchMedia("(min-width: 74.01rem)").addEventListener("change", () => $("#side:popover-open")?.hidePopover());

for (const form of document.querySelectorAll("[data-theme-form]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    const before = document.documentElement.dataset.theme;
    paint(form, data.get("theme"));
    const { offline, failed } = $("#toasts").dataset;
    const answer = await fetch(form.action, { method: "POST", body: data, headers: { "HX-Request": "true" } }).catch(() => null);
    if (answer?.ok) return;
    paint(form, before);
    if (answer?.status === 401) askToSignIn();
    else toast(answer === null ? offline : answer.status === 409 ? await answer.text() : failed, { level: "error" });
  });
}

function paint(form, theme) {
  document.documentElement.dataset.theme = theme;
  $('meta[name="color-scheme"]').content = theme === "system" ? "light dark" : theme;
  for (const button of form.querySelectorAll("[name=theme]")) button.setAttribute("aria-pressed", button.value === theme);
}

/* --- roving focus ------------------------------------------------------------------------------------------------- */

function move(items, step) {
  const next = items.indexOf(document.activeElement) + step;
  items[Math.max(0, Math.min(items.length - 1, next))]?.focus();
}

/** One tab stop for a toolbar or list: arrows, Home and End move among `selector` inside `box`. */
export function roving(box, selector, { vertical = false } = {}) {
  const items = () => [...box.querySelectorAll(selector)].filter((e) => !e.disabled && (e.checkVisibility?.() ?? true));
  const settle = (current) => items().forEach((e) => (e.tabIndex = e === current ? 0 : -1));
  settle(items()[0]);
  box.addEventListener("focusin", ({ target }) => { const item = target.closest(selector); if (item) settle(item); });
  box.addEventListener("keydown", (event) => {
    const rtl = !vertical && getComputedStyle(box).direction === "rtl" ? -1 : 1;
    const steps = { [vertical ? "ArrowDown" : "ArrowRight"]: rtl, [vertical ? "ArrowUp" : "ArrowLeft"]: -rtl, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || event.shiftKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    move(items(), step);
    event.preventDefault();
  });
}

/* --- time zone, for the server's clock texts (TimeZoneMiddleware) -------------------------------------------------- */

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const home = $(".home-link");
if (zone && home) document.cookie = `tz=${zone}; path=${new URL(home.href).pathname}; max-age=31536000; SameSite=Lax`;

/* --- keys of every page ------------------------------------------------------------------------------------------- */

const search = $("[data-search]");
if (search) {
  keys.register("/", search.getAttribute("aria-label"), () => search.focus());
  const kbd = $("kbd", search.form);
  kbd.textContent = keys.pressed("/");
  kbd.hidden = !kbd.textContent;
}
search?.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (search.value) search.value = "";
  else search.blur();
});
if ($("#toasts")) {
  keys.register("z", $("#toasts").dataset.undo, () => {
    const button = $("#toasts .toast button:not(.close)");
    return button ? button.click() : last?.() ?? false;
  });
}
const help = $("#keys-help");
if (help) {
  const palette = () => {
    import("./palette.js").then((module) => module.open(help.dataset.palette, failed)).catch(() => failed());
  };
  const failed = (status) => (status === 401 ? askToSignIn() : toast($("#toasts").dataset[status ? "failed" : "offline"], { level: "error" }));
  keys.register("Ctrl+K", help.dataset.find, palette, { always: true });
}
keys.start();
