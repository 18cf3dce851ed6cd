/* A message on a page of its own, on a phone or where the reading pane is off: the way back leads to the row that it was
   opened from. The list is still there then, and nothing is fetched; a list that is loaded again finds its place. */
import { $, $$ } from "../../portal/js/portal.js";

const KEY = "mail-place";
const alone = () => $("#main.off") || matchMedia("(max-width: 47.99rem)").matches;
const here = () => location.pathname + location.search;

/** The row from which a message is opened, and the list it is in. */
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const row = ctx.sourceElement?.closest?.("#list .msg");
  if (row && alone() && !$("#reading")?.dataset.uid) sessionStorage.setItem(KEY, JSON.stringify({ list: here(), row: row.id }));
});

function show(row) {
  row?.scrollIntoView({ block: "center" });
  $(".go", row)?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const back = event.target.closest?.("#reading > .bar > .only-m");
  const [list, reading] = [$("#list"), $("#reading")];
  if (!back || !alone() || event.ctrlKey || event.metaKey || event.shiftKey || !$(".msg", list)) return;
  event.preventDefault();
  event.stopPropagation();
  const { uid, mailbox } = reading.dataset;
  reading.replaceChildren();
  for (const name of ["uid", "mailbox", "title"]) delete reading.dataset[name];
  const link = new URL(back.href);
  history.pushState({ htmx: true }, "", link.pathname + link.search);
  document.dispatchEvent(new CustomEvent("list-redrawn"));
  show($$(".msg", list).find((row) => row.dataset.uid === uid && (row.dataset.mailbox ?? mailbox) === mailbox));
}, true);

/* back, or loaded again */
const place = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
if (location.hash.startsWith("#m")) show(document.getElementById(location.hash.slice(1)));
else if (place?.list === here() && performance.getEntriesByType("navigation")[0]?.type !== "navigate") show(document.getElementById(place.row));
