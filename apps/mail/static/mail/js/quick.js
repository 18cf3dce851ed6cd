/* The quick reply. Without this module its field leads to the writing page with what was written. With it, the field
   becomes that page's form in short: its other fields come once somebody writes, and travel along unseen. What is written
   is kept as a draft two seconds after the last key, and when one goes elsewhere. */
import { $, askToSignIn, toast } from "../../portal/js/portal.js";

const PAUSE = 2000; // ms after the last key until the draft is saved
const PATIENCE = 8000; // the longest pause between tries while it cannot be
const LIVELY = 60000; // octets that a page which is being left can still send

const box = () => $("#reading #quick");
const states = new WeakMap(); // of a form: what of it is being saved
const state = (form) => states.get(form) ?? states.set(form, { saving: null, timer: null, failures: 0, left: false }).get(form);
const dirty = new Set(); // forms with something that no draft has, also those that are out of the page

/* --- opening ------------------------------------------------------------------------------------------------------ */

async function fetched(url) {
  const response = await fetch(url, { headers: { "HX-Request": "true" } });
  if (response.status === 401) {
    document.addEventListener("signed-in", () => box() && open(box(), url), { once: true });
    await askToSignIn();
  }
  if (!response.ok) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#quick");
}

/** The form that this address gives takes the place of `form`, with what was written in that one. */
async function open(form, url = form.dataset.form) {
  if (form.getAttribute("aria-busy")) return;
  form.setAttribute("aria-busy", "true");
  const found = await fetched(url).catch(() => null);
  form.removeAttribute("aria-busy");
  if (!found || !form.isConnected) return;
  const fresh = document.importNode(found, true);
  const [before, now] = [form.elements.written, fresh.elements.written];
  const marks = [document.activeElement === before || form.contains(document.activeElement), before.selectionStart, before.selectionEnd];
  now.value = before.value;
  if (form.classList.contains("live")) for (const name of ["id", "draft"]) fresh.elements[name].value = form.elements[name].value;
  await state(form).saving;
  if (form.elements.draft) fresh.elements.draft.value = form.elements.draft.value;
  now.value = before.value;
  const was = dirty.delete(form);
  clearTimeout(state(form).timer);
  form.replaceWith(fresh);
  fresh.parentElement.scrollIntoView({ block: "nearest" });
  if (marks[0]) { now.focus(); now.setSelectionRange(marks[1], marks[2]); }
  if (was || now.value) changed(fresh);
}

/* --- saving ------------------------------------------------------------------------------------------------------- */

function changed(form) {
  dirty.add(form);
  saveSoon(form, PAUSE);
}

function saveSoon(form, pause) {
  clearTimeout(state(form).timer);
  if (!form.dataset.busy) state(form).timer = setTimeout(() => save(form), pause);
}

function save(form, options) {
  const its = state(form);
  clearTimeout(its.timer);
  its.saving ??= post(form, options).finally(() => {
    its.saving = null;
    if (dirty.has(form)) saveSoon(form, its.failures ? Math.min(PATIENCE, PAUSE * 2 ** its.failures) : PAUSE);
  });
  return its.saving;
}

async function post(form, { leaving = false } = {}) {
  const data = new FormData(form);
  data.set("action", "save");
  dirty.delete(form); // what is typed from here on is not in it
  const status = $("[data-status]", form);
  const size = [...data.values()].reduce((sum, value) => sum + value.length * 3, 0);
  try {
    const send = () => fetch(form.getAttribute("action"), { method: "POST", body: data, headers: { Accept: "application/json" }, keepalive: leaving && size < LIVELY });
    let response = await send();
    if (response.status === 403 && await renewed(form, data)) response = await send();
    if (response.status === 401) {
      document.addEventListener("signed-in", () => save(form), { once: true });
      await askToSignIn();
    }
    if (!response.ok || !response.headers.get("Content-Type")?.startsWith("application/json")) throw new Error();
    const answer = await response.json();
    form.elements.draft.value = answer.draft;
    if (answer.id) form.elements.id.value = answer.id;
    if (answer.copy) toast(answer.copy, { level: "error" });
    for (const field of form.querySelectorAll("[name=attachment]")) field.value = answer.attachments[field.value] ?? field.value;
    state(form).failures = 0;
    status.textContent = answer.text;
    if (state(form).left) toast(form.dataset.kept);
  } catch {
    state(form).failures += 1;
    dirty.add(form);
    status.textContent = form.dataset.failed;
    if (state(form).left) toast(form.dataset.failed, { level: "error" });
  }
}

