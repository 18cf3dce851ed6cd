/* Messages dragged onto a folder of the column are moved there, with Ctrl or Alt copied. What is dragged is the row, or
   the selection when the row is part of it. "Move to a folder" and "Copy to a folder" do the same without a mouse. */
import { $, $$ } from "../../portal/js/portal.js";

const TYPE = "application/x-yurt-messages"; // no other page takes it for a text or an address

let row = null; // under the mouse when the dragging began
let over = null;

const selection = () => $$("#list .msg:not([hidden]):has(.cb:checked)");
const dragged = () => ($(".cb", row)?.checked ? selection() : [row]);
const copies = (event) => event.ctrlKey || event.altKey || event.dataTransfer.effectAllowed === "copy";

document.addEventListener("dragstart", (event) => {
  row = event.target.closest?.("#list .msg") ?? null;
  if (!row) return;
  event.dataTransfer.clearData();
  event.dataTransfer.setData(TYPE, row.id);
  event.dataTransfer.effectAllowed = "copyMove";
  const rows = dragged();
  const label = ghost(rows);
  event.dataTransfer.setDragImage(label, document.dir === "rtl" ? label.offsetWidth + 8 : -8, -8);
  for (const each of rows) each.classList.add("dragging");
  setTimeout(() => label.remove()); // the browser has its picture by then
});

/** What hangs at the pointer: the subject, or how many there are. */
function ghost(rows) {
  const everything = $("#bulk [name=all]") && $(".cb", row).checked && $("#bulk strong");
  const count = $("[data-count]");
  const text = everything?.textContent ?? (rows.length > 1 ? count.textContent : $(".subj b", row).textContent);
  const label = Object.assign(document.createElement("div"), { className: "drag-label ell", textContent: text, dir: "auto" });
  document.body.append(label);
  return label;
}

/** The folder below the pointer, unless it is the one they lie in. */
function folderAt({ target }) {
  const link = row && target.closest?.("#folders a[data-folder]");
  return link && !link.matches("[aria-current]") ? link : null;
}

function point(link) {
  if (over !== link) over?.classList.remove("onto");
  over = link;
  over?.classList.add("onto");
}

document.addEventListener("dragover", (event) => {
  const link = folderAt(event);
  point(link);
  if (!link) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = copies(event) ? "copy" : "move";
});

document.addEventListener("drop", (event) => {
  const link = folderAt(event);
  if (!link) return;
  event.preventDefault();
  send(copies(event) ? "copy" : "move", link.dataset.folder);
});

document.addEventListener("dragend", () => {
  for (const each of $$("#list .dragging")) each.classList.remove("dragging");
  point(null);
  row = null;
});

/** As if the button of the row, or of the selection, had been used and the folder chosen. */
function send(act, folder) {
  const form = $("#bulk");
  const box = $(".cb", row);
  const field = (tag, values) => Object.assign(document.createElement(tag), values);
  const target = field("input", { type: "hidden", name: "to", value: folder });
  const button = box.checked ? field("button", { name: "do", value: act }) : field("button", { name: "one", value: `${act}:${box.value}` });
  button.hidden = true;
  form.append(target, button);
  form.requestSubmit(button);
  target.remove();
  button.remove();
}
