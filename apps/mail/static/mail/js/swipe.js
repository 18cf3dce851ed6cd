/* Rows that a finger moves aside: what then happens to the message shows under it before it is let go. For touch screens;
   up and down still scroll, and what begins at the edge of the screen is the browser's. */
import { $, $$ } from "../../portal/js/portal.js";

const EDGE = 24; // pixels at the sides that belong to the browser's way back
const SLOP = 10; // after which it is clear where a finger is going
const ENOUGH = 0.3; // of the row's width, and then it is done

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  #list .msg { touch-action: pan-y; overflow: clip; }
  #list .msg.swiping > :not(.under) { translate: var(--aside) 0; }
  #list .under { position: absolute; z-index: 2; inset-block: 0; inline-size: var(--open); display: flex; align-items: center; gap: .5rem; padding-inline: 1.25rem; overflow: hidden; white-space: nowrap; background: var(--press); color: var(--ink-2); font-weight: 600; }
  #list .under.from-left { left: 0; } #list .under.from-right { right: 0; flex-direction: row-reverse; }
  #list .under.done { background: var(--accent-fill); color: var(--on-accent); }
  #list .under.done.delete { background: var(--danger-fill); }
  @media (prefers-reduced-motion: no-preference) { #list .msg.back > :not(.under) { transition: translate var(--mid) var(--ease); } }
`);
document.adoptedStyleSheets.push(sheet);

let swipe = null;

/** The button of the row that does it; of what a row has no button for, the selection's. */
function button(row, what) {
  const names = what === "seen" ? ["read", "unread"] : what === "flag" ? ["flag", "unflag"] : [what];
  return names.map((name) => $(`[name=one][value^="${name}:"]`, row)).find(Boolean) ?? (what === "snooze" ? $("#bulk [value=snooze]") : null);
}

function begin({ target, clientX, clientY, pointerType, isPrimary, pointerId }) {
  const row = target.closest?.("#list .msg");
  if (pointerType !== "touch" || !isPrimary || !row || $("#list .cb:checked")) return;
  if (clientX < EDGE || clientX > innerWidth - EDGE) return;
  swipe = { row, x: clientX, y: clientY, id: pointerId, way: 0 };
}

function move(event) {
  if (!swipe || event.pointerId !== swipe.id) return;
  const [dx, dy] = [event.clientX - swipe.x, event.clientY - swipe.y];
  if (!swipe.way) {
    if (Math.hypot(dx, dy) < SLOP) return;
    const way = Math.sign(dx);
    const what = $("#list").dataset.swipe.split(" ")[way > 0 ? 0 : 1];
    swipe.button = what && Math.abs(dx) > Math.abs(dy) * 1.5 ? button(swipe.row, what) : null;
    if (!swipe.button) return void (swipe = null);
    Object.assign(swipe, { way, what, under: under(way, what) });
    swipe.row.setPointerCapture(swipe.id);
    swipe.row.classList.add("swiping");
    swipe.row.append(swipe.under);
  }
  const aside = Math.max(0, dx * swipe.way);
  swipe.row.style.setProperty("--aside", `${aside * swipe.way}px`);
  swipe.row.style.setProperty("--open", `${aside}px`);
  swipe.enough = aside > swipe.row.clientWidth * ENOUGH;
  swipe.under.classList.toggle("done", swipe.enough);
}

/** What shows under the row: the icon and the name of what will happen. */
function under(way, what) {
  const box = Object.assign(document.createElement("div"), { className: `under ${what} ${way > 0 ? "from-left" : "from-right"}`, ariaHidden: "true" });
  box.append($("svg", swipe.button).cloneNode(true), swipe.button.ariaLabel ?? swipe.button.textContent.trim());
  return box;
}

function end({ type }) {
  if (!swipe) return;
  const { row, way, what, button, enough, under } = swipe;
  swipe = null;
  if (!way) return;
  row.classList.add("back");
  row.classList.remove("swiping");
  under.remove();
  setTimeout(() => row.classList.remove("back"), 300);
  for (const name of ["--aside", "--open"]) row.style.removeProperty(name);
  addEventListener("click", stop, { capture: true, once: true }); // letting go is no tap on the row
  setTimeout(() => removeEventListener("click", stop, { capture: true }));
  if (type !== "pointerup" || !enough) return;
  removeEventListener("click", stop, { capture: true });
  if (what === "snooze") {
    for (const box of $$("#list .msg .cb")) box.checked = row.contains(box);
    $(".cb", row).dispatchEvent(new Event("change", { bubbles: true }));
  }
  button.click();
}

function stop(event) {
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener("pointerdown", begin);
document.addEventListener("pointermove", move);
document.addEventListener("pointerup", end);
document.addEventListener("pointercancel", end);