/** The token of the form grows old when somebody signs in in another tab: the same person's new one serves. */
async function renewed(form, data) {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  if (page.body.dataset.account !== document.body.dataset.account) return false;
  form.elements.csrfmiddlewaretoken.value = page.querySelector('meta[name="csrf-token"]').content;
  data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  return true;
}

/* --- the pane is drawn anew --------------------------------------------------------------------------------------- */

let kept = null; // the form that is being written in, while something takes its place

document.addEventListener("htmx:before:swap", () => {
  const form = $("#reading #quick.live");
  if (!form) return;
  const { written } = form.elements;
  const { uid, mailbox } = $("#reading").dataset;
  kept = { form, uid, mailbox, focus: document.activeElement === written, at: [written.selectionStart, written.selectionEnd] };
});

document.addEventListener("htmx:after:swap", () => {
  const was = kept;
  kept = null;
  if (!was || was.form.isConnected) return;
  const { uid, mailbox } = $("#reading")?.dataset ?? {};
  const { written } = was.form.elements;
  if (box() && uid === was.uid && mailbox === was.mailbox) { // the same conversation, changed: who writes goes on writing
    box().replaceWith(was.form);
    if (was.focus) { written.focus(); written.setSelectionRange(...was.at); }
  } else if (written.value.trim()) {
    state(was.form).left = true; // whoever saves it says so
    const { saving } = state(was.form);
    if (saving) saving.then(() => dirty.has(was.form) && save(was.form));
    else if (dirty.has(was.form)) save(was.form);
    else toast(was.form.dataset.kept);
  }
});

/* --- what somebody does ------------------------------------------------------------------------------------------- */

const of = (target) => target.closest?.("#quick");

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("#quick:not(.live) textarea")) open(of(target));
});

document.addEventListener("input", ({ target }) => {
  if (target.matches("#quick.live textarea")) changed(of(target));
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("#quick [data-to]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  open(of(link), link.href);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("#quick.live")) return;
  const its = state(form);
  const { written, back } = form.elements;
  if (form.dataset.busy || (event.submitter?.value === "send" && !written.value.trim())) {
    event.preventDefault();
    written.focus();
    return;
  }
  if (its.saving) { // a second one, or the message itself, would not know what to replace
    event.preventDefault();
    its.saving.then(() => form.requestSubmit(event.submitter));
    return;
  }
  clearTimeout(its.timer);
  back.value = location.pathname + location.search;
  form.dataset.busy = "1";
  dirty.delete(form);
  event.submitter?.setAttribute("aria-busy", "true");
});

document.addEventListener("keydown", (event) => {
  const form = event.target.matches?.("#quick.live textarea") ? of(event.target) : null;
  if (!form) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    form.requestSubmit($("[value=send]", form));
  } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    save(form);
  } else if (event.key === "Escape" && !event.defaultPrevented) {
    event.preventDefault();
    event.target.blur();
  }
});

addEventListener("pageshow", () => { if (box()) delete box().dataset.busy; });
addEventListener("online", () => { for (const form of dirty) saveSoon(form, 0); });
addEventListener("beforeunload", (event) => { if (dirty.size) event.preventDefault(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) for (const form of dirty) save(form, { leaving: true });
});

if (box() && (document.activeElement === box().elements.written || box().elements.written.value)) open(box()); // somebody was quicker
