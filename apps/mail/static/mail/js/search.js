/* The search box: operators become chips, and complete themselves; and a search under way: it goes on by itself, and
   stops when told. list.js loads this module at the first use of the box. Without it, chips come with the next page. */
import { $, $$ } from "../../portal/js/portal.js";

const form = $("[data-mail-search]");
const input = $("[data-search]", form);
const chips = $("[data-chips]", form);
const menu = $("#search-suggestions", form);

/* What can be searched for comes with the menu, or is fetched: until then words are words. */
const box = $(".ops", form);
let operators = [];
let complete = /(?!)/;
if ($("[data-operators]", box)) learn();
else fetch(box.getAttribute("hx-get"), { headers: { "HX-Request": "true" } }).then((answer) => answer.ok && answer.text()).then(show, () => {});

function show(html) {
  if (!html) return;
  $(".menu", box).replaceWith(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  learn();
  if (document.activeElement === input) suggest();
}

function learn() {
  operators = $$("[data-operators] dt", form).map((dt) => ({ text: dt.textContent, help: dt.nextElementSibling.textContent }));
  const names = [...new Set(operators.map(({ text }) => text.split(":")[0]))].join("|");
  complete = new RegExp(`(?<=^|\\s)(-?)(${names}):("[^"]+"|[^\\s"]\\S*)\\s`, "i");
  input.role = "combobox"; // from now on it completes
  input.setAttribute("aria-controls", menu.id);
  input.setAttribute("aria-autocomplete", "list");
  input.ariaExpanded = "false";
}

/* --- chips -------------------------------------------------------------------------------------------------------- */

/** Operators that are complete, a space behind them, leave the text and become chips. */
function take() {
  for (let found; (found = complete.exec(input.value)); ) {
    const [whole, minus, key, value] = found;
    chips.append(chip(minus, key.toLowerCase(), value));
    input.value = input.value.slice(0, found.index) + input.value.slice(found.index + whole.length);
    input.setSelectionRange(found.index, found.index);
  }
}

function chip(minus, key, value) {
  const made = $("[data-chip]", form).content.cloneNode(true).firstElementChild;
  const term = `${minus}${key}:${value}`;
  if (minus) made.classList.add("not");
  $("input", made).value = term;
  $("b", made).textContent = `${minus}${key}:`;
  $("span span", made).textContent = value.replaceAll('"', "");
  const remove = $("button", made);
  remove.ariaLabel = remove.ariaLabel.replace("%s", () => term);
  remove.addEventListener("click", () => { made.remove(); input.focus(); });
  return made;
}

/** The last chip as text again, to be changed. */
function giveBack() {
  const last = chips.lastElementChild;
  if (!last) return false;
  const term = $("input", last).value;
  last.remove();
  input.value = `${term}${input.value ? ` ${input.value}` : ""}`;
  input.setSelectionRange(term.length, term.length);
  return true;
}

/** From chip to chip and back into the text; Backspace and Delete remove the one in focus. */
function walk(event) {
  const stops = [...$$(".x", chips), input];
  const rtl = getComputedStyle(form).direction === "rtl";
  const by = { ArrowLeft: rtl ? 1 : -1, ArrowRight: rtl ? -1 : 1 }[event.key];
  if (by) {
    stops[stops.indexOf(event.target) + by]?.focus();
    return true;
  }
  if (event.key !== "Backspace" && event.key !== "Delete") return false;
  event.target.click();
  return true;
}

/* --- completion --------------------------------------------------------------------------------------------------- */

let active = -1;

const typed = () => /(?<=^|\s)-?([^\s"]*|[a-z]+:"[^"]*)$/i.exec(input.value.slice(0, input.selectionStart))?.[1] ?? "";

function choices(token) {
  const folders = /^in:/i.test(token) ? $$("#folders .nm").map((name) => ({ text: `in:${quoted(name.textContent)}`, help: "" })) : [];
  const start = token.toLowerCase();
  return [...folders, ...operators].filter(({ text }) => text.toLowerCase().startsWith(start) && text.toLowerCase() !== start);
}

const quoted = (text) => (/\s/.test(text) ? `"${text}"` : text);

function suggest(all = false) {
  const token = typed();
  const found = token || all ? choices(token) : [];
  active = -1;
  menu.replaceChildren(...found.slice(0, 12).map(({ text, help }, index) => {
    const option = Object.assign(document.createElement("div"), { className: "it", id: `suggestion-${index}`, role: "option" });
    option.ariaSelected = "false";
    const key = Object.assign(document.createElement("b"), { textContent: text, dir: "ltr" });
    option.append(key, Object.assign(document.createElement("span"), { className: "grow ell", textContent: help }));
    option.addEventListener("pointerdown", (event) => { event.preventDefault(); accept(text); });
    return option;
  }));
  menu.hidden = !found.length;
  input.ariaExpanded = String(!menu.hidden);
  input.removeAttribute("aria-activedescendant");
}

function point(by) {
  const options = [...menu.children];
  active = (active + by + options.length + (active < 0 && by < 0 ? 1 : 0)) % options.length;
  options.forEach((option, index) => (option.ariaSelected = String(index === active)));
  options[active].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", options[active].id);
}

function accept(text) {
  const end = input.selectionStart;
  const begin = end - typed().length;
  const whole = text.endsWith(":") ? text : `${text} `;
  input.setRangeText(whole, begin, end, "end");
  take();
  suggest();
}

function onKey(event) {
  if (event.isComposing) return;
  if (event.target.matches(".x")) return walk(event) && event.preventDefault();
  if (event.target !== input) return;
  const open = !menu.hidden;
  const atStart = input.selectionStart === 0 && input.selectionEnd === 0;
  const back = getComputedStyle(form).direction === "rtl" ? "ArrowRight" : "ArrowLeft";
  let done = true;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!open) suggest(true);
    if (!menu.hidden) point(event.key === "ArrowDown" ? 1 : -1);
  } else if (open && active >= 0 && (event.key === "Enter" || event.key === "Tab")) accept($("b", menu.children[active]).textContent);
  else if (open && event.key === "Escape") close();
  else if (atStart && event.key === "Backspace") done = giveBack();
  else if (atStart && event.key === back) done = Boolean($$(".x", chips).at(-1)?.focus() ?? chips.childElementCount);
  else done = false;
  if (!done) return;
  event.preventDefault();
  event.stopPropagation();
}

function close() {
  menu.hidden = true;
  if (input.role) input.ariaExpanded = "false";
  input.removeAttribute("aria-activedescendant");
}

if (form) {
  input.addEventListener("input", () => { take(); suggest(); });
  input.addEventListener("blur", close);
  form.addEventListener("keydown", onKey, true);
  form.addEventListener("click", ({ target }) => target === form && input.focus());
  form.addEventListener("formdata", ({ formData }) => { // one short address
    const all = formData.getAll("q").map((text) => text.trim()).filter(Boolean).join(" ");
    formData.delete("q");
    formData.set("q", all);
    if (!formData.get("where")) formData.delete("where");
  });
}

/* --- a search under way ------------------------------------------------------------------------------------------- */

let follows = -1; // how many rows stood there when more were asked for by hand

function settle() {
  const stop = $("[data-stop]");
  const more = $("#more");
  const running = Boolean(more?.hasAttribute("data-running"));
  const rows = $$("#list .go");
  if (follows >= 0 && !$("#more.asked")) {
    if (document.activeElement === document.body) rows[Math.min(follows, rows.length - 1)]?.focus();
    follows = -1;
  }
  if (!stop) return;
  const used = document.activeElement === stop;
  stop.hidden = !running;
  if (!running) $("#found-state progress")?.remove();
  if (used && !running) ($("[data-more]") ?? rows[0])?.focus();
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-more]") && !$("#more[data-running]")) {
    follows = $$("#list .go").length;
    $("#more").classList.add("asked");
  }
  if (!target.closest("[data-stop]")) return;
  const more = $("#more[data-running]");
  if (!more) return;
  const link = $("[data-more]", more);
  more.dataset.stopped = "yes";
  for (const name of ["hx-get", "hx-swap"]) link.setAttribute(name, more.getAttribute(name));
  link.setAttribute("hx-target", "#more");
  for (const name of ["data-running", "hx-get", "hx-trigger", "hx-swap"]) more.removeAttribute(name);
  window.htmx.process(link);
  settle();
});

/* What was on its way when somebody stopped is not shown: the search goes on from there when asked to. */
document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement } = event.detail.ctx;
  if (sourceElement?.id === "more" && (sourceElement.dataset.stopped || !sourceElement.isConnected)) event.preventDefault();
});
document.addEventListener("htmx:after:swap", settle);
settle();
