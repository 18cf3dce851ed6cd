/* New mail, and what other programs do to the messages of the list. On a timer the page asks whether what it shows is
   still true; what is not is drawn anew in place. Nothing moves under the pointer or the focus: what is new waits behind
   a button then, and what has gone stays until they leave. */
import { askToSignIn } from "../../portal/js/portal.js";
import { redrawn } from "./list.js";
import { goOn } from "./pages.js";
import "./retry.js";

const TRY = [1000, 2000, 4000, 8000]; // ms between tries while nobody answers: a server that is back is noticed in time
const PATIENCE = 30000; // ms until an answer counts as lost
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const list = () => $("#list");
const every = () => Number(list()?.dataset.every ?? 0) * 1000;

let timer = null;
let asking = false;
let impatient = false; // what is new is wanted, and an answer is on its way already
let signedOut = false;
let owed = false; // something waits for the pointer or the focus to leave
let lost = 0; // tries in vain
let good = new Date(); // when the last answer came
let known = {}; // the list that the last answer was about, its state, and the server's mark
let acts = 0; // actions that were begun or answered
const underWay = new Set();

/* --- asking ------------------------------------------------------------------------------------------------------- */

function soon(pause = every()) {
  clearTimeout(timer);
  timer = null;
  if (every() && !document.hidden && !signedOut) timer = setTimeout(ask, pause);
}

function address(here) {
  const url = new URL(here.dataset.poll, location.href);
  url.search = new URL(here.dataset.here, location.href).search;
  url.searchParams.set("state", here.dataset.state);
  if (known.list === here && known.state === here.dataset.state) url.searchParams.set("mark", known.mark);
  return url;
}

/** `show`: somebody wants to see what is new, wherever the pointer is. */
async function ask({ show = false } = {}) {
  const here = list();
  clearTimeout(timer);
  if (asking) impatient ||= show;
  if (asking || signedOut || document.hidden) return;
  if (!here?.dataset.poll) return soon();
  if (underWay.size && !show) return soon(1000); // what it tells would be old when it is here
  const [before, headers] = [acts, { "HX-Request": "true", "X-Portal-Background": "yes" }];
  asking = true;
  owed = false;
  try {
    const answer = await fetch(address(here), { headers, signal: AbortSignal.timeout(PATIENCE) });
    take(answer, await answer.text(), { here, show, stale: () => list() !== here || acts !== before || underWay.size });
  } catch {
    gone();
  } finally {
    asking = false;
    if (impatient) ask({ show: true });
    impatient = false;
  }
}

function take(answer, text, { here, show, stale }) {
  if (answer.status === 401) {
    signedOut = true;
    askToSignIn();
    return;
  }
  if (answer.status === 404 && !busy(here)) window.htmx.ajax("GET", here.dataset.here, { target: "#list", swap: "outerHTML" }); // it says why
  if (!answer.ok && answer.status !== 404) return gone();
  back();
  if (stale()) return soon(1000);
  let whole = answer.ok;
  if (answer.status === 200) whole = merge(here, new DOMParser().parseFromString(text, "text/html").getElementById("list"), show);
  known = whole ? { list: list(), state: list().dataset.state, mark: answer.headers.get("X-Mail-Mark") } : {};
  const counts = answer.headers.get("X-Mail-Folders");
  if (counts && $("#folders")?.dataset.state !== counts) $("#folders")?.dispatchEvent(new CustomEvent("mail-changed"));
  soon();
}

document.addEventListener("signed-in", () => { signedOut = false; ask(); });
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : every() && ask()));
addEventListener("online", () => every() && ask());
addEventListener("offline", () => every() && gone());

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.request.method === "GET") return;
  acts += 1;
  underWay.add(ctx);
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (underWay.delete(ctx)) acts += 1;
});

/** The folder column may have seen more than the list shows. */
document.addEventListener("htmx:after:swap", () => {
  const [here, folders] = [list()?.dataset ?? {}, $("#folders")?.dataset ?? {}];
  const more = here.refresh && folders.uidvalidity === here.uidvalidity && Number(folders.uidnext) > Number(here.uidnext);
  const told = !$("[data-news]", list())?.hidden || (known.list === list() && known.state === here.state);
  if (more && !told) ask();
  else if (timer === null) soon();
});

/* --- no answer ---------------------------------------------------------------------------------------------------- */

/** The page stays as it is, says of when it is, and goes on by itself. */
function gone() {
  const box = $("#connection");
  if (box && !box.firstElementChild && every()) {
    const note = $("#not-connected").content.cloneNode(true).firstElementChild;
    const time = good.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const words = $("[data-since]", note);
    words.textContent = words.dataset.since.replace("%s", time);
    note.addEventListener("click", () => ask());
    box.replaceChildren(note);
  }
  if (navigator.onLine) soon(TRY[Math.min(lost, TRY.length - 1)] * (0.75 + Math.random() / 4)); // not all pages at once
  lost += 1;
}

function back() {
  lost = 0;
  good = new Date();
  $("#connection")?.replaceChildren();
}

/* --- what is new, in place ---------------------------------------------------------------------------------------- */

const pointed = (here) => matchMedia("(hover: hover)").matches && here.matches(":hover");
const busy = (here) => pointed(here) || here.matches(":focus-within") || $(".pick .cb:checked", here) !== null;

