/* The palette: any action of this page, any place, any person, by what they are called. portal.js loads this module when
   it is asked for. Places come with the dialog, people as one types. */
import { $, $$ } from "./dom.js";
import { list } from "./keys.js";

const WAIT = 150; // milliseconds after the last letter
let dialog = null;
let timer = 0;
let asked = 0; // answers to older questions come too late

export async function open(url, failed) {
  if (dialog?.open) return dialog.close();
  const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) return failed(answer?.status);
  dialog ??= build();
  dialog.replaceChildren(...nodes(await answer.text()));
  actions();
  const field = $("#pal-q", dialog);
  dialog.setAttribute("aria-label", field.getAttribute("aria-label"));
  field.addEventListener("input", () => type(field.value));
  field.addEventListener("keydown", step);
  narrow("");
  dialog.showModal();
  field.focus();
}

function build() {
  const made = Object.assign(document.createElement("dialog"), { id: "palette" });
  made.addEventListener("click", (event) => {
    if (event.target === made) made.close();
  });
  document.body.append(made);
  return made;
}

/** A style sheet at the beginning is taken for the head's. */
function nodes(html) {
  const { head, body } = new DOMParser().parseFromString(html, "text/html");
  return [...head.childNodes, ...body.childNodes];
}

function group(id, title) {
  const box = Object.assign(document.createElement("div"), { role: "group", id });
  const head = Object.assign(document.createElement("div"), { id: `${id}-t`, className: "sect", textContent: title, ariaHidden: "true" });
  box.setAttribute("aria-labelledby", head.id);
  box.append(head);
  return box;
}

/** What this page's keys do, without their keys too. */
function actions() {
  const box = $("#pal-list", dialog);
  const here = group("pal-here", box.dataset.here);
  for (const { named, keys, name, run } of list()) {
    if (!name || named === "Ctrl+K") continue;
    const row = Object.assign(document.createElement("button"), { type: "button", className: "it", role: "option", tabIndex: -1 });
    row.append(Object.assign(document.createElement("span"), { className: "grow ell", textContent: name, dir: "auto" }));
    if (keys) row.append(Object.assign(document.createElement("kbd"), { textContent: keys.replace("Arrow", "") }));
    row.addEventListener("click", () => {
      dialog.close();
      run(new KeyboardEvent("keydown"));
    });
    here.append(row);
  }
  if (here.children.length > 1) box.prepend(here);
}

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const rows = () => $$("[role=option]", dialog).filter((row) => !row.hidden);

function type(text) {
  narrow(text);
  clearTimeout(timer);
  timer = setTimeout(() => people(text.trim()), WAIT);
}

/** Every word begins a word of the name. */
function narrow(text) {
  const wanted = fold(text).split(/\s+/).filter(Boolean);
  for (const row of $$("[role=option]", dialog)) {
    if (row.closest("#pal-people")) continue;
    const name = ` ${fold(row.textContent)}`;
    row.hidden = !wanted.every((word) => name.includes(` ${word}`) || name.includes(`/${word}`));
  }
  settle();
}

function settle() {
  for (const box of $$("[role=group]", dialog)) box.hidden = $$("[role=option]", box).every((row) => row.hidden);
  $(".pal-none", dialog).hidden = rows().length > 0;
  select(rows()[0]);
}

async function people(text) {
  const number = ++asked;
  const box = $("#pal-list", dialog);
  const answer = text ? await fetch(`${box.dataset.url}?${new URLSearchParams({ q: text })}`, { headers: { "HX-Request": "true" } }).catch(() => null) : null;
  if (number !== asked || !dialog.open) return;
  const chosen = $("[aria-selected=true]", dialog);
  $("#pal-people", dialog)?.remove();
  if (answer?.ok) {
    const found = group("pal-people", box.dataset.people);
    found.append(...nodes(await answer.text()));
    box.append(found);
  }
  settle();
  if (chosen?.isConnected && !chosen.hidden) select(chosen);
}

function select(row) {
  for (const each of $$("[aria-selected]", dialog)) each.removeAttribute("aria-selected");
  const field = $("#pal-q", dialog);
  if (!row) return field.removeAttribute("aria-activedescendant");
  row.id ||= `pal-${Math.random().toString(36).slice(2)}`;
  row.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", row.id);
  row.scrollIntoView({ block: "nearest" });
}

function step(event) {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
  const every = rows();
  const at = every.findIndex((row) => row.getAttribute("aria-selected"));
  if (event.key in steps) {
    const next = Math.abs(steps[event.key]) === 1 ? (at + steps[event.key] + every.length) % every.length : Math.max(0, Math.min(every.length - 1, at + steps[event.key]));
    select(every[next]);
  } else if (event.key === "Enter" && at >= 0) {
    every[at].click();
  } else {
    return;
  }
  event.preventDefault();
}
