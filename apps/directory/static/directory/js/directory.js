/* The directory: the mark on whoever is open, narrowing at a click, the copy button. Without this module links and forms
   do the same. */
import { $, $$, toast } from "../../portal/js/portal.js";

function follow() {
  const { person, title } = $("#person")?.dataset ?? {};
  for (const row of $$("#dir-list [data-who]")) row.classList.toggle("open", row.dataset.who === person);
  if (title) document.title = document.title.replace(/^.*(?= – )/s, () => title);
  const copy = $("[data-copy-card]");
  if (copy && navigator.clipboard) copy.hidden = false;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[hx-get]");
  if (link && (event.ctrlKey || event.metaKey || event.shiftKey)) event.stopImmediatePropagation(); // a new tab or window
  const copy = event.target.closest?.("[data-copy-card]");
  if (!copy) return;
  await navigator.clipboard.writeText($("[data-card]").value);
  toast(copy.dataset.done);
}, true);

document.addEventListener("change", ({ target }) => {
  if (target.matches(".dnarrow .cb")) target.form.requestSubmit();
});
for (const button of $$(".dnarrow > .btn")) button.hidden = true; // a click on a box does it

let shown = $("#person")?.dataset.person;
document.addEventListener("htmx:after:swap", () => {
  follow();
  const { person } = $("#person")?.dataset ?? {};
  if (person && person !== shown) $("#person h1[tabindex]")?.focus({ preventScroll: true });
  shown = person;
});
follow();
