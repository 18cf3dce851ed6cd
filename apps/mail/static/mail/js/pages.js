/* The list's order: after another one was chosen it begins at its top, and its menu's button has the focus. */
import "./list.js"; // settles first

const $ = (selector, root = document) => root.querySelector(selector);
let ordered = false;

document.addEventListener("submit", ({ target }) => {
  if (!target.matches("#list .sort form")) return;
  ordered = true;
  target.closest("details").open = false;
  $("#sort").focus();
});

document.addEventListener("htmx:after:swap", () => {
  if (!ordered) return;
  ordered = false;
  $("#list .scroll").scrollTop = 0;
  if (document.activeElement === document.body) $("#sort").focus();
});
