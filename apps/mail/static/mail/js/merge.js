/* A list that is on the page made what a fresh one says, row by row. poll.js loads this module with the first news. */
import { $, $$ } from "../../portal/js/portal.js";

/** `still`: somebody is at work in the list, so nothing moves, and what has gone leaves only if they do so without the
    pointer. Tells whether all is done, and how many messages have come above those that are there. */
export function merge(here, fresh, { still, pointed }) {
  const [rows, next] = [$("[data-rows]", here), $("[data-rows]", fresh)];
  const laid = (list) => `${list.dataset.layout} ${$(".cols", list)?.dataset.shape}`;
  const other = here.dataset.uidvalidity !== fresh.dataset.uidvalidity // none of these messages is one of those
    || laid(here) !== laid(fresh); // laid out otherwise in another tab
  if (!rows || !next || other) {
    if (rows && still) return { whole: false, arrived: 0 };
    here.replaceWith(fresh);
    window.htmx.process(fresh);
    return { whole: true, arrived: 0 };
  }
  const old = new Map($$(".msg", rows).map((row) => [row.id, row]));
  const wanted = new Map($$(".msg", next).map((row) => [row.id, row]));
  for (const [id, row] of old) if (wanted.has(id)) old.set(id, renew(row, wanted.get(id)));
  const ids = [...wanted.keys()];
  const lastKept = ids.findLastIndex((id) => old.has(id));
  const arrived = ids.filter((id, index) => !old.has(id) && index < Math.max(lastKept, 1)).length;
  if (still) {
    if (!pointed) steady(here, () => leave(old, wanted, arrived));
    const whole = arrived === 0 && [...old.values()].every((row) => !row.isConnected || wanted.has(row.id)) && ids.every((id) => old.has(id));
    return { whole, arrived };
  }
  steady(here, () => rows.replaceChildren(...[...next.children].map((li) => old.get(li.id) ?? document.importNode(li, true))));
  for (const row of $$(".msg, .go-on", rows)) if (old.get(row.id) !== row) window.htmx.process(row);
  for (const name of ["state", "uidnext"]) here.dataset[name] = fresh.dataset[name];
  const [foot, itsFoot] = [$(".foot", here), $(".foot", fresh)];
  if (foot && itsFoot) foot.replaceWith(document.importNode(itsFoot, true));
  return { whole: true, arrived };
}

/** What a row says; the rest of it cannot change. */
const says = (row) => [row.matches(".un"), $(".go", row).getAttribute("aria-label"), $(".go", row).getAttribute("href"), $(".cb", row).value].join("\n");

/** The row as it is now, in the place of the old one. Where somebody is at work in it, it is only written over. */
function renew(row, fresh) {
  if (says(row) === says(fresh)) return row;
  const copy = document.importNode(fresh, true);
  if (row.contains(document.activeElement) || row.matches(":hover")) {
    row.classList.toggle("un", copy.matches(".un"));
    $(".flags", row).replaceWith($(".flags", copy));
    $(".cb", row).value = $(".cb", copy).value; // what the row stands for, with the number that it says
    $(".n", row)?.remove();
    if ($(".n", copy)) $(".go", row).after($(".n", copy));
    row.dataset.n = copy.dataset.n ?? 1;
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
