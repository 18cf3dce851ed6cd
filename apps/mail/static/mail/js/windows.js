/* Messages that are being written beside what is read: each in a window of the page, which is a frame with the writing
   page. A frame that is moved in its document loads anew, so windows never are. What is open stands in sessionStorage, and
   opens again in the next page. */
import { $, $$, register, show, toast } from "../../portal/js/portal.js";
import { keep, kept } from "./kept-windows.js";

const MOST = 8;
const WIDTH = 560; // px of a window with its gap, as in windows.css
const BAR = 120; // the least that a bar takes
const windows = [];
let region = null; // where they stand; it comes with the first of them
let turn = 0;

async function fetched() {
  const answer = await fetch($("[data-windows]").dataset.windows);
  const fresh = $("#windows", new DOMParser().parseFromString(await answer.text(), "text/html"));
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: fresh.dataset.css });
  const drawn = new Promise((done) => { sheet.onload = sheet.onerror = done; });
  document.head.append(sheet);
  await drawn;
  region = document.importNode(fresh, true);
  document.body.append(region);
  register("w", region.dataset.go, goTo);
}

const ready = fetched();

/* --- opening ------------------------------------------------------------------------------------------------------ */

/** `part`: what of the message is to be quoted; it is posted, since what a message says stands in no address. */
export async function open(address, { part = "", opener = document.activeElement } = {}) {
  await ready;
  const url = new URL(address, location.href);
  const isAt = (known) => new URL(known).pathname === url.pathname;
  const same = !url.pathname.endsWith("/@/compose/") && windows.find((each) => isAt(each.url) || isAt(each.first));
  if (same && !part) return bring(same);
  if (windows.length >= MOST) return location.assign(address);
  url.searchParams.set("framed", "1");
  const made = add({ url: url.href, name: region.dataset.new, opener });
  if (part) return send(made, { marked: part });
  return bring(made);
}

/** The windows of the page before this one, as they were; the focus stays where it is. */
export async function restore() {
  await ready;
  for (const { url, name, shown, focus } of kept()) {
    const made = add({ url, name });
    if (focus) bring(made);
    else if (shown) unfold(made, { quiet: true });
  }
  arrange();
}

function add({ url, name, opener = null }) {
  const node = $("template", region).content.cloneNode(true).firstElementChild;
  const frame = $("iframe", node);
  const made = { node, frame, url, first: url, name, opener, form: null, last: null, begun: false, used: (turn += 1) };
  frame.name = frame.id = `window-${turn}`;
  region.append(node);
  windows.push(made);
  frame.addEventListener("load", () => loaded(made));
  for (const button of $$("[data-fold]", node)) {
    button.setAttribute("aria-controls", frame.id);
    button.addEventListener("click", () => (frame.hidden ? bring(made) : fold(made)));
  }
  $("[data-whole]", node).addEventListener("click", () => {
    enlarge(made, !node.classList.contains("whole"));
    bring(made);
  });
  $("[data-shut]", node).addEventListener("click", () => shut(made));
  called(made, name);
  tell(made);
  return made;
}

/** Shown, and the focus in it. */
function bring(made) {
  unfold(made);
  made.frame.focus();
  made.frame.contentWindow.focus();
  if (!isThere(made)) return; // it finds its place by itself
  const { form, last } = made; // where the focus was: a document that loses it forgets that
  const text = form.classList.contains("rich") ? $("iframe[data-frame]", form) : form.elements.text;
  const place = last?.isConnected ? last : text;
  (place.contentWindow?.squire ?? place).focus();
}

function hide(made) {
  enlarge(made, false);
  made.frame.hidden = true;
}

function unfold(made, { quiet = false } = {}) {
  made.used = turn += 1;
  made.frame.toggleAttribute("data-quiet", quiet);
  made.frame.hidden = false;
  if (!made.begun) made.frame.src = made.url;
  made.begun = true;
  arrange(made);
}

function send(made, values) {
  const form = Object.assign(document.createElement("form"), { method: "post", action: made.url, target: made.frame.name, hidden: true });
  values.csrfmiddlewaretoken = $('meta[name="csrf-token"]').content;
  for (const [name, value] of Object.entries(values)) form.append(Object.assign(document.createElement("textarea"), { name, value }));
  made.begun = true; // by the form
  bring(made);
  document.body.append(form);
  form.submit();
  form.remove();
}

/* --- what the frame shows ----------------------------------------------------------------------------------------- */

function loaded(made) {
  const page = made.frame.contentDocument;
  if (page?.URL === "about:blank") return;
  made.form = page?.getElementById("compose") ?? null;
  if (made.form) follow(made);
  made.frame.removeAttribute("data-quiet"); // what comes next has been asked for
  if (made.form) return;
  if (page && $("[data-written]", page)) return written(made, page);
  if (page?.body.firstElementChild) return; // it says what is wrong, or asks for the password
  const url = new URL(made.url); // the page that is there instead is for the whole window
  url.searchParams.delete("framed");
  drop(made);
  location.assign(url);
}

