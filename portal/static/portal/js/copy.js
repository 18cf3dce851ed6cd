/* Buttons that copy a value: <button class="ib sm" data-copy-value="..." data-copied="..." hidden>. They are hidden where
   there is no script, and no clipboard either: it is there on https and on this machine only. */
import { $$, toast } from "./portal.js";

function show() {
  if (navigator.clipboard) for (const button of $$("[data-copy-value][hidden]")) button.hidden = false;
}

document.addEventListener("htmx:after:swap", show);
document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-copy-value]");
  if (button) navigator.clipboard.writeText(button.dataset.copyValue).then(() => toast(button.dataset.copied));
});
show();
