// Rich text: Squire in a same-origin frame whose policy lets style attributes through, which the portal's pages do not.
import { roving } from "../../portal/js/portal.js";
import { pictures } from "./pictures.js";

const form = document.querySelector("#compose, #identity");

function load(frame) {
  return new Promise((resolve) => {
    if (frame.contentWindow?.squire) { resolve(frame.contentWindow.squire); return; }
    frame.addEventListener("load", () => resolve(frame.contentWindow.squire), { once: true });
    if (!frame.getAttribute("src")) frame.src = frame.dataset.src;
  });
}

function escaped(text) {
  const node = document.createElement("div");
  node.textContent = text;
  return node.innerHTML;
}

function fromPlain(text) {
  return text.split("\n").map((line) => `<div dir="auto">${escaped(line) || "<br>"}</div>`).join("");
}

/** What was put into a text, in one place; null where something was taken out. */
function added(before, after) {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  const rest = before.slice(start);
  return after.length >= before.length && after.endsWith(rest) ? after.slice(start, after.length - rest.length) : null;
}

/** Behind so many paragraphs. */
function moveBehind(page, count) {
  const range = page.createRange();
  range.selectNodeContents(page.querySelector("[data-editor]").children[count - 1]);
  range.collapse();
  squire.setSelection(range);
}

const commands = {
  bold: (squire, on) => (on ? squire.removeBold() : squire.bold()),
  italic: (squire, on) => (on ? squire.removeItalic() : squire.italic()),
  underline: (squire, on) => (on ? squire.removeUnderline() : squire.underline()),
  strikethrough: (squire, on) => (on ? squire.removeStrikethrough() : squire.strikethrough()),
  bullets: (squire, on) => (on ? squire.removeList() : squire.makeUnorderedList()),
  numbers: (squire, on) => (on ? squire.removeList() : squire.makeOrderedList()),
  quote: (squire, on) => (on ? squire.decreaseQuoteLevel() : squire.increaseQuoteLevel()),
  clear: (squire) => squire.removeAllFormatting(),
};
const tags = { bold: "B", italic: "I", underline: "U", strikethrough: "S", bullets: "UL", numbers: "OL", quote: "BLOCKQUOTE" };

let squire = null;
let followPictures = null;

export async function editor({ focus }) {
  const frame = form.querySelector("iframe[data-frame]");
  const toolbar = form.querySelector("[data-toolbar]");
  const text = form.elements.text;
  const html = form.elements.html;
  frame.hidden = false; // a frame that is not drawn does not load in every browser
  if (!squire) {
    squire = await load(frame);
    connect(frame, toolbar);
    form.addEventListener("compose:collect", collect);
    form.addEventListener("submit", collect);
    form.addEventListener("compose:plain", plain);
    form.addEventListener("compose:signature", (event) => event.detail.rich?.(squire, frame.contentDocument.querySelector("[data-editor]")));
    form.addEventListener("compose:insert", ({ detail }) => {
      if (!form.classList.contains("rich")) return;
      squire.focus();
      squire.insertHTML(detail.html);
    });
    squire.addEventListener("input", () => form.dispatchEvent(new Event("input")));
    if (form.matches("#compose")) followPictures = pictures(form, squire, frame.contentDocument);
  }
  const begun = document.activeElement === text;
  const typed = added(text.defaultValue, text.value); // before the editor was there
  const parts = [typed && fromPlain(typed), html.value];
  squire.setHTML(typed === null || !html.value ? fromPlain(text.value) : (form.dataset.below ? parts.reverse() : parts).join(""));
  if (form.dataset.below) squire.moveCursorToEnd(); else squire.moveCursorToStart();
  if (typed && !form.dataset.below) moveBehind(frame.contentDocument, typed.split("\n").length);
  form.classList.add("rich");
  followPictures?.();
  html.disabled = false; // from here on the editor's text counts
  toolbar.hidden = false;
  text.hidden = true;
  if (focus || begun) squire.focus();

  function collect() {
    if (form.classList.contains("rich")) html.value = squire.getHTML();
  }

  function plain() {
    html.value = "";
    html.disabled = true;
    text.value = asText(frame.contentDocument.querySelector("[data-editor]"));
    form.classList.remove("rich");
    toolbar.hidden = true;
    frame.hidden = true;
    text.hidden = false;
    text.focus();
  }
}

const LOST = "b, strong, i, em, u, s, font, img, table, h1, h2, h3, hr, sub, sup, [style*=color], [style*=font], [style*=decoration], [align], [style*=align]";

