// People and groups while somebody types: a list below a text field. Our own books answer first; what other servers
// know comes in a second answer, below, and neither moves nor takes the choice.

const PAUSE = 120; // ms after the last key

export function completion({ row, typing, name, isKnown, isWhole, choose }) {
  const menu = document.createElement("div");
  menu.className = "menu complete";
  menu.hidden = true;
  const list = document.createElement("ul");
  list.id = `${name}-menu`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", row.dataset.recipients);
  const note = document.createElement("p");
  note.className = "cap r g1";
  const said = document.createElement("span"); // what a screen reader says when the second answer is there
  said.className = "vh";
  said.setAttribute("role", "status");
  menu.append(list, note);
  typing.setAttribute("aria-controls", list.id);
  let active = -1, timer = 0, running = null, offered = new Set();

  function close() {
    clearTimeout(timer);
    running?.abort();
    timer = 0;
    running = null;
    menu.hidden = true;
    active = -1;
    typing.setAttribute("aria-expanded", "false");
    typing.removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    const items = list.children;
    if (!items.length) return;
    active = (index + items.length) % items.length;
    [...items].forEach((item, i) => {
      item.classList.toggle("on", i === active);
      item.setAttribute("aria-selected", String(i === active));
    });
    typing.setAttribute("aria-activedescendant", items[active].id);
    items[active].scrollIntoView({ block: "nearest" });
  }

  /** The lines that are new, added below the others. */
  function add(contacts, text, { far = false } = {}) {
    const fresh = contacts.filter((contact) => {
      const key = (contact.email || contact.group).toLowerCase();
      if (offered.has(key) || isKnown(contact)) return false;
      return offered.add(key);
    });
    list.append(...fresh.map((contact, at) => line(contact, text, list.children.length + at, far)));
    return fresh.length;
  }

  function line(contact, text, index, far) {
    const item = document.createElement("li");
    item.className = "it";
    item.id = `${list.id}-${index}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    const two = element("span", "two grow");
    const second = element("small", "ell");
    second.dir = contact.group ? "auto" : "ltr";
    second.append(...(contact.group ? [contact.people] : found(contact.email, text)));
    const first = element("span", "ell");
    first.dir = "auto";
    first.append(...found(contact.name || contact.email, text));
    two.append(first, second);
    if (contact.warning) {
      const warning = element("small", "c-warn said");
      const words = document.createElement("span");
      words.textContent = contact.warning;
      warning.append(icon("warn"), words);
      two.append(warning);
    }
    const face = element("span", contact.group ? "av" : `av h${contact.hue}`);
    face.setAttribute("aria-hidden", "true");
    face.dir = "auto";
    face.append(contact.group ? icon("group") : contact.initials);
    const source = element("span", "src");
    source.textContent = contact.source;
    item.append(face, two, source);
    // pointerdown, not click: the field must not lose focus and close the menu first.
    item.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(contact, far); typing.focus(); });
    return item;
  }

  const element = (tag, classes) => Object.assign(document.createElement(tag), { className: classes });
  const icon = (kind) => row.querySelector(`template[data-mark=${kind}]`).content.cloneNode(true);

  /** Letters that were typed are marked where a word begins with them. */
  function found(text, typed) {
    const escaped = typed.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    const at = text.search(new RegExp(`(?<![\\p{L}\\p{N}])${escaped}`, "iu"));
    if (at < 0) return [text];
    const hit = document.createElement("mark");
    hit.textContent = text.slice(at, at + typed.length);
    return [text.slice(0, at), hit, text.slice(at + typed.length)];
  }

  function draw(text) {
    note.textContent = text;
    note.hidden = !text;
    list.hidden = !list.children.length;
    menu.hidden = list.hidden && note.hidden;
    typing.setAttribute("aria-expanded", String(!list.hidden));
  }

  async function get(text, more, signal) {
    const address = `${row.dataset.complete}?q=${encodeURIComponent(text)}${more}`;
    const response = await fetch(address, { headers: { Accept: "application/json" }, signal });
    if (!response.ok) throw new Error();
    return response.json();
  }

  async function ask() {
    const text = typing.value.trim();
    timer = 0;
    running?.abort();
    if (!text) { close(); return; }
    const mine = running = new AbortController();
    const { signal } = mine;
    try {
      const answer = await get(text, "", signal);
      list.replaceChildren();
      offered = new Set();
      active = -1;
      typing.removeAttribute("aria-activedescendant");
      add(answer.contacts, text);
      draw("");
      // A whole address stays what it is unless one of the others is chosen.
      if (list.children.length && !isWhole(typing.value.trim())) mark(0);
      if (answer.far) await askFar(text, signal);
    } catch { if (!signal.aborted) close(); }
    if (running === mine) running = null;
  }

  async function askFar(text, signal) {
    let answer = { contacts: [], note: row.dataset.silent };
    try { answer = await get(text, "&far=1", signal); } catch { /* it does not answer, and that is said */ }
    if (signal.aborted) return;
    const count = add(answer.contacts, text, { far: true });
    draw(answer.note ?? "");
    said.textContent = [count ? row.dataset.more.replace("%s", count) : "", answer.note ?? ""].filter(Boolean).join(" ");
  }

  return {
    nodes: [menu, said],
    close,
    soon() { clearTimeout(timer); timer = setTimeout(ask, PAUSE); },
    /** Whether this key was for the list. */
    key(event) {
      // Escape is for a list that is on its way, too: whoever is quicker than it does not want to leave the page.
      if (menu.hidden && !((timer || running) && event.key === "Escape")) return false;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") mark(active < 0 && event.key === "ArrowUp" ? -1 : active + (event.key === "ArrowDown" ? 1 : -1));
      else if (active >= 0 && (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey))) list.children[active].dispatchEvent(new Event("pointerdown"));
      else if (event.key === "Escape") { event.stopPropagation(); close(); } else return false;
      event.preventDefault();
      return true;
    },
  };
}