function follow(made) {
  const { form } = made;
  const { subject, draft } = form.elements;
  const page = form.ownerDocument;
  made.last = page.activeElement === page.body ? null : page.activeElement;
  page.addEventListener("focusin", ({ target }) => { made.last = target; });
  page.defaultView.addEventListener("blur", () => { if (page.activeElement?.matches("iframe")) made.last = page.activeElement; });
  const name = () => called(made, subject.value.trim() || region.dataset.new);
  form.addEventListener("input", name);
  form.addEventListener("compose:changed", name);
  form.addEventListener("compose:saved", ({ detail }) => {
    made.url = new URL(detail.url, location.href).href;
    remember();
  });
  form.addEventListener("compose:leave", () => shut(made));
  if (draft.value && /\/edit\/$/.test(page.location.pathname)) made.url = page.URL;
  if (made.node.contains(document.activeElement) && !made.frame.hasAttribute("data-quiet")) made.frame.contentWindow.focus();
  name();
}

/** It is sent, or thrown away: the page says so. */
function written(made, page) {
  const told = $("#toasts .toast", page);
  remove(made);
  if (told) show(document.importNode(told, true));
  const back = $("#toasts .toast form"); // which takes it back
  back?.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(back));
    back.closest(".toast").remove();
    const url = new URL(back.action);
    url.searchParams.set("framed", "1");
    send(add({ url: url.href, name: made.name }), values);
  });
  $("#folders")?.dispatchEvent(new CustomEvent("mail-changed"));
}

function called(made, name) {
  made.name = name;
  $("[data-title]", made.node).textContent = name;
  made.node.setAttribute("aria-label", name);
  made.frame.title = name;
  remember();
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

const isThere = ({ form, frame }) => form !== null && form.ownerDocument === frame.contentDocument;
const dirty = (made) => isThere(made) && Boolean(made.form.dataset.dirty);

/** Once all that is written in it has been saved; false where it could not be, or is being sent. */
function saved(made) {
  if (!isThere(made)) return Promise.resolve(true);
  if (made.form.dataset.busy) return Promise.resolve(false);
  return new Promise((done) => { made.form.dispatchEvent(new CustomEvent("compose:keep", { detail: { done } })); });
}

async function shut(made) {
  const had = dirty(made);
  if (!await saved(made)) {
    unfold(made);
    return toast(region.dataset.notKept, { level: "error" });
  }
  remove(made);
  if (had) toast(region.dataset.kept);
}

function remove(made) {
  const focused = made.node.contains(document.activeElement);
  drop(made);
  if (focused) leave(made);
}

function drop(made) {
  enlarge(made, false);
  windows.splice(windows.indexOf(made), 1);
  made.node.remove();
  arrange();
}

/** The focus goes back to where it came from. */
function leave({ opener }) {
  const there = opener?.isConnected && opener !== document.body && (opener.checkVisibility?.() ?? true);
  (there ? opener : $("#list .go[tabindex='0']") ?? $("#main")).focus({ preventScroll: true });
}

/* --- room --------------------------------------------------------------------------------------------------------- */

function fold(made) {
  hide(made);
  arrange();
}

function enlarge({ node, frame }, whole) {
  if (whole) for (const other of windows) if (other.node !== node) enlarge(other, false);
  if (whole) frame.hidden = false;
  node.classList.toggle("whole", whole);
  $("[data-whole]", node).setAttribute("aria-pressed", whole);
  const covered = $(".window.whole", region) !== null;
  for (const each of document.body.children) if (each !== region && !each.matches("#toasts, dialog, script")) each.inert = covered;
}

/** As many as fit beside each other, those used last; the rest are bars. */
function arrange(first = null) {
  const shown = windows.filter(({ frame }) => !frame.hidden).sort((a, b) => (b === first) - (a === first) || b.used - a.used);
  const room = (count) => count * WIDTH + (windows.length - count) * BAR <= innerWidth;
  while (shown.length > 1 && !room(shown.length)) hide(shown.pop());
  windows.forEach(tell);
  remember();
}

function tell({ node, frame }) {
  node.classList.toggle("folded", frame.hidden);
  for (const button of $$("[data-fold]", node)) button.setAttribute("aria-expanded", !frame.hidden);
  const button = $("[data-less]", node);
  button.ariaLabel = button.title = frame.hidden ? button.dataset.more : button.dataset.less;
}

function remember() {
  keep(windows.map(({ url, name, frame }) => ({ url, name, shown: !frame.hidden })));
}

addEventListener("resize", () => region && arrange());

/* --- the page around ---------------------------------------------------------------------------------------------- */

/** To the window that was used last, those that are shown first. */
function goTo() {
  const [last] = [...windows].sort((a, b) => a.frame.hidden - b.frame.hidden || b.used - a.used);
  return last ? bring(last) : false;
}

addEventListener("blur", () => {
  const made = windows.find(({ frame }) => frame === document.activeElement);
  if (made) made.used = turn += 1;
});

/** A link to another page waits until what is written has been saved: then leaving asks nothing. */
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || link.hasAttribute("hx-get") || !windows.some(dirty)) return;
  event.preventDefault();
  await Promise.all(windows.filter(dirty).map(saved));
  location.assign(link.href);
});
