// A field of recipients as chips, with completion. The form field stays the truth: a comma-separated text that is
// rewritten with every change, so that sending needs nothing from here.
import { toast } from "../../portal/js/portal.js";
import { completion } from "./completion.js";
import { address, groupOf, groupText, isWhole, split, textOf } from "./addresses.js";

const TOGETHER = 50; // people of a group: more stay one chip, and become their people when the message is sent

export function recipients(row) {
  const field = row.querySelector("input[data-field]");
  const list = document.createElement("span");
  list.className = "rcs";
  const typing = document.createElement("input");
  typing.className = "rc-in";
  typing.type = "text";
  typing.autocomplete = "off";
  typing.spellcheck = false;
  typing.dir = "auto";
  typing.id = `${field.id}-typing`;
  typing.setAttribute("role", "combobox");
  typing.setAttribute("aria-autocomplete", "list");
  typing.setAttribute("aria-expanded", "false");
  typing.setAttribute("aria-label", row.dataset.recipients);
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (field.hasAttribute(name)) typing.setAttribute(name, field.getAttribute(name));
    field.removeAttribute(name);
  }
  const menu = completion({ row, typing, name: field.id, isKnown, isWhole, choose });
  row.querySelector(`label[for="${field.id}"]`)?.setAttribute("for", typing.id);
  const focused = document.activeElement === field || field.autofocus;
  const early = field.value !== field.defaultValue; // typed before this module was there
  field.type = "hidden";
  field.after(list, typing, ...menu.nodes);
  const hints = document.createElement("div"); // who should be looked at twice
  hints.className = "rc-hints md-t";
  hints.setAttribute("role", "status");
  row.after(hints);

  // What the server has said of single addresses. It goes with the address.
  const said = [...(document.getElementById(`${field.id}_error`)?.querySelectorAll("[data-address]") ?? [])];
  const errorOf = (value) => said.find((each) => address(each.dataset.address) === address(value));

  let values = split(field.value);
  const groups = new Map(); // what is known of a group, by its text: { people, note, error }
  const signs = new Map(); // by address: { text, warning }, or null for who needs none
  let timer = 0;

  function write() {
    field.value = values.concat(typing.value.trim() ? [typing.value.trim()] : []).join(", ");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function draw() {
    list.replaceChildren(...values.map(chip));
    for (const error of said) error.hidden = !values.some((value) => errorOf(value) === error);
    if (said.length && said.every((error) => error.hidden)) typing.removeAttribute("aria-invalid");
    drawHints();
    look();
  }

  function chip(value, index) {
    const box = document.createElement("span");
    const group = groupOf(value);
    const known = group ? groups.get(value) : null;
    const error = errorOf(value);
    const wrong = error?.textContent ?? known?.error ?? (isWhole(value) ? "" : row.dataset.wrong.replace("%s", value));
    const sign = group ? null : signs.get(address(value));
    const hint = group ? (known?.note ? { text: known.note, warning: true } : null) : sign?.text ? sign : null;
    box.className = wrong ? "chip rc bad" : hint?.warning ? "chip rc warn" : "chip rc";
    const text = document.createElement("span");
    text.className = "ell";
    text.dir = "auto";
    text.textContent = group ? [group.name, known?.people].filter(Boolean).join(" · ") : value.replace(/\s*<[^>]*>$/, "").replace(/^"(.*)"$/, "$1") || value;
    text.title = wrong || hint?.text || (sign?.external && row.dataset.outside) || (group ? text.textContent : value);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "x";
    remove.setAttribute("aria-label", row.dataset.remove.replace("%s", group ? group.name : value));
    remove.textContent = "×";
    const described = error?.id ?? (hint || known?.error ? `${field.id}-hint${index}` : "");
    if (described) remove.setAttribute("aria-describedby", described);
    remove.addEventListener("click", () => { values.splice(index, 1); draw(); write(); typing.focus(); });
    box.addEventListener("dblclick", () => edit(index));
    const outside = [];
    if (sign?.external) {
      outside.push(Object.assign(document.createElement("small"), { className: "out", textContent: row.dataset.external }));
    }
    box.append(...(wrong ? [icon("wrong")] : hint?.warning ? [icon("warn")] : group ? [icon("group")] : hint ? [icon("first")] : []), text, ...outside, remove);
    return box;
  }

  /** Not by colour alone. */
  const icon = (kind) => row.querySelector(`template[data-mark=${kind}]`).content.cloneNode(true);

  function drawHints() {
    const lines = values.flatMap((value, index) => {
      const group = groups.get(value);
      const hint = group?.error ? { text: group.error, warning: true } : group?.note ? { text: group.note, warning: true } : signs.get(address(value));
      if (!hint?.text || errorOf(value)) return [];
      const line = document.createElement("p");
      line.id = `${field.id}-hint${index}`;
      line.className = hint.warning ? "c-warn" : "vh";
      line.dir = "auto";
      line.textContent = `${groupOf(value)?.name ?? address(value)}: ${hint.text}`;
      return [line];
    });
    const before = [...hints.children].map((line) => line.textContent).join("\n");
    if (before !== lines.map((line) => line.textContent).join("\n")) hints.replaceChildren(...lines);
  }

  // --- what the server knows of them ----------------------------------------------------------------------------------

  function look() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      values.filter((value) => groupOf(value) && !groups.has(value)).forEach((value) => count(value));
      const fresh = values.filter((value) => !groupOf(value) && isWhole(value) && !signs.has(address(value)));
      if (!fresh.length || !row.dataset.signs) return;
      fresh.forEach((value) => signs.set(address(value), null));
      const { elements } = field.form;
      const body = new URLSearchParams({ people: fresh.join(", "), identity: elements.identity?.value ?? "", csrfmiddlewaretoken: elements.csrfmiddlewaretoken.value });
      try {
        const response = await fetch(row.dataset.signs, { method: "POST", body, headers: { Accept: "application/json" } });
        if (!response.ok) return;
        Object.entries((await response.json()).signs).forEach(([email, sign]) => signs.set(email, sign));
        draw();
      } catch { /* no sign is no harm */ }
    }, 150);
  }

  async function askGroup(value) {
    const group = groupOf(value);
    const query = group.ref ? `group=${encodeURIComponent(group.ref)}` : `name=${encodeURIComponent(group.name)}`;
    try {
      const response = await fetch(`${row.dataset.people}?${query}`, { headers: { Accept: "application/json" } });
      return await response.json();
    } catch {
      return { error: row.dataset.silent };
    }
  }

  /** How many people a group is, and who of them gets nothing. */
  async function count(value) {
    groups.set(value, {});
    groups.set(value, await askGroup(value));
    draw();
  }

  /** A small group as its people; until they are there, and where they cannot be told, it stays one chip. */
  async function open(value) {
    groups.set(value, {});
    const answer = await askGroup(value);
    groups.set(value, answer);
    const at = values.indexOf(value);
    if (at >= 0 && answer.addresses) {
      const there = new Set(["to", "cc", "bcc"].flatMap((name) => split(field.form.elements[name]?.value ?? "")).map(address));
      const people = answer.addresses.filter(({ email }) => !there.has(email.toLowerCase()));
      values.splice(at, 1, ...people.map(textOf));
      write();
      toast([row.dataset.opened.replace("%(name)s", groupOf(value).name).replace("%(people)s", answer.people), answer.note].filter(Boolean).join(" "), { level: answer.note ? "warning" : "ok" });
    }
    draw();
  }

  function choose(contact, far) {
    if (!contact.group || contact.email) { take(textOf(contact)); return; }
    const text = groupText(contact);
    if (!values.includes(text)) {
      if (far || contact.members > TOGETHER) groups.set(text, { people: contact.people });
      else open(text);
    }
    take(values.includes(text) ? "" : text);
  }

  function isKnown(contact) {
    const key = contact.email ? contact.email.toLowerCase() : groupText(contact).toLowerCase();
    return values.some((value) => address(value) === key);
  }

  // --- typing ---------------------------------------------------------------------------------------------------------

  function edit(index) {
    take();
    const [value] = values.splice(index, 1);
    typing.value = groupOf(value) ? "" : value; // of a group there is nothing to correct
    draw();
    write();
    typing.focus();
  }

  function take(text = typing.value) {
    const fresh = split(text);
    values.push(...fresh);
    typing.value = "";
    menu.close();
    draw();
    write();
  }

  typing.addEventListener("input", (event) => {
    event.stopPropagation();
    if (split(`${typing.value}\0`).length > 1) take(); else write();
    menu.soon();
  });
  typing.addEventListener("paste", () => setTimeout(() => { if (split(typing.value).length > 1) take(); }));
  typing.addEventListener("blur", () => { menu.close(); if (isWhole(typing.value.trim())) take(); });
  typing.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || menu.key(event)) return;
    if (event.key === "Enter") {
      event.preventDefault();
      take();
    } else if (event.key === "Backspace" && !typing.value && values.length) {
      event.preventDefault();
      edit(values.length - 1);
    }
  });
  // Another module's word: the whole field anew.
  field.addEventListener("recipients:set", (event) => { values = event.detail; typing.value = ""; draw(); write(); });
  row.addEventListener("click", (event) => { if (event.target === row || event.target === list) typing.focus(); });
  if (early && focused && values.length && !isWhole(values.at(-1))) typing.value = values.pop(); // goes on
  draw();
  if (focused) typing.focus();
}
