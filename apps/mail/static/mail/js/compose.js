// The writing page. Everything here is an addition: the form sends, saves and attaches without it.
import { askToSignIn, toast } from "../../portal/js/portal.js";
import { recipients } from "./recipients.js";
import { attachments, rename } from "./attachments.js";
import { identities } from "./identities.js";
import { asks } from "./asks.js";
import { templates } from "./templates.js";

const form = document.getElementById("compose");

const PAUSE = 2000; // ms after the last key until the draft is saved
const PATIENCE = 8000; // the longest pause between tries while it cannot be
let saving = null; // the draft on its way; a second one, or the message itself, would not know what to replace
let timer = null;
let failures = 0;
let signedOut = false; // asked once in place; then it is the person's turn

function watch() {
  form.addEventListener("input", changed);
  form.addEventListener("compose:changed", changed);
  addEventListener("online", () => { if (form.dataset.dirty) saveSoon(0); });
  document.addEventListener("visibilitychange", () => { if (document.hidden && form.dataset.dirty) saveSoon(0); });
  form.addEventListener("submit", (event) => {
    // A second click while the first is under way would only ask the server the same thing again.
    if (form.dataset.busy) { event.preventDefault(); return; }
    if (saving) {
      event.preventDefault();
      saving.then(() => form.requestSubmit(event.submitter));
      return;
    }
    if (form.querySelector(".up[data-state=uploading]")) {
      event.preventDefault();
      toast(form.dataset.waitUpload, { level: "warning" });
      return;
    }
    clearTimeout(timer);
    form.dataset.busy = "1";
    form.dataset.dirty = "";
    event.submitter?.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => { delete form.dataset.busy; });
  addEventListener("beforeunload", (event) => {
    if (form.dataset.dirty || form.querySelector(".up[data-state=uploading]")) event.preventDefault();
  });
  form.addEventListener("compose:keep", async ({ detail }) => detail.done(await settled() && !form.querySelector(".up[data-state=uploading]")));
}

function changed() {
  form.dataset.dirty = "1";
  saveSoon(PAUSE);
}

function saveSoon(pause) {
  clearTimeout(timer);
  if (!form.dataset.busy && !signedOut) timer = setTimeout(() => saveDraft(), pause);
}

/** Once what is written has been saved, if that could be done. */
async function settled() {
  await saving;
  if (form.dataset.dirty) saveDraft();
  await saving;
  return !form.dataset.dirty;
}

function saveDraft(button) {
  clearTimeout(timer);
  if (button) signedOut = false;
  saving ??= save(button).finally(() => {
    saving = null;
    if (form.dataset.dirty) saveSoon(failures ? Math.min(PATIENCE, PAUSE * 2 ** failures) : PAUSE);
  });
}

/* The token of the form grows old when somebody signs in in another tab: the same person's new one serves. */
async function renewToken(data) {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  if (page.body.dataset.account !== document.body.dataset.account) return false;
  form.elements.csrfmiddlewaretoken.value = page.querySelector('meta[name="csrf-token"]').content;
  data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  return true;
}

const post = (data) => fetch(form.getAttribute("action"), { method: "POST", body: data, headers: { Accept: "application/json" } });

async function save(button) {
  form.dispatchEvent(new Event("compose:collect"));
  const data = new FormData(form);
  data.delete("files");
  data.set("action", "save");
  const status = form.querySelector("[data-status]");
  form.dataset.dirty = ""; // what is typed from here on is not in it
  button?.setAttribute("aria-busy", "true");
  try {
    let response = await post(data);
    if (response.status === 403 && await renewToken(data)) response = await post(data);
    if (response.status === 401) {
      signedOut = true;
      document.addEventListener("signed-in", () => { signedOut = false; saveDraft(button); }, { once: true });
      await askToSignIn();
    }
    if (!response.ok || !response.headers.get("Content-Type")?.startsWith("application/json")) throw new Error();
    const answer = await response.json();
    form.elements.draft.value = answer.draft;
    if (answer.id) form.elements.id.value = answer.id;
    if (answer.copy) toast(answer.copy, { level: "error" });
    failures = 0;
    form.querySelectorAll("[data-token]").forEach((item) => {
      const token = answer.attachments[item.dataset.token];
      if (!token) return;
      item.dataset.first ??= item.dataset.token;
      rename(item, token);
    });
    history.replaceState(null, "", answer.url);
    form.dispatchEvent(new CustomEvent("compose:saved", { detail: answer }));
    status.textContent = answer.text;
  } catch {
    failures += 1;
    form.dataset.dirty = "1";
    status.textContent = form.dataset.saveFailed;
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

function keys() {
  document.addEventListener("keydown", (event) => {
    if (!form.contains(event.target) && event.target !== document.body) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key === "Enter") {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button[value=send]"));
    } else if (command && event.key.toLowerCase() === "s") {
      event.preventDefault();
      saveDraft(form.querySelector("button[value=save]"));
    } else if (event.key === "Escape" && !event.defaultPrevented && !form.querySelector("dialog[open]")) {
      // Leaving asks when something is not saved; a window saves it.
      if (frameElement) form.dispatchEvent(new Event("compose:leave"));
      else form.querySelector("[data-back]").click();
    } else if (event.key === "Enter" && event.target.matches("input[name=subject]")) {
      // Enter in a one-line field would press the form's first button.
      event.preventDefault();
    }
  });
  form.querySelector("button[value=save]")?.addEventListener("click", (event) => {
    event.preventDefault();
    saveDraft(event.currentTarget);
  });
}

/** From the whole page into a window of the page that one has come from. */
function shrink() {
  const button = form.querySelector("[data-shrink]");
  if (!button || !matchMedia("(min-width: 64rem)").matches) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const { keep, kept } = await import("./kept-windows.js");
    if (!await settled()) return;
    const url = new URL(location.href);
    url.searchParams.set("framed", "1");
    keep([...kept(), { url: url.href, name: form.elements.subject.value || document.title, shown: true, focus: true }]);
    location.assign(form.querySelector("[data-back]").href);
  });
}