/** Whether plain text would say less than what is written; then the writer is asked. False: stay with rich text. */
export async function mayBecomePlain() {
  const page = form.querySelector("iframe[data-frame]").contentDocument;
  if (!form.classList.contains("rich") || !page.querySelector("[data-editor]").querySelector(LOST)) return true;
  const dialog = form.querySelector("dialog[data-loses]");
  dialog.returnValue = "";
  dialog.querySelectorAll("button").forEach((button) => { button.onclick = () => dialog.close(button.value); });
  dialog.showModal();
  await new Promise((resolve) => { dialog.addEventListener("close", resolve, { once: true }); });
  return dialog.returnValue === "plain";
}

// What the reader of the plain text would see: quotes keep their marks, lists their bullets and numbers, cells stand
// beside each other, links say where they lead.
function asText(root) {
  const bare = (address) => address.trim().toLowerCase().replace(/^(https?:\/\/|mailto:|tel:)|\/$/g, "");
  const lines = [""];
  let first = null; // what the next line begins with, instead of the prefix
  const begin = (prefix) => {
    if (lines[lines.length - 1] !== "") return;
    lines[lines.length - 1] = first ?? prefix;
    first = null;
  };
  const fresh = () => { if (lines[lines.length - 1] !== "") lines.push(""); };
  const walk = (node, prefix) => {
    let number = Number(node.start) || 1;
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) {
        if (!child.data.trim() && /^(TABLE|TBODY|THEAD|TFOOT|TR|UL|OL)$/.test(node.nodeName)) continue;
        begin(prefix);
        lines[lines.length - 1] += child.data.replace(/\s+/g, " ");
      } else if (child.nodeName === "BR") {
        if (lines[lines.length - 1] === "") lines[lines.length - 1] = first ?? (prefix || " ");
        first = null;
        lines.push("");
      } else {
        const block = /^(DIV|P|UL|OL|LI|BLOCKQUOTE|H[1-6]|PRE|TABLE|TR)$/.test(child.nodeName) && !/^T[DH]$/.test(node.nodeName);
        if (block) fresh();
        let inner = prefix;
        if (child.nodeName === "BLOCKQUOTE") inner += "> ";
        if (child.nodeName === "LI") {
          const mark = node.nodeName === "OL" ? `${number++}. ` : "- ";
          first = prefix + mark;
          inner += " ".repeat(mark.length);
        }
        if (/^T[DH]$/.test(child.nodeName) && child.previousElementSibling) { begin(prefix); lines[lines.length - 1] += " | "; }
        walk(child, inner);
        if (child.nodeName === "A" && child.href && bare(child.textContent) !== bare(child.getAttribute("href"))) lines[lines.length - 1] += ` <${child.getAttribute("href")}>`;
        if (block) fresh();
        if (child.nodeName === "LI") first = null;
      }
    }
  };
  walk(root, "");
  return lines.map((line) => line.trimEnd()).join("\n").replace(/\n+$/, "\n");
}

function connect(frame, toolbar) {
  roving(toolbar, "[data-command]");
  const active = (name) => Boolean(tags[name]) && squire.hasFormat(tags[name]);
  const refresh = () => toolbar.querySelectorAll("[data-command]").forEach((button) => {
    const on = active(button.dataset.command);
    button.classList.toggle("on", on);
    button.setAttribute("aria-pressed", String(on));
  });
  squire.addEventListener("pathChange", refresh);
  toolbar.addEventListener("mousedown", (event) => { if (event.target.closest("button")) event.preventDefault(); });
  toolbar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-command]");
    if (!button) return;
    const name = button.dataset.command;
    if (name === "link") askLink(toolbar);
    else { commands[name](squire, active(name)); squire.focus(); }
    refresh();
  });
  // Keys pressed inside the frame do not reach the page by themselves.
  frame.contentDocument.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" || (command && (event.key === "Enter" || event.key.toLowerCase() === "s"))) {
      event.preventDefault();
      form.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, ctrlKey: event.ctrlKey, metaKey: event.metaKey, bubbles: true }));
    }
  });
}

function askLink(toolbar) {
  const dialog = toolbar.querySelector("dialog.ask:not([data-loses])");
  const field = dialog.querySelector("input");
  const range = squire.getSelection().cloneRange(); // the dialog takes the focus, and with it the place
  field.value = range.startContainer.parentElement?.closest("a")?.getAttribute("href") ?? "";
  const finish = (answer) => {
    const target = field.value.trim();
    dialog.close();
    squire.focus();
    squire.setSelection(range);
    if (answer === "set" && target) squire.makeLink(/^[a-z][a-z0-9+.-]*:/i.test(target) ? target : `https://${target}`);
    if (answer === "remove") squire.removeLink();
  };
  dialog.querySelectorAll("button").forEach((button) => { button.onclick = () => finish(button.value); });
  dialog.oncancel = (event) => { event.preventDefault(); finish(""); };
  field.onkeydown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    finish("set");
  };
  dialog.showModal();
}
