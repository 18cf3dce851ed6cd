/* What lies between two panes or columns is drawn aside, by pointer or arrow keys; a double click puts it back. The
   sizes are custom properties of the page, and kept in this browser: sizes.js sets them before anything is drawn. */
import { $, $$ } from "../../portal/js/portal.js";

const STEP = 16;
const root = document.documentElement;
const home = new URL($(".home-link")?.href ?? "/", location.href).pathname;
const rtl = () => root.dir === "rtl";
const lies = (split) => split.dataset.split === "list" && $("#main").matches(".below");

/** The property, what it is the size of, and its limits in pixels. */
function measures(split) {
  if (split.dataset.grip) return { name: `w-${split.dataset.grip}`, pane: split.parentElement, least: 48, most: 480 };
  if (split.dataset.split === "side") return { name: "side-w", pane: $("#side"), least: 176, most: 480 };
  const { clientWidth, clientHeight } = $("#main");
  if (lies(split)) return { name: "list-h", pane: $("#list"), least: 128, most: Math.round(clientHeight * 0.75) };
  return { name: "list-w", pane: $("#list"), least: 256, most: Math.max(352, clientWidth - 544) }; // the buttons of a message need that
}

const size = (split, pane) => Math.round(pane.getBoundingClientRect()[lies(split) ? "height" : "width"]);

/** What a screen reader hears of it. */
function tell(split) {
  const { pane, least, most } = measures(split);
  split.setAttribute("aria-valuemin", least);
  split.setAttribute("aria-valuemax", most);
  split.setAttribute("aria-valuenow", Math.min(most, Math.max(least, size(split, pane))));
}

function set(split, wanted) {
  const { name, least, most } = measures(split);
  root.style.setProperty(`--${name}`, `${Math.min(most, Math.max(least, Math.round(wanted))) / 16}rem`);
  tell(split);
}

function keep() {
  const sizes = [...root.style].filter((name) => /^--(w-[a-z]+|side-w|list-[wh])$/.test(name)).map((name) => `${name.slice(2)}.${Math.round(parseFloat(root.style.getPropertyValue(name)) * 16)}`);
  document.cookie = `panes=${sizes.join("_")}; path=${home}; max-age=${sizes.length ? 31536000 : 0}; SameSite=Lax`;
}

function reset(split) {
  root.style.removeProperty(`--${measures(split).name}`);
  tell(split);
  keep();
}

const ours = (target) => target.closest?.(".splitter, .grip");

document.addEventListener("pointerdown", (event) => {
  const split = ours(event.target);
  if (!split || event.button) return;
  event.preventDefault();
  const [start, along] = [size(split, measures(split).pane), lies(split) ? "clientY" : "clientX"];
  const from = event[along];
  const sign = along === "clientX" && rtl() ? -1 : 1;
  split.setPointerCapture(event.pointerId); // the frame of a message would swallow the way over it
  split.classList.add("held");
  const move = (to) => set(split, start + sign * (to[along] - from));
  const end = () => {
    split.removeEventListener("pointermove", move);
    split.classList.remove("held");
    keep();
  };
  split.addEventListener("pointermove", move);
  split.addEventListener("lostpointercapture", end, { once: true });
});

document.addEventListener("dblclick", ({ target }) => ours(target) && reset(ours(target)));

document.addEventListener("keydown", (event) => {
  const split = ours(event.target);
  if (!split) return;
  const { pane, least, most } = measures(split);
  const [less, more] = lies(split) ? ["ArrowUp", "ArrowDown"] : rtl() ? ["ArrowRight", "ArrowLeft"] : ["ArrowLeft", "ArrowRight"];
  const to = { [less]: size(split, pane) - STEP, [more]: size(split, pane) + STEP, Home: least, End: most }[event.key];
  if (to === undefined && event.key !== "Enter") return;
  event.preventDefault();
  event.stopPropagation(); // the list has the arrow keys else
  if (to === undefined) return reset(split);
  set(split, to);
  keep();
}, true);

document.addEventListener("focusin", ({ target }) => ours(target) && tell(ours(target)));
for (const split of $$(".splitter, .grip")) if (split.role ?? split.getAttribute("role")) tell(split);
document.addEventListener("htmx:after:swap", () => $$("#list :is(.splitter, .grip)").forEach(tell));
