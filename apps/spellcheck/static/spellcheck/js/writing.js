// Spelling beside a text that is written: words that may be wrong are underlined as one writes, F7 goes from one to the
// next, a menu says what may have been meant. Without this module a button of the form shows the same on a page.
import { toast } from "../../portal/js/portal.js";
import { menus } from "./menu.js";
import { plain } from "./plain.js";
import { rich } from "./rich.js";

const PAUSE = 500; // ms after the last key
const AGAIN = 900; // ms until a search that was cut short is asked once more

function spelling(box) {
  const form = box.closest("form[data-writing]");
  const frame = form.querySelector("iframe[data-frame]");
  const language = form.elements.spell_language;
  const ignored = form.elements.spell_ignored;
  const menu = menus(box, form);
  const asked = new Map(); // what was meant, by language and word
  const surfaces = {};
  let surface = null;
  let live = "live" in box.dataset;
  let timer = null;
  let checked = null; // the text that the marks are of
  let under = null; // the question on its way

  const post = (address, fields, signal) => {
    const data = new FormData();
    data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    for (const [name, value] of Object.entries(fields)) data.set(name, value);
    return fetch(address, { method: "POST", body: data, signal, headers: { Accept: "application/json" } });
  };

  /* --- the text -------------------------------------------------------------------------------------------------- */

  async function check() {
    clearTimeout(timer);
    under?.abort();
    const mine = under = new AbortController();
    const here = surface;
    const text = here.text();
    const response = await post(box.dataset.check, { text, spell_language: language.value, spell_ignored: ignored.value }, mine.signal);
    if (!response.ok) throw new Error();
    const { marks } = await response.json();
    if (mine.signal.aborted || here !== surface || here.text() !== text) return;
    checked = text;
    // What is marked already stays the same: its menu may be open.
    const before = here.marks();
    here.show(marks.map(([start, length, code]) => before.find((mark) => mark.start === start && mark.length === length && mark.language === code)
      ?? { start, length, language: code }));
    if (menu.mark() && !here.marks().includes(menu.mark())) menu.close({ back: true });
  }

  // What cannot be checked just now is checked with the next key; nobody is told while they write.
  const quietly = () => void check().catch(() => {});

  function soon() {
    checked = null;
    clearTimeout(timer);
    if (live) timer = setTimeout(quietly, PAUSE);
  }

  function connect(made) {
    made.field.addEventListener("input", () => { menu.close(); if (made === surface) soon(); });
    made.field.addEventListener("click", () => { if (made === surface) clicked(); });
    made.document.addEventListener("keydown", keys, true);
    if (made.document !== document) {
      made.document.addEventListener("pointerdown", () => menu.close());
      made.document.addEventListener("scroll", menu.follow, true);
    }
    if (live && !("browser" in box.dataset)) made.browser(false);
    return made;
  }

  /** The field that counts just now: it changes with the format of the message. */
  function settle() {
    const formatted = frame && !frame.hidden && frame.contentWindow?.squire;
    const name = formatted ? "rich" : "plain";
    surfaces[name] ??= connect(formatted ? rich(frame, box.dataset.frameSheet) : plain(form.elements.text));
    if (surface === surfaces[name]) return;
    menu.close();
    surface?.show([]);
    surface = surfaces[name];
    soon();
  }

  /* --- a word ---------------------------------------------------------------------------------------------------- */

  async function suggestions(mark, word) {
    const key = `${mark.language} ${word}`;
    for (let tries = 0; !asked.has(key) && tries < 3; tries += 1) {
      const response = await post(box.dataset.suggest, { word, language: mark.language });
      if (!response.ok) return [];
      const { words, whole } = await response.json();
      if (whole || (words.length && tries)) asked.set(key, words);
      else if (words.length && tries === 0) return words;
      else await new Promise((done) => { setTimeout(done, AGAIN); });
    }
    return asked.get(key) ?? [];
  }

  function without(word) {
    surface.show(surface.marks().filter((mark) => surface.word(mark) !== word));
    quietly();
  }

  function offer(mark, { focus }) {
    const word = surface.word(mark);
    const here = surface;
    menu.show(here, mark, {
      focus,
      name: [...language.options].find(({ value }) => value === mark.language)?.textContent ?? mark.language,
      suggestions: suggestions(mark, word).catch(() => []),
      choose(chosen) { menu.close(); here.replace(mark, chosen); },
      ignore() {
        menu.close({ back: true });
        ignored.value = `${ignored.value} ${word}`.trim();
        without(word);
      },
      async add() {
        menu.close({ back: true });
        try {
          const response = await post(box.dataset.add, { word });
          const { text } = await response.json();
          toast(text, { level: response.ok ? "ok" : "warning" });
          if (response.ok) without(word);
        } catch { toast(box.dataset.silent, { level: "error" }); }
      },
      language(event) {
        event.stopPropagation(); // a click elsewhere closes the box that this one opens
        menu.close();
        box.open = true;
        language.focus();
      },
    });
  }

  function clicked() {
    const mark = surface.at();
    if (mark) offer(mark, { focus: false }); else menu.close();
  }

  /** The next one behind the caret; from the beginning again behind the last. */
  async function next() {
    const from = menu.mark();
    const at = from ? from.start + from.length : surface.caret();
    menu.close();
    try {
      if (checked !== surface.text()) await check();
    } catch {
      toast(box.dataset.silent, { level: "error" });
      return;
    }
    const marks = surface.marks();
    const mark = marks.find(({ start, length }) => (from ? start >= at : start + length >= at)) ?? marks[0];
    if (!mark) { toast(box.dataset.none); surface.focus(); return; }
    surface.select(mark);
    offer(mark, { focus: true });
  }

  function keys(event) {
    if (menu.key(event) || event.key !== "F7" || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (event.currentTarget === document && !form.contains(event.target) && event.target !== document.body) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    next();
  }

  /* --- the button ------------------------------------------------------------------------------------------------ */

  for (const each of box.querySelectorAll("[data-only-live]")) each.hidden = false;
  box.querySelector("[data-next]").addEventListener("click", (event) => {
    event.preventDefault();
    box.open = false;
    next();
  });
  box.querySelector("[data-mark]").addEventListener("change", ({ target }) => {
    live = target.checked;
    if (live) quietly(); else { clearTimeout(timer); surface.show([]); checked = null; }
  });
  language.addEventListener("change", () => { if (live) quietly(); else checked = null; });
  form.addEventListener("compose:insert", soon);
  form.addEventListener("compose:ready", settle);
  form.addEventListener("compose:plain", settle);
  if (frame) {
    new MutationObserver(settle).observe(form, { attributes: true, attributeFilter: ["class"] });
  }
  settle();
}

const box = document.querySelector("form[data-writing] [data-spelling]");
if (box) spelling(box);
