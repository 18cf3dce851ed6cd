// From message to message within a conversation. Opening and closing them is done by links.
import { $, $$, register } from "../../portal/js/portal.js";

const HEAD = ":is(.go, .btn)"; // what has the focus in the line of a message; in that of a draft, its button
let current = null;

function step(by) {
  const items = $$(".conv .item");
  if (!items.length) return false;
  const opened = $$(".conv .item.opened").at(-1) ?? items.at(-1);
  const here = document.activeElement.closest(".conv .item") ?? (current && document.getElementById(current)) ?? opened;
  const next = items[items.indexOf(here) + by];
  if (!next) return false;
  const fold = next.closest(".fold details:not([open])");
  if (fold) fold.open = true;
  current = next.id;
  next.scrollIntoView({ block: "nearest" });
  $(`.line ${HEAD}`, next).focus();
}

/** The page brings the names of its keys. */
function name() {
  const words = $(".conv")?.dataset;
  if (!words) return;
  $(".conv").dataset.steps = ""; // from here on
  register("n", words.keyNext, () => step(1));
  register("p", words.keyPrevious, () => step(-1));
}

document.addEventListener("htmx:after:swap", name);
name();