/** The day stands there only for whoever wants to choose one. */
function reminder() {
  const { remind } = form.elements;
  const row = form.querySelector("[data-remind-on]");
  const follow = () => { row.hidden = remind.value !== "on"; };
  remind.addEventListener("change", () => { follow(); if (!row.hidden) row.querySelector("input").focus(); });
  follow();
}

function copies() {
  // Cc and Bcc rows stay folded until they are asked for or filled.
  form.querySelectorAll("[data-show]").forEach((button) => {
    const row = form.querySelector(button.dataset.show);
    const filled = row.querySelector("input").value !== "" || row.nextElementSibling?.matches(".rc-errors");
    row.hidden = !filled;
    button.hidden = Boolean(filled);
    button.addEventListener("click", () => {
      row.hidden = false;
      button.hidden = true;
      row.querySelector("input:not([type=hidden])").focus();
    });
  });
}

/** Whether somebody was quicker than this module: a field is not as the server has sent it. */
function touched(field) {
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  const { options = [], value } = field;
  const sent = [...options].find((option) => option.defaultSelected) ?? options[0];
  return value !== (sent?.value ?? field.defaultValue ?? value);
}

// To write at once: to whom, when nobody is named yet; else the text, above or below what it quotes. Whoever has begun
// already stays where they are.
async function begin() {
  const begun = form.contains(document.activeElement) || frameElement?.hasAttribute("data-quiet");
  const wrong = form.querySelector("[aria-invalid=true]:not([type=hidden])");
  const to = form.querySelector("#row-to .rc-in");
  const rich = form.querySelector("input[name=format]:checked")?.value === "html";
  const elsewhere = wrong ?? (form.elements.to.value ? null : to);
  if (!begun) elsewhere?.focus();
  if (rich) await richText({ focus: !elsewhere && !begun });
  form.dispatchEvent(new Event("compose:ready"));
  if (rich || elsewhere || begun) return;
  const { text } = form.elements;
  const signature = text.value.lastIndexOf("\n\n-- \n");
  const place = form.dataset.below ? (signature < 0 ? text.value.length : signature) : 0;
  text.focus();
  text.setSelectionRange(place, place);
}

async function richText(options = {}) {
  const { editor } = await import("./editor.js");
  await editor(options);
}

if (form) {
  const early = [...form.elements].some(touched);
  form.classList.add("live"); // the style sheet folds away what is only there for want of scripts
  form.querySelector("[data-formats]").hidden = false;
  copies();
  form.querySelectorAll("[data-recipients]").forEach(recipients);
  attachments(form);
  identities(form);
  templates(form, post);
  reminder();
  shrink();
  watch();
  if (early) changed();
  keys();
  asks(form);
  const choice = form.querySelectorAll("input[name=format]");
  const rich = () => form.querySelector("input[name=format]:checked")?.value === "html";
  choice.forEach((radio) => radio.addEventListener("change", async () => {
    if (rich()) { richText(); return; }
    const { mayBecomePlain } = await import("./editor.js");
    if (await mayBecomePlain()) form.dispatchEvent(new Event("compose:plain"));
    else form.querySelector("input[name=format][value=html]").checked = true;
  }));
  begin();
}
