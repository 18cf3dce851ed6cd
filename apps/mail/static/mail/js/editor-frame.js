// Runs inside the rich-text frame. Squire asks its nodes for their class, so it has to live in their document; the page
// around drives it through `window.squire`. Everything that enters is cleaned by DOMPurify, and the server cleans what
// is sent once more.
import Squire from "../../portal/vendor/squire-2.4.8/squire.mjs";
import "../../portal/vendor/dompurify-3.4.18/purify.min.js";

const clean = {
  RETURN_DOM_FRAGMENT: true,
  ALLOWED_TAGS: ["a", "b", "blockquote", "br", "code", "div", "em", "font", "h1", "h2", "h3", "hr", "i", "img", "li", "ol",
    "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"],
  ALLOWED_ATTR: ["href", "src", "alt", "title", "width", "height", "dir", "lang", "style", "class", "colspan", "rowspan", "align", "type"],
};

// Pictures of other servers would not be sent, and asking for them would tell that server that somebody writes.
window.DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName !== "IMG") return;
  const { protocol, origin } = new URL(node.getAttribute("src") ?? "", location.href);
  if (!/^(data|blob):$/.test(protocol) && origin !== location.origin) node.remove();
});

// What is pasted keeps its sense (bold, lists, links, tables) and not its looks: neither fonts and sizes of elsewhere nor
// what word processors leave behind.
const KEPT = ["font-weight", "font-style", "text-decoration-line", "text-align"];
const OF_CELLS = ["background-color", "border", "border-top", "border-right", "border-bottom", "border-left", "padding", "vertical-align"];

function tidy(fragment) {
  for (const node of fragment.querySelectorAll("*")) {
    const cell = /^(TABLE|TR|TD|TH)$/.test(node.nodeName);
    const styles = [...KEPT, ...(cell ? OF_CELLS : [])].map((name) => [name, node.style.getPropertyValue(name)]).filter(([, value]) => value);
    node.removeAttribute("style");
    for (const name of ["class", "face", "size", "lang"]) node.removeAttribute(name);
    styles.forEach(([name, value]) => node.style.setProperty(name, value));
    if (/^(SPAN|FONT)$/.test(node.nodeName) && !node.attributes.length) node.replaceWith(...node.childNodes);
  }
  for (const table of fragment.querySelectorAll("table")) {
    table.style.borderCollapse = "collapse";
    for (const cell of table.querySelectorAll("td, th")) {
      if (!cell.style.borderTopWidth && !cell.style.border) cell.style.border = "1px solid #bbb";
      if (!cell.style.padding) cell.style.padding = "2px 6px";
    }
  }
}

window.squire = new Squire(document.querySelector("[data-editor]"), {
  blockTag: "DIV",
  blockAttributes: { dir: "auto" }, // each paragraph by its own first letter, here and where it is read
  tagAttributes: { li: { dir: "auto" } },
  sanitizeToDOMFragment: (html) => document.importNode(window.DOMPurify.sanitize(html, clean), true),
});
window.squire.addEventListener("willPaste", ({ detail }) => { if (detail.fragment) tidy(detail.fragment); });
