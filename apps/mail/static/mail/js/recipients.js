// A field of recipients as chips, with completion. The form field stays the truth: a comma-separated text that is
// rewritten with every change, so that sending needs nothing from here.

const separator = /[,;\n]/;

// Split "a, "Last, First" <b@c>; d" at separators that stand outside quotes, comments and angle brackets.
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
    else if (!depth && separator.test(c)) { parts.push(text.slice(start, i)); start = i + 1; }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter(Boolean);
}

function value({ name, email }) {
  if (!name) return email;
  return `${/[()<>[\]:;@\\,."]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name} <${email}>`;
}

const plausible = /^[^\s@<>"]+@[^\s@<>"]+$|<[^\s@<>]+@[^\s@<>]+>$/;

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
  const menu = document.createElement("ul");
  menu.className = "menu complete";
  menu.id = `${field.id}-menu`;
  menu.setAttribute("role", "listbox");
  menu.setAttribute("aria-label", row.dataset.recipients);
  menu.hidden = true;
  typing.setAttribute("aria-controls", menu.id);
  row.querySelector(`label[for="${field.id}"]`)?.setAttribute("for", typing.id);
  const focused = document.activeElement === field || field.autofocus;
  const early = field.value !== field.defaultValue; // typed before this module was there
  field.type = "hidden";
  field.after(list, typing, menu);

  // What the server has said of single addresses. It goes with the address.
  const said = [...(document.getElementById(`${field.id}_error`)?.querySelectorAll("[data-address]") ?? [])];
  const address = (value) => (/<([^<>]*)>\s*$/.exec(value)?.[1] ?? value).trim().toLowerCase();
  const errorOf = (value) => said.find((each) => each.dataset.address.toLowerCase() === address(value));

  let values = split(field.value);
  let active = -1, asked = 0, timer = 0;

  function write() {
    field.value = values.concat(typing.value.trim() ? [typing.value.trim()] : []).join(", ");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function draw() {
    list.replaceChildren(...values.map((value, index) => {
      const chip = document.createElement("span");
      const error = errorOf(value);
      const wrong = error?.textContent ?? (plausible.test(value) ? "" : row.dataset.wrong.replace("%s", value));
      chip.className = wrong ? "chip rc bad" : "chip rc";
      const text = document.createElement("span");
      text.className = "ell";
      text.dir = "auto";
      text.textContent = value.replace(/\s*<[^>]*>$/, "").replace(/^"(.*)"$/, "$1") || value;
      text.title = wrong || value;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "x";
      remove.setAttribute("aria-label", row.dataset.remove.replace("%s", value));
      remove.textContent = "×";
      if (error) remove.setAttribute("aria-describedby", error.id);
      remove.addEventListener("click", () => { values.splice(index, 1); draw(); write(); typing.focus(); });
      chip.addEventListener("dblclick", () => edit(index));
      chip.append(...(wrong ? [sign()] : []), text, remove);
      return chip;
    }));
    for (const error of said) error.hidden = !values.some((value) => errorOf(value) === error);
    if (said.length && said.every((error) => error.hidden)) typing.removeAttribute("aria-invalid");
  }

  /** Not by its colour alone. */
  function sign() {
    return row.querySelector("template[data-sign]").content.cloneNode(true);
  }

  function edit(index) {
    take();
    [typing.value] = values.splice(index, 1);
    draw();
    typing.focus();
  }

  function take(text = typing.value) {
    const fresh = split(text);
    if (fresh.length) { values.push(...fresh); typing.value = ""; draw(); }
    close();
    write();
  }

  function close() {
    menu.hidden = true;
    active = -1;
    typing.setAttribute("aria-expanded", "false");
    typing.removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    const items = menu.children;
    if (!items.length) return;
    active = (index + items.length) % items.length;
    [...items].forEach((item, i) => {
      item.classList.toggle("on", i === active);
      item.setAttribute("aria-selected", String(i === active));
    });
    typing.setAttribute("aria-activedescendant", items[active].id);
    items[active].scrollIntoView({ block: "nearest" });
  }

  function show(contacts) {
    menu.replaceChildren(...contacts.map((contact, index) => {
      const item = document.createElement("li");
      item.className = "it";
      item.id = `${menu.id}-${index}`;
      item.setAttribute("role", "option");
      const two = document.createElement("span");
      two.className = "two grow";
      const name = document.createElement("span");
      name.dir = "auto";
      name.textContent = contact.name || contact.email;
      const address = document.createElement("small");
      address.dir = "ltr";
      address.textContent = contact.email;
      two.append(name, address);
      const source = document.createElement("span");
      source.className = "src";
      source.textContent = contact.source;
      item.append(two, source);
      // pointerdown, not click: the field must not lose focus and close the menu first.
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(value(contact)); typing.focus(); });
      return item;
    }));
    menu.hidden = contacts.length === 0;
    typing.setAttribute("aria-expanded", String(!menu.hidden));
    // A whole address stays what it is unless one of the others is chosen.
    if (contacts.length && !plausible.test(typing.value.trim())) mark(0);
  }

  async function ask() {
    const text = typing.value.trim();
    const turn = ++asked;
    if (!text) { close(); return; }
    try {
      const response = await fetch(`${row.dataset.complete}?q=${encodeURIComponent(text)}`, { headers: { Accept: "application/json" } });
      if (turn !== asked || !response.ok) return;
      const answer = await response.json();
      const known = values.join("\n").toLowerCase();
      show(answer.contacts.filter((contact) => !known.includes(contact.email.toLowerCase())));
    } catch { close(); }
  }

  typing.addEventListener("input", (event) => {
    event.stopPropagation();
    if (split(`${typing.value}\0`).length > 1) take(); else write();
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  typing.addEventListener("paste", () => setTimeout(() => { if (split(typing.value).length > 1) take(); }));
  typing.addEventListener("blur", () => { clearTimeout(timer); asked++; if (plausible.test(typing.value.trim())) take(); else close(); });
  typing.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    const open = !menu.hidden;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      mark(active + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" || (event.key === "Tab" && open && !event.shiftKey)) {
      if (open && active >= 0) { event.preventDefault(); menu.children[active].dispatchEvent(new Event("pointerdown")); }
      else if (event.key === "Enter") { event.preventDefault(); take(); }
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Backspace" && !typing.value && values.length) {
      event.preventDefault();
      edit(values.length - 1);
    }
  });
  // Another module's word: the whole field anew.
  field.addEventListener("recipients:set", (event) => { values = event.detail; typing.value = ""; draw(); write(); });
  row.addEventListener("click", (event) => { if (event.target === row || event.target === list) typing.focus(); });
  if (early && focused && values.length && !plausible.test(values.at(-1))) typing.value = values.pop(); // goes on
  draw();
  if (focused) typing.focus();
}
