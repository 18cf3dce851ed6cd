// A plain text field: the marks lie in a layer over it that has the same words in the same places, unseen.
const LIKE = ["font", "letterSpacing", "wordSpacing", "lineHeight", "textIndent", "textTransform", "direction", "textAlign",
  "unicodeBidi", "tabSize", "padding", "borderWidth", "borderStyle", "boxSizing"];

export function plain(field) {
  const layer = document.createElement("div");
  layer.className = "spell-mirror";
  layer.setAttribute("aria-hidden", "true");
  field.after(layer);
  let marks = [];
  let spans = [];
  let before = field.value;
  let chosen = null;

  function place() {
    layer.hidden = field.hidden;
    if (field.hidden) return;
    const style = getComputedStyle(field);
    for (const name of LIKE) layer.style[name] = style[name];
    Object.assign(layer.style, { whiteSpace: "pre-wrap", overflowWrap: "break-word", top: `${field.offsetTop}px`, left: `${field.offsetLeft}px`,
      // the scroll bar takes from the width of the lines, and stands at their other end where they run to the left
      width: `${field.clientWidth + parseFloat(style.borderLeftWidth) + parseFloat(style.borderRightWidth)}px`, height: `${field.offsetHeight}px` });
    layer.scrollTop = field.scrollTop;
  }

  function draw() {
    const nodes = [];
    let at = 0;
    spans = marks.map((mark) => {
      const span = document.createElement("span");
      span.className = mark === chosen ? "misspelt on" : "misspelt";
      span.textContent = field.value.slice(mark.start, mark.start + mark.length);
      nodes.push(field.value.slice(at, mark.start), span);
      at = mark.start + mark.length;
      return span;
    });
    layer.replaceChildren(...nodes, `${field.value.slice(at)}\u200b`);
    place();
  }

  /** Marks behind a change move along; those in it go until the text is checked again. */
  function follow() {
    const now = field.value;
    let head = 0;
    const most = Math.min(before.length, now.length);
    while (head < most && before[head] === now[head]) head += 1;
    let tail = 0;
    while (tail < most - head && before[before.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
    const by = now.length - before.length;
    marks = marks.filter((mark) => mark.start + mark.length < head || mark.start > before.length - tail);
    for (const mark of marks) if (mark.start >= head) mark.start += by;
    before = now;
    draw();
  }

  field.addEventListener("input", follow);
  field.addEventListener("scroll", () => { layer.scrollTop = field.scrollTop; });
  new ResizeObserver(place).observe(field);

  const caret = () => (document.activeElement === field && field.selectionStart === field.selectionEnd ? field.selectionStart : -1);

  return {
    field,
    document,
    text: () => field.value,
    caret,
    at: () => marks.find(({ start, length }) => start <= caret() && caret() <= start + length),
    show(found) { before = field.value; marks = found; if (!marks.includes(chosen)) chosen = null; draw(); },
    marks: () => marks,
    word: (mark) => field.value.slice(mark.start, mark.start + mark.length),
    rect: (mark) => spans[marks.indexOf(mark)]?.getBoundingClientRect(),
    choose(mark) { chosen = mark; draw(); },
    select(mark) {
      field.focus();
      field.setSelectionRange(mark.start, mark.start + mark.length);
      const span = spans[marks.indexOf(mark)];
      if (span) field.scrollTop = Math.max(0, span.offsetTop - field.clientHeight / 2);
      layer.scrollTop = field.scrollTop;
    },
    focus: () => field.focus(),
    replace(mark, word) {
      field.focus();
      field.setSelectionRange(mark.start, mark.start + mark.length);
      // The one way that can be undone by the browser's own keys.
      if (document.execCommand("insertText", false, word)) return;
      field.setRangeText(word, mark.start, mark.start + mark.length, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
    },
    browser(on) { field.spellcheck = on; },
  };
}
