"""HTML that would be far longer as plain text, made so that it is not.

Plain text pads the cells of a column to one width and indents each line of a list by its depth: a wide cell above
thousands of rows, or thousands of items two hundred lists deep, is then hundreds of megabytes. Reads what ``tidy``
wrote: every tag is closed in order, and no attribute holds a ">". Margins that a style asks for are left out for the
same reason. Linear in the length of its input.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

MAX_AREA = 1_000_000  # characters of a table, with all its blanks
MAX_LEVELS = 12  # of lists in lists

_TAG = re.compile(r"<(/?)([a-z0-9]+)[^>]*>")
_INDENTS = frozenset({"ul", "ol", "dir", "menu", "dl", "blockquote"})
_ITEMS = frozenset({"li", "dd"})
_STYLE = re.compile(r' style="([^"]*)"')
_HARMLESS = re.compile(r"(?i)\b(?:display|white-space)\s*:\s*[a-z-]+")
_TABLE = re.compile(r"</?(?:table|tbody|thead|tfoot|colgroup|col)\b[^>]*>")
_ROW = re.compile(r"<(/?)(?:tr|caption)\b[^>]*>")
_CELL = re.compile(r"</?t[dh]\b[^>]*>")
_INLINE_NAMES = """
    a abbr acronym b bdi bdo big cite code del em font i img ins kbd mark q s samp small span strike strong sub sup time
    tt u var wbr
"""
_INLINE = frozenset(_INLINE_NAMES.split())


def flatten(clean: str) -> str:
    """The same HTML; without tables where the text of one would be too large, with flatter lists and no margins."""
    if "<table" in clean and _largest(clean) > MAX_AREA:
        clean = _CELL.sub(" ", _ROW.sub(r"<\1div>", _TABLE.sub("", clean)))
    return _shallow(_STYLE.sub(_without_margins, clean))


def _without_margins(style: re.Match[str]) -> str:
    kept = "; ".join(_HARMLESS.findall(style[1]))
    return f' style="{kept}"' if kept else ""


def _shallow(clean: str) -> str:
    """What lies deeper than ``MAX_LEVELS`` stands where its surroundings stand, each piece on a line of its own."""
    levels = dict.fromkeys(("list", "item"), 0)

    def keep(found: re.Match[str]) -> str:
        kind = "item" if found[2] in _ITEMS else "list" if found[2] in _INDENTS else ""
        if not kind:
            return found[0]
        levels[kind] += -1 if found[1] else 1
        if levels[kind] < MAX_LEVELS + (not found[1]):
            return found[0]
        return "" if found[1] else "<br>"

    return _TAG.sub(keep, clean)


@dataclass(slots=True)
class _Table:
    """What is known of a table while it is read; widths in characters, heights in lines."""

    columns: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))  # the width of each
    column: int = 0
    height: int = 0  # of the rows before
    row: int = 1  # height of this row
    cell: int = 1  # height of this cell
    width: int = 0  # of its widest line
    line: int = 0  # of its last line

    def add(self, text: str, *, preformatted: bool) -> None:
        self.line += len(text)
        if preformatted:
            self.end_line(text.count("\n"))

    def add_table(self, inner: _Table) -> None:
        self.end_line(inner.height + 1)
        self.width = max(self.width, sum(inner.columns.values()))

    def tag(self, name: str, *, closing: bool) -> None:
        if name == "tr":
            if not closing:  # not every row has an end
                self.end_row()
        elif name in ("td", "th"):
            self.end_cell()
            self.column += closing
        else:
            self.end_line()

    def end(self) -> int:
        """Its characters."""
        self.end_row()
        return sum(self.columns.values()) * self.height

    def end_line(self, lines: int = 1) -> None:
        self.width, self.line = max(self.width, self.line), 0
        self.cell += lines

    def end_cell(self) -> None:
        self.columns[self.column] = max(self.columns[self.column], self.width, self.line)
        self.row = max(self.row, self.cell)
        self.cell, self.width, self.line = 1, 0, 0

    def end_row(self) -> None:
        self.end_cell()
        self.height += self.row
        self.row, self.column = 1, 0


def _largest(clean: str) -> int:
    """Characters of the largest table, roughly and rather too many."""
    open_: list[_Table] = []
    largest = end = preformatted = 0
    for tag in _TAG.finditer(clean):
        if open_:
            open_[-1].add(clean[end : tag.start()], preformatted=preformatted > 0)
        end = tag.end()
        closing, name = bool(tag[1]), tag[2]
        if name == "pre":
            preformatted += -1 if closing else 1
        if name == "table" and not closing:
            open_.append(_Table())
        elif name == "table":
            table = open_.pop()
            largest = max(largest, table.end())
            if open_:
                open_[-1].add_table(table)
        elif open_ and name not in _INLINE:
            open_[-1].tag(name, closing=closing)
    return largest
