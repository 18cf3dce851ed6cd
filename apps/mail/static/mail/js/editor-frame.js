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

window.squire = new Squire(document.querySelector("[data-editor]"), {
  blockTag: "DIV",
  blockAttributes: { dir: "auto" }, // each paragraph by its own first letter, here and where it is read
  tagAttributes: { li: { dir: "auto" } },
  sanitizeToDOMFragment: (html) => document.importNode(window.DOMPurify.sanitize(html, clean), true),
});
