// The menu of a word: what may have been meant, each with its digit, and what else can be done with it.
const MOST = 5; // suggestions, each with a digit

export function menus(box, form) {
  let open = null; // { element, surface, mark }

  function close({ back = false } = {}) {
    if (!open) return;
    const { element, surface } = open;
    open = null;
    element.remove();
    surface.choose(null);
    if (back) surface.focus();
  }

  function place(element, rect) {
    if (!rect) return;
    const rtl = getComputedStyle(document.documentElement).direction === "rtl";
    const { offsetWidth: width, offsetHeight: height } = element;
    const below = rect.bottom + height + 8 <= innerHeight;
    const x = rtl ? innerWidth - rect.right : rect.left;
    element.style.setProperty("inset-inline-start", `${Math.max(4, Math.min(x, innerWidth - width - 4))}px`);
    element.style.setProperty("inset-block-start", `${Math.max(4, below ? rect.bottom + 4 : rect.top - height - 4)}px`);
  }

  const items = () => [...open.element.querySelectorAll("[role=menuitem]")];

  function list(words, { mark, choose }) {
    const holder = open.element.querySelector("[data-words]");
    const blank = box.querySelector("template[data-word]").content.firstElementChild;
    holder.replaceChildren(...words.slice(0, MOST).map((word, index) => {
      const item = blank.cloneNode(true);
      item.querySelector("span").textContent = word;
      item.querySelector("kbd").textContent = index + 1;
      item.lang = mark.language;
      item.addEventListener("click", () => choose(word));
      return item;
    }));
  }

  function say(text) {
    const line = Object.assign(document.createElement("p"), { className: "help", textContent: text });
    open.element.querySelector("[data-words]").replaceChildren(line);
  }

  /** Show it; `suggestions` is on its way. With `focus` it has the keys, else the text keeps them. */
  async function show(surface, mark, { focus, suggestions, choose, add, ignore, language, name }) {
    close();
    const element = box.querySelector("template[data-menu]").content.firstElementChild.cloneNode(true);
    element.setAttribute("aria-label", box.dataset.about.replace("%s", surface.word(mark)));
    element.querySelector("[data-name]").textContent = box.dataset.named.replace("%s", name);
    element.querySelector("[data-add-word]").addEventListener("click", add);
    element.querySelector("[data-ignore]").addEventListener("click", ignore);
    element.querySelector("[data-language]").addEventListener("click", language);
    // A click takes nothing from the text that it is about.
    element.addEventListener("mousedown", (event) => event.preventDefault());
    form.append(element);
    open = { element, surface, mark };
    const mine = open;
    surface.choose(mark);
    say(box.dataset.searching);
    place(element, surface.rect(mark));
    if (focus) element.focus();
    const words = await suggestions;
    if (open !== mine) return;
    if (words?.length) list(words, { mark, choose }); else say(box.dataset.unknown);
    place(element, surface.rect(mark));
    if (focus && element === document.activeElement) items()[0].focus();
  }

  function step(by) {
    const every = items();
    const now = every.indexOf(document.activeElement);
    every[(now + by + every.length) % every.length].focus();
  }

  /** Before anything else hears of a key; true where it was the menu's. */
  function key(event) {
    if (!open) return false;
    const within = open.element.contains(document.activeElement);
    if (event.key === "Escape") close({ back: true });
    else if (event.key === "ArrowDown" && !event.altKey) step(within ? 1 : 1 + items().length);
    else if (!within) return false;
    else if (event.key === "ArrowUp") step(-1);
    else if (event.key === "Home" || event.key === "End") items().at(event.key === "End" ? -1 : 0).focus();
    else if (event.key === "Tab") close({ back: true });
    else if (/^[1-9]$/.test(event.key)) open.element.querySelectorAll("[data-words] .it")[Number(event.key) - 1]?.click();
    else if (!event.ctrlKey && !event.metaKey && event.key.length === 1 && event.key !== " ") close({ back: true });
    else return false;
    event.preventDefault();
    event.stopImmediatePropagation();
    return true;
  }

  document.addEventListener("pointerdown", ({ target }) => { if (open && !open.element.contains(target)) close(); });
  /** The text has moved below it. */
  function follow() {
    if (open) place(open.element, open.surface.rect(open.mark));
  }

  document.addEventListener("scroll", ({ target }) => { if (target !== open?.element) follow(); }, true);
  addEventListener("resize", follow);
  return { show, close, follow, key, mark: () => open?.mark ?? null };
}
