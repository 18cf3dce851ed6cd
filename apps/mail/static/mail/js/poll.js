/* New mail, and what other programs do to the messages of the list. On a timer the page asks whether what it shows is
   still true; what is not is drawn anew in place. Nothing moves under the pointer or the focus: what is new waits behind
   a button then, and what has gone stays until they leave. */
import { $, $$, askToSignIn } from "../../portal/js/portal.js";
import { redrawn } from "./list.js";
import { goOn } from "./pages.js";
import "./retry.js";

const TRY = [1000, 2000, 4000, 8000]; // ms between tries while nobody answers: a server that is back is noticed in time
const PATIENCE = 30000; // ms until an answer counts as lost
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
    const text = await answer.text();
    const { merge } = answer.status === 200 ? await import("./merge.js").catch(() => ({ merge: exchange })) : {};
    take(answer, text, { here, show, merge, stale: () => list() !== here || acts !== before || underWay.size });
  } catch {
    gone();
  } finally {
    asking = false;
    if (impatient) ask({ show: true });
    impatient = false;
  }
}

/** Instead of `merge`, where that cannot be had: the whole list, once nobody is at work in it. */
function exchange(here, fresh, { still }) {
  if (still) return { whole: false, arrived: 0 };
  here.replaceWith(fresh);
  window.htmx.process(fresh);
  return { whole: true, arrived: 0 };
}

function take(answer, text, { here, show, merge, stale }) {
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
  if (merge) whole = renew(merge, here, new DOMParser().parseFromString(text, "text/html").getElementById("list"), show);
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
  const more = "newest" in here && folders.uidvalidity === here.uidvalidity && Number(folders.uidnext) > Number(here.uidnext);
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
function renew(merge, here, fresh, show) {
  const still = busy(here) && !show;
  const top = $(".scroll", here).scrollTop === 0;
  const { whole, arrived } = merge(here, fresh, { still, pointed: pointed(here) });
  owed = !whole;
  if (list() === here) offer(here, (still || !top) && !show ? arrived : 0);
  redrawn();
  goOn();
  if (show && list() === here) begin(here);
  return whole;
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
