// Another identity while one writes: its signature takes the place of the other's where that stands as it was put in,
// and Reply-To and Bcc follow. Without this module the server does the same with the next button (mime/signature.py).
import { split } from "./addresses.js";

const original = /^(?:[^>\n][^\n]*\n)?>|^-{10} /m; // where the original begins
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const block = (text) => `-- \n${text}\n`;

export function exchange(text, before, after, above) {
  if (before === after) return text;
  if (!before) {
    const place = above ? text.search(original) : -1;
    if (place < 0) return `${text}${text.endsWith("\n") ? "\n" : "\n\n"}${block(after)}`;
    return `${text.slice(0, place).replace(/\n+$/, "")}\n\n${block(after)}\n${text.slice(place)}`;
  }
  const found = new RegExp(`^-- \\n${escaped(before)}(?=\\n\\n|\\n?(?![^]))`, "m").exec(text);
  if (!found) return text;
  const start = text.slice(0, found.index);
  const rest = text.slice(found.index + found[0].length);
  if (after) return `${start}-- \n${after}${rest}`;
  return rest.trim() ? start + rest.replace(/^\n\n/, "") : start.replace(/\n$/, "");
}

// What a reader sees of it: lines, and within them text under the same marks. How Squire nests that is no change of it.
function shape(root) {
  const lines = [[]];
  const walk = (node, marks) => {
    for (const child of node.childNodes) {
      const last = lines.at(-1);
      if (child.nodeType === Node.TEXT_NODE) {
        const text = child.data.replace(/[\s\u200b]+/g, " ");
        if (last.at(-1)?.[0] === marks) last.at(-1)[1] += text; else last.push([marks, text]);
      } else if (child.nodeType === Node.ELEMENT_NODE) {
        const ends = /^(BR|DIV|P|UL|OL|LI|BLOCKQUOTE|H[1-6]|PRE|TABLE|TR|HR)$/.test(child.nodeName);
        if (ends) lines.push([]);
        walk(child, /^(DIV|P)$/.test(child.nodeName) ? marks : `${marks}<${child.nodeName}${child.getAttribute("href") ?? ""}>`);
        if (ends) lines.push([]);
      }
    }
  };
  walk(root, "");
  return lines.map((line) => line.filter(([, text]) => text.trim()).flat().join("").trim()).filter(Boolean).join("\n");
}

function element(html) {
  return new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
}

function exchangeRich(squire, root, before, after, above) {
  squire.saveUndoState();
  const fresh = after ? root.ownerDocument.importNode(element(after), true) : null;
  if (before) {
    const wanted = shape(element(before));
    const found = [...root.querySelectorAll("div")].find((node) => !node.closest("blockquote") && shape(node) === wanted);
    if (found && fresh) found.replaceWith(fresh);
    else found?.remove();
    return;
  }
  const quote = above ? [...root.children].find((node) => node.nodeName === "BLOCKQUOTE" || node.textContent.startsWith("---------- ")) : null;
  const place = quote?.nodeName === "BLOCKQUOTE" ? quote.previousElementSibling ?? quote : quote;
  if (place) place.before(fresh); else root.append(fresh);
}

// The field of recipients is rewritten by its own module: it hears "recipients:set".
function exchangeBcc(form, before, after) {
  const address = (text) => (/<([^>]*)>/.exec(text)?.[1] ?? text).toLowerCase();
  const old = split(before).map(address);
  const people = split(form.elements.bcc.value).filter((each) => !old.includes(address(each)));
  const known = people.map(address);
  people.push(...split(after).filter((each) => !known.includes(address(each))));
  form.elements.bcc.dispatchEvent(new CustomEvent("recipients:set", { detail: people }));
  if (!people.length) return;
  form.querySelector("#row-bcc").hidden = false; // nobody writes to people unseen
  form.querySelector('[data-show="#row-bcc"]').hidden = true;
}

export function identities(form) {
  const select = form.querySelector("select[name=identity]");
  if (!select) return;
  let before = [...select.options].find((option) => option.defaultSelected) ?? select.options[0];
  select.addEventListener("change", () => {
    const after = select.selectedOptions[0];
    const { kind, text, signed, because, reply_to: replies } = form.elements;
    const above = kind.value === "forward" || (kind.value === "reply" && !form.dataset.below);
    text.value = exchange(text.value, before.dataset.text, after.dataset.text, above);
    if (form.classList.contains("rich") && before.dataset.html !== after.dataset.html) {
      const rich = (squire, root) => exchangeRich(squire, root, before.dataset.html, after.dataset.html, above);
      form.dispatchEvent(new CustomEvent("compose:signature", { detail: { rich } }));
    }
    if (before.dataset.bcc || after.dataset.bcc) exchangeBcc(form, before.dataset.bcc, after.dataset.bcc);
    if (replies.value === before.dataset.replyTo) {
      const told = form.querySelector("[data-replies]");
      replies.value = after.dataset.replyTo;
      told.textContent = replies.value ? told.dataset.replies.replace("%s", () => replies.value) : "";
    }
    signed.value = after.value;
    because.value = "";
    form.querySelector("[data-because]")?.remove();
    before = after;
    form.dispatchEvent(new Event("input"));
  });
  form.addEventListener("compose:ready", () => { // one may have been chosen before this module was there
    if (select.selectedOptions[0] !== before) select.dispatchEvent(new Event("change"));
  });
  form.querySelector("button[name=undo]")?.addEventListener("click", (event) => {
    event.preventDefault();
    select.value = event.currentTarget.value;
    select.dispatchEvent(new Event("change"));
    select.focus();
  });
}
