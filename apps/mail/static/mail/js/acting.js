/* Actions show at once: rows change or go when the key is struck. The server's answer is the truth then; where there is
   none, or it is a refusal, everything is put back, the focus too. list.js tells when. */
import { $, $$ } from "../../portal/js/portal.js";

const list = () => $("#list");
const reading = () => $("#reading");
const pending = new Map(); // request -> what was asked for, and how to put it back
const waiting = []; // what is to be done once all is answered

const GO = new Set(["archive", "delete", "junk", "notjunk", "move"]);
const MARKS = { read: ["seen", true], unread: ["seen", false], flag: ["flagged", true], unflag: ["flagged", false] };

/** Keep `run` until nothing is on its way any more; false where nothing is. */
export const wait = (run) => pending.size > 0 && waiting.push(run) > 0;

/** What a form asks for; null for what is no action, or asks something back first. */
function read(form, body) {
  const [act, name] = body.has("one") ? body.get("one").split(/:(.*)/s) : [body.get("do")];
  if (!(act in MARKS) && !GO.has(act)) return null;
  if (act === "move" && !body.get("to")) return null;
  if (body.has("within")) return null; // one message of a row that stays
  if (act === "delete" && body.get("role") === "trash" && !body.has("confirmed")) return null;
  const fromMessage = body.get("from") === "message";
  const all = body.has("all") && name === undefined;
  const names = name !== undefined ? [name] : [...body.getAll("ref"), ...body.getAll("uid")];
  return { act, all, fromMessage, names: new Set(names), mailbox: reading()?.dataset.mailbox, inDialog: form.closest("dialog") };
}

function rowsOf({ all, fromMessage, names, mailbox }) {
  return $$(".msg", list()).filter((row) => {
    if (all) return true;
    if (fromMessage) return (names.has(row.dataset.uid) || names.has($(".cb", row).value)) && (row.dataset.mailbox ?? mailbox) === mailbox;
    return names.has($(".cb", row).value);
  });
}

/** A request is about to be made: its action is shown. */
export function begin(ctx) {
  const { body, form, method } = ctx.request;
  if (method !== "POST" || !body?.set) return;
  const open = reading()?.dataset.uid;
  if (open && ["do", "one", "ways", "work"].some((name) => body.has(name))) body.set("open", open);
  const order = form && read(form, body);
  if (!order) return;
  order.inDialog?.close();
  const rows = rowsOf(order);
  const before = document.activeElement;
  show(order, rows);
  if (GO.has(order.act)) moveOn(order, rows, before);
  if (order.act in MARKS) order.back.push(markOpen(order, rows));
  if (order.fromMessage && (GO.has(order.act) || order.act === "unread")) {
    reading().classList.add("going");
    order.back.push(() => reading()?.classList.remove("going"));
  }
  pending.set(ctx, order);
}

/** Draw what was asked for, and note how to draw it back. */
function show(order, rows) {
  order.rows = [...(order.rows ?? []), ...rows];
  const back = GO.has(order.act) ? [...rows.map(take), headings] : rows.map((row) => mark(row, ...MARKS[order.act]));
  order.back = [...(order.back ?? []), ...back];
  if (GO.has(order.act)) headings();
}

/** The focus leaves with the row it was on, for the next one. */
function moveOn(order, rows, before) {
  if (!rows.some((row) => row.contains(before)) && !before.closest("#bulk")) return;
  const all = $$(".msg", list());
  const from = Math.max(0, all.indexOf(rows.find((row) => row.contains(before)) ?? rows[0]));
  const next = all.slice(from).find((row) => !row.hidden) ?? all.slice(0, from).findLast((row) => !row.hidden);
  const focus = next && $(".go", next);
  focus?.focus({ preventScroll: true });
  order.back.push(() => {
    const active = document.activeElement;
    if (active !== focus && active !== document.body) return; // somebody has gone elsewhere since
    (before.checkVisibility?.() ? before : rows[0] && $(".go", rows[0]))?.focus({ preventScroll: true });
  });
}

function take(row) {
  const box = $(".cb", row);
  const { checked } = box;
  row.hidden = true;
  box.checked = false;
  return () => Object.assign(box, { checked }) && (row.hidden = false);
}

/** A date stands above rows only. */
function headings() {
  for (const heading of $$(".grp", list())) {
    let row = heading.nextElementSibling;
    while (row?.hidden && row.matches(".msg")) row = row.nextElementSibling;
    heading.hidden = !row?.matches(".msg");
  }
}

function mark(row, what, on) {
  const was = what === "seen" ? !row.classList.contains("un") : $(".flags .c-flag", row) !== null;
  draw(row, what, on);
  return () => draw(row, what, was);
}

function draw(row, what, on) {
  if (what === "seen") return row.classList.toggle("un", !on);
  const button = $("[value^='flag:'], [value^='unflag:']", row);
  button.classList.toggle("on", on);
  button.value = button.value.replace(/^(un)?flag/, on ? "unflag" : "flag");
  $(".flags .c-flag", row)?.remove();
  if (!on) return;
  const flag = $("svg", button).cloneNode(true);
  flag.setAttribute("class", "i sm c-flag fill");
  $(".flags", row).append(flag);
}

/** The flag beside the subject of the open message, when that is among them. */
function markOpen({ act, fromMessage, mailbox, names }, rows) {
  const button = $("#flag button");
  const uid = reading()?.dataset.uid;
  const meant = fromMessage ? names.has(uid) : rows.some((row) => row.dataset.uid === uid && (row.dataset.mailbox ?? mailbox) === mailbox);
  if (!button || !meant || MARKS[act][0] !== "flagged") return () => {};
  const turn = (on) => {
    button.value = on ? "unflag" : "flag";
    for (const name of ["c-flag", "fill"]) $("svg", button).classList.toggle(name, on);
  };
  const was = button.value === "unflag";
  turn(MARKS[act][1]);
  return () => turn(was);
}

function undo(order) {
  for (const back of order.back) back();
}

/** The answer is here, and true from now on; where it asks something first, nothing has been done yet. */
export function answer(ctx) {
  const order = pending.get(ctx);
  if (!order) return;
  pending.delete(ctx);
  if (ctx.response.headers.has("HX-Retarget")) undo(order);
}

/** A list that was drawn anew may be older than what is still on its way. */
export function again() {
  for (const order of pending.values()) {
    show(order, rowsOf(order).filter((row) => !order.rows.includes(row)));
  }
}

/** The request is over. What has had no answer has not happened. */
export function end(ctx) {
  const order = pending.get(ctx);
  pending.delete(ctx);
  if (order) {
    undo(order);
    waiting.length = 0; // what waited was about this one, which has not happened
    if (order.all && ctx.response) document.dispatchEvent(new CustomEvent("list-changed")); // some of it may have been done
  }
  while (!pending.size && waiting.length) waiting.shift()();
}
