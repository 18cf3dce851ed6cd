/* The frame's script: menus, toasts, theme, CSRF for htmx, signing in again in place. Every page works without it.
   Other modules import { toast, roving } from here and { register } from ./keys.js. */
import * as keys from "./keys.js";

const $ = (selector, root = document) => root.querySelector(selector);

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
  region.replaceChildren(box); // one at a time
  complete(box);
  return box;
}

function complete(box) {
  const close = Object.assign(document.createElement("button"), { type: "button", className: "close", textContent: "×" });
  close.setAttribute("aria-label", $("#toasts").dataset.close);
  close.addEventListener("click", () => box.remove());
  box.append(close);
  box.addEventListener("animationend", (event) => event.animationName === "toast-out" && box.remove());
}

document.querySelectorAll("#toasts .toast").forEach(complete);

/* HX-Trigger: {"toast": {"text": "...", "level": "ok", "undo": {"label": "Undo", "url": "...", "values": {...}}}} */
document.addEventListener("toast", ({ detail: { text, level, undo } }) => {
  const run = () => window.htmx.ajax("POST", undo.url, { values: undo.values ?? {}, target: undo.target ?? "body", swap: undo.swap ?? "none" });
  toast(text, { level, action: undo ? { label: undo.label, run } : null });
});

/* --- htmx --------------------------------------------------------------------------------------------------------- */

const csrf = $('meta[name="csrf-token"]');

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (csrf && !/^(GET|HEAD)$/.test(ctx.request.method)) ctx.request.headers["X-CSRFToken"] = csrf.content;
});

/* Form errors (422) and answers that name their own place are swapped in; any other error leaves the page as it is. */
document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  const { status, headers } = ctx.response;
  if (status < 400 || status === 422) return;
  if (status === 401) {
    event.preventDefault();
    askToSignIn(ctx);
  } else if (!headers.has("HX-Retarget") && !headers.has("HX-Reswap")) {
    event.preventDefault();
    if (!headers.get("HX-Trigger")?.includes('"toast"')) toast($("#toasts")?.dataset.failed, { level: "error" });
  }
});

document.addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx && !detail.ctx.response) toast($("#toasts")?.dataset.offline, { level: "error" });
});

/* --- signing in again without leaving the page -------------------------------------------------------------------- */

const dialog = $("#sign-in-again");
let interrupted = null;

/** Open the dialog; what was interrupted is done again afterwards. Also for scripts that fetch on their own. */
export async function askToSignIn(ctx = null) {
  if (!dialog || dialog.open) return;
  interrupted = ctx;
  const answer = await fetch(dialog.dataset.url, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return location.reload();
  showForm(await answer.text());
  dialog.showModal();
}

function showForm(html) {
  const body = $("[data-body]", dialog);
  body.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  $("form", body)?.addEventListener("submit", signIn);
}

async function signIn(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } });
  if (answer.status === 422 || answer.status === 200) return showForm(await answer.text());
  if (!answer.ok) return toast($("#toasts").dataset.failed, { level: "error" });
  /* The token changes with every sign-in: the forms of this page must send the new one. */
  const token = answer.headers.get("X-CSRFToken");
  if (token) {
    csrf.content = token;
    document.querySelectorAll('input[name="csrfmiddlewaretoken"]').forEach((input) => (input.value = token));
  }
  dialog.close();
  document.dispatchEvent(new CustomEvent("signed-in"));
  repeat(interrupted);
  interrupted = null;
}

function repeat(ctx) {
  const source = ctx?.sourceElement;
  if (!source?.isConnected) return;
  if (ctx.sourceEvent?.type === "submit") source.requestSubmit(ctx.sourceEvent.submitter);
  else if (ctx.sourceEvent?.type === "click") source.click();
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
    document.documentElement.dataset.theme = data.get("theme");
    $('meta[name="color-scheme"]').content = data.get("theme") === "system" ? "light dark" : data.get("theme");
    for (const button of form.querySelectorAll("[name=theme]")) button.setAttribute("aria-pressed", button === event.submitter);
    const answer = await fetch(form.action, { method: "POST", body: data, headers: { "HX-Request": "true" } });
    if (answer.status === 401) askToSignIn();
  });
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
    if (step === undefined || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    move(items(), step);
    event.preventDefault();
  });
}

/* --- keys of every page ------------------------------------------------------------------------------------------- */

const search = $("[data-search]");
if (search) keys.register("/", search.getAttribute("aria-label"), () => search.focus());
search?.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (search.value) search.value = "";
  else search.blur();
});
keys.start();
