// Lists of addresses as people type them (RFC 5322 section 3.4), as far as chips need it. mime/addresses.py is the judge.

const separator = /[,;\n]/;
const plausible = /^[^\s@<>"]+@[^\s@<>"]+$|<[^\s@<>]+@[^\s@<>]+>$/;
const group = /^(?:"((?:[^"\\]|\\.)*)"|([^"<>@:;,()]*?))\s*(?:\(([^()]*)\))?\s*:\s*;$/;

// Split "a, "Last, First" <b@c>; Team:;, d" at separators that stand outside quotes, comments, angle brackets, and
// outside of a group without members.
export function split(text) {
  const parts = [];
  let start = 0, quoted = false, depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "\\") i++;
    else if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (c === "<" || c === "(") depth++;
    else if (c === ">" || c === ")") depth = Math.max(0, depth - 1);
    else if (!depth && c === ";" && groupOf(text.slice(start, i + 1).trim())) { parts.push(text.slice(start, i + 1)); start = i + 1; }
    else if (!depth && separator.test(c)) { parts.push(text.slice(start, i)); start = i + 1; }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter(Boolean);
}

const phrase = (name) => (/[()<>[\]:;@\\,."]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name);

export function textOf({ name, email }) {
  return name ? `${phrase(name)} <${email}>` : email;
}

/** A group stands in the field by its name; the comment says which one is meant. */
export function groupText({ name, group: ref }) {
  return `${phrase(name)} (${ref}):;`;
}

/** { name, ref } of such a text, else null. */
export function groupOf(text) {
  const found = group.exec(text);
  const name = found ? (found[1]?.replace(/\\(.)/g, "$1") ?? found[2]).trim() : "";
  return name ? { name, ref: found[3]?.includes("/") ? found[3] : "" } : null;
}

export function isWhole(text) {
  return plausible.test(text) || groupOf(text) !== null;
}

/** What tells one from another: the address of a person, the text of a group. */
export function address(value) {
  return (groupOf(value) ? value : /<([^<>]*)>\s*$/.exec(value)?.[1] ?? value).trim().toLowerCase();
}