/** Make the list what `fresh` is, as far as nobody is disturbed; false where something is left to do. */
function merge(here, fresh, show) {
  const [rows, next] = [$("[data-rows]", here), $("[data-rows]", fresh)];
  const still = busy(here) && !show;
  const other = here.dataset.uidvalidity !== fresh.dataset.uidvalidity; // none of these messages is one of those
  if (!rows || !next || other) {
    if (rows && still) return wait();
    here.replaceWith(fresh);
    window.htmx.process(fresh);
    drawn();
    return true;
  }
  const old = new Map($$(".msg", rows).map((row) => [row.id, row]));
  const wanted = new Map($$(".msg", next).map((row) => [row.id, row]));
  for (const [id, row] of old) if (wanted.has(id)) old.set(id, renew(row, wanted.get(id)));
  const ids = [...wanted.keys()];
  const lastKept = ids.findLastIndex((id) => old.has(id));
  const arrived = ids.filter((id, index) => !old.has(id) && index < Math.max(lastKept, 1)).length;
  const top = $(".scroll", here).scrollTop === 0;
  let whole = true;
  if (still) {
    if (!pointed(here)) steady(here, () => leave(old, wanted, arrived));
    whole = arrived === 0 && [...old.values()].every((row) => !row.isConnected || wanted.has(row.id)) && ids.every((id) => old.has(id));
    owed = !whole;
  } else {
    steady(here, () => rows.replaceChildren(...[...next.children].map((li) => old.get(li.id) ?? document.importNode(li, true))));
    for (const row of $$(".msg, .go-on", rows)) if (old.get(row.id) !== row) window.htmx.process(row);
    for (const name of ["state", "uidnext"]) here.dataset[name] = fresh.dataset[name];
    const [foot, itsFoot] = [$(".foot", here), $(".foot", fresh)];
    if (foot && itsFoot) foot.replaceWith(document.importNode(itsFoot, true));
  }
  offer(here, (still || !top) && !show ? arrived : 0);
  drawn();
  if (show) begin(here);
  return whole;
}

function wait() {
  owed = true;
  return false;
}

function drawn() {
  redrawn();
  goOn();
}

/** What a row says; the rest of it cannot change. */
const says = (row) => [row.matches(".un"), $(".go", row).getAttribute("aria-label"), $(".go", row).getAttribute("href")].join("\n");

/** The row as it is now, in the place of the old one. Where somebody is at work in it, it is only written over. */
function renew(row, fresh) {
  if (says(row) === says(fresh)) return row;
  const copy = document.importNode(fresh, true);
  if (row.contains(document.activeElement) || row.matches(":hover")) {
    row.classList.toggle("un", copy.matches(".un"));
    $(".flags", row).replaceWith($(".flags", copy));
    $(".go", row).setAttribute("aria-label", $(".go", copy).getAttribute("aria-label"));
    if (!$(".acts", row).contains(document.activeElement)) $(".acts", row).replaceWith($(".acts", copy));
    return row;
  }
  $(".cb", copy).checked = $(".cb", row).checked;
  row.replaceWith(copy);
  window.htmx.process(copy);
  return copy;
}

/** Take out what is not there any more, but not the row that has the focus. While others have come, the last rows may
    have been pushed off the page only. */
function leave(old, wanted, arrived) {
  const rows = [...old.values()];
  const end = arrived ? rows.findLastIndex((row) => wanted.has(row.id)) : rows.length;
  for (const row of rows.slice(0, end)) {
    if (wanted.has(row.id) || row.contains(document.activeElement)) continue;
    const heading = row.previousElementSibling;
    const alone = heading?.matches(".grp") && !row.nextElementSibling?.matches(".msg");
    row.remove();
    if (alone) heading.remove();
  }
}

/** Change the rows; what is in sight, or has the focus, stays where it is. */
function steady(here, change) {
  const scroll = $(".scroll", here);
  const edge = scroll.getBoundingClientRect().top;
  const place = (row) => row.getBoundingClientRect().top;
  const inSight = $$(".msg", scroll).filter((row) => row.getBoundingClientRect().bottom > edge);
  const marks = [inSight.find((row) => row.contains(document.activeElement)), ...inSight].filter(Boolean).map((row) => [row, place(row)]);
  const top = scroll.scrollTop;
  change();
  const [row, before] = marks.find(([each]) => each.isConnected) ?? [];
  if (row && top > 0) scroll.scrollTop += place(row) - before;
}

/** The button in the head of the list that leads to what is new. */
function offer(here, count) {
  const button = $("[data-news]", here);
  button.hidden = count === 0;
  if (count) button.textContent = button.dataset.news.replace("%s", count.toLocaleString(document.documentElement.lang));
}

function begin(here) {
  $(".scroll", here).scrollTop = 0;
  $(".msg .go", here)?.focus({ preventScroll: true });
}

document.addEventListener("click", ({ target }) => {
  if (!target.closest?.("#list [data-news]")) return;
  if (known.list === list() && known.state === list().dataset.state) {
    offer(list(), 0);
    begin(list());
  } else ask({ show: true });
});

const left = () => owed && list() && !busy(list()) && ask();
document.addEventListener("pointerover", left);
document.documentElement.addEventListener("pointerleave", () => setTimeout(left));
document.addEventListener("focusin", left);

soon();
