/* The list's order and its pages. After another order was chosen the list begins at its top, and its menu's button has
   the focus. A list that goes on loads more rows when its end comes into sight, and never moves the focus by itself. */
import { $, $$ } from "../../portal/js/portal.js";
import "./list.js"; // settles first

const MOST = 10; // times that it goes on by itself: who wants more then says so

let ordered = ""; // what has the focus then

document.addEventListener("submit", ({ target, submitter }) => {
  if (!target.matches("#list .sort form, #col-sort")) return;
  ordered = target.id ? `#${submitter.id}` : "#sort";
  if (target.id) return; // the head of a column
  target.closest("details").open = false;
  $("#sort").focus();
});

/* --- going on ----------------------------------------------------------------------------------------------------- */

let list = null;
let times = 0;
let known = new Set(); // the rows that were there before more came
let asked = false; // by its button, which had the focus
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || times >= MOST) continue;
    watcher.unobserve(target);
    times += 1;
    $("a", target).click();
  }
});

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement?.matches?.("[data-endless] a")) return;
  known = new Set($$(".msg", $("#list")));
  asked = document.activeElement === ctx.sourceElement;
});

/** Watch for the end of the list; also when another module has changed its rows. */
export function goOn() {
  if ($("#list") !== list) [list, times, known] = [$("#list"), 0, new Set()];
  const more = $("[data-endless]", list ?? undefined);
  if (more) watcher.observe(more);
  if (!known.size) return;
  const rows = $$(".msg", list);
  const fresh = rows.filter((row) => !known.has(row));
  known = new Set();
  if (!fresh.length) return;
  for (const row of fresh) $(".go", row).tabIndex = -1; // one tab stop for all
  const [before, heading] = [fresh[0].previousElementSibling, fresh[0].previousElementSibling?.matches(".grp")];
  const last = $$(".grp", list).filter((group) => group !== before && group.compareDocumentPosition(fresh[0]) & Node.DOCUMENT_POSITION_FOLLOWING).at(-1);
  if (heading && last?.textContent === before.textContent) before.remove(); // it goes on under the same date
  if (asked) $(".go", fresh[0]).focus();
  asked = false;
  count(rows.length);
}

/** What is done to the list, and reading it anew, is about all rows that are shown. */
function count(rows) {
  const form = $("#bulk");
  const field = form.elements.rows ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "rows" }));
  field.value = rows;
  const here = new URL(list.dataset.here, location.href);
  here.searchParams.set("rows", rows);
  list.dataset.here = `${here.pathname}${here.search}`;
}

document.addEventListener("htmx:after:swap", () => {
  goOn();
  if (!ordered) return;
  const button = $(ordered) ?? $("#sort");
  ordered = "";
  $("#list .scroll").scrollTop = 0;
  if (document.activeElement === document.body) button.focus();
});

goOn();
