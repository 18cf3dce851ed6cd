// Rich text in its frame: the marks are ranges of its document, and change nothing in it.
const BLOCK = /^(DIV|P|UL|OL|LI|H[1-6]|TABLE|TBODY|THEAD|TFOOT|TR|TD|TH|HR)$/;
const SKIPPED = /^(PRE|CODE|STYLE|SCRIPT)$/;

export function rich(frame, sheet) {
  const page = frame.contentDocument;
  const { squire } = frame.contentWindow;
  const root = page.querySelector("[data-editor]");
  const { CSS: styles, Highlight } = frame.contentWindow;
  page.head.append(Object.assign(page.createElement("link"), { rel: "stylesheet", href: sheet }));
  let segments = []; // nodes of text, and where each begins in the text that was read
  let marks = [];
  let chosen = null;

  /** The text as it is checked: paragraphs with an empty line between them, a quote as its mark alone. */
  function read() {
    let text = "";
    let gap = "";
    segments = [];
    const walk = (node) => {
      for (const child of node.childNodes) {
        if (child.nodeType === Node.TEXT_NODE) {
          if (!child.data) continue;
          if (text) text += gap;
          gap = "";
          segments.push({ node: child, start: text.length });
          text += child.data.replace(/[\n\r]/g, " ");
        } else if (child.nodeName === "BR") {
          gap += "\n";
        } else if (child.nodeName === "BLOCKQUOTE") {
          text += "\n>";
          gap = "\n\n";
        } else if (SKIPPED.test(child.nodeName)) {
          text += " ` ";
        } else {
          const block = BLOCK.test(child.nodeName);
          if (block) gap = "\n\n";
          walk(child);
          if (block) gap = "\n\n";
        }
      }
    };
    walk(root);
    return text;
  }

  function point(offset, end) {
    const segment = segments.findLast(({ start }) => (end ? start < offset : start <= offset));
    return [segment.node, Math.min(segment.node.length, offset - segment.start)];
  }

  function rangeOf({ start, length }) {
    const range = page.createRange();
    range.setStart(...point(start, false));
    range.setEnd(...point(start + length, true));
    return range;
  }

  const whole = (mark) => !mark.range.collapsed && mark.range.toString() === mark.text;

  function draw() {
    marks = marks.filter(whole);
    if (!marks.includes(chosen)) chosen = null;
    if (styles.highlights && Highlight) {
      styles.highlights.set("misspelt", new Highlight(...marks.map(({ range }) => range)));
      styles.highlights.set("misspelt-on", new Highlight(...(chosen ? [chosen.range] : [])));
      return;
    }
    page.querySelectorAll(".spell-line").forEach((line) => line.remove());
    for (const { range } of marks) {
      for (const box of range.getClientRects()) {
        const line = Object.assign(page.createElement("div"), { className: "spell-line" });
        const top = box.top + frame.contentWindow.scrollY;
        Object.assign(line.style, { top: `${top}px`, left: `${box.left}px`, width: `${box.width}px`, height: `${box.height}px` });
        page.body.append(line);
      }
    }
  }

  page.addEventListener("input", () => draw());

  return {
    field: root,
    document: page,
    text: read,
    caret() {
      const selection = page.getSelection();
      if (!page.hasFocus() || !selection.isCollapsed || !selection.anchorNode) return -1;
      const segment = segments.find(({ node }) => node === selection.anchorNode);
      return segment ? segment.start + selection.anchorOffset : -1;
    },
    at() {
      const { anchorNode: node, anchorOffset: offset, isCollapsed: alone } = page.getSelection();
      return alone && node ? marks.find((mark) => whole(mark) && mark.range.isPointInRange(node, offset)) : undefined;
    },
    show(found) {
      marks = found.map((mark) => { const range = rangeOf(mark); return Object.assign(mark, { range, text: range.toString() }); });
      draw();
    },
    marks: () => marks.filter(whole),
    word: (mark) => mark.text,
    rect(mark) {
      const [inner, outer] = [mark.range.getBoundingClientRect(), frame.getBoundingClientRect()];
      return new DOMRect(inner.x + outer.x, inner.y + outer.y, inner.width, inner.height);
    },
    choose(mark) { chosen = mark; draw(); },
    select(mark) {
      squire.focus();
      squire.setSelection(mark.range.cloneRange());
      mark.range.startContainer.parentElement?.scrollIntoView({ block: "nearest" });
    },
    focus: () => squire.focus(),
    replace(mark, word) {
      const { range } = mark;
      squire.saveUndoState(range.cloneRange());
      const { startContainer: node, startOffset: start } = range;
      range.deleteContents();
      // Within the node it keeps the look that the word had.
      if (node.nodeType === Node.TEXT_NODE) node.insertData(start, word);
      else range.insertNode(page.createTextNode(word));
      const after = page.createRange();
      if (node.nodeType === Node.TEXT_NODE) after.setStart(node, start + word.length); else after.setStartAfter(range.endContainer);
      squire.focus();
      squire.setSelection(after);
      root.dispatchEvent(new Event("input", { bubbles: true }));
    },
    browser(on) { root.setAttribute("spellcheck", String(on)); },
  };
}
