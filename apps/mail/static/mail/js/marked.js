// Whoever marks a part of the message and answers quotes that part. It is posted: what a message says stands in no
// address. A frame of another host shows nobody its marks.
import { inWindows } from "./write.js";

const TEXT = ".prose.text";

function marked() {
  for (const frame of document.querySelectorAll("iframe[data-message-frame]")) {
    const words = frame.contentDocument?.getSelection()?.toString().trim();
    if (words) return words;
  }
  const selection = getSelection();
  const inside = (node) => node?.parentElement?.closest(TEXT);
  return inside(selection.anchorNode) && inside(selection.focusNode) ? selection.toString().trim() : "";
}

function answer(url, part) {
  const form = Object.assign(document.createElement("form"), { method: "post", action: url, hidden: true });
  const values = { marked: part, csrfmiddlewaretoken: document.querySelector('meta[name="csrf-token"]').content };
  for (const [name, value] of Object.entries(values)) {
    form.append(Object.assign(document.createElement("textarea"), { name, value }));
  }
  document.body.append(form);
  form.submit();
}

let words = "";
document.addEventListener("pointerdown", () => { words = marked(); }, true); // a click takes the marks away
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href*="/reply"]');
  const part = link && (event.detail ? words : marked());
  if (!part || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (inWindows()) import("./windows.js").then(({ open }) => open(link.href, { part }));
  else answer(link.href, part);
}, true);
