"""HTML that would be far longer as plain text, made so that it is not.

Plain text pads the cells of a column to one width and indents each line of a list by its depth: a wide cell above
thousands of rows, or thousands of items two hundred lists deep, is then hundreds of megabytes. Reads what ``tidy``
wrote: every tag is closed in order, and no attribute holds a ">". Margins that a style asks for are left out for the same
reason. Linear in the length of its input.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

MAX_AREA = 1_000_000  # characters of a table, with all its blanks
MAX_LEVELS = 12  # of lists in lists

_TAG = re.compile(r"<(/?)([a-z0-9]+)[^>]*>")
_INDENTS = frozenset({"ul", "ol", "dir", "menu", "dl", "dd", "blockquote"})
_STYLE = re.compile(r' style="([^"]*)"')
_HARMLESS = re.compile(r"(?i)\b(?:display|white-space)\s*:\s*[a-z-]+")
_TABLE = re.compile(r"</?(?:table|tbody|thead|tfoot|colgroup|col)\b[^>]*>")
_ROW = re.compile(r"<(/?)(?:tr|caption)\b[^>]*>")
_CELL = re.compile(r"</?t[dh]\b[^>]*>")
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code del em font i img ins mark q s samp small span strike strong sub sup tt "
    "u var wbr time kbd".split()
)


def flatten(clean: str) -> str:
    """The same HTML; without tables where the text of one would be too large, with flatter lists and no margins."""
    if "<table" in clean and _largest(clean) > MAX_AREA:
        clean = _CELL.sub(" ", _ROW.sub(r"<\1div>", _TABLE.sub("", clean)))
    return _shallow(_STYLE.sub(_without_margins, clean))


def _without_margins(style: re.Match[str]) -> str:
    kept = "; ".join(_HARMLESS.findall(style[1]))
    return f' style="{kept}"' if kept else ""


def _shallow(clean: str) -> str:
    level = 0

    def keep(found: re.Match[str]) -> str:
        nonlocal level
        if found[2] not in _INDENTS:
            return found[0]
        level += -1 if found[1] else 1
        return found[0] if level < MAX_LEVELS + (not found[1]) else ""

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
            _add(open_[-1], clean[end : tag.start()], preformatted=preformatted > 0)
        end = tag.end()
        closing, name = bool(tag[1]), tag[2]
        if name == "pre":
            preformatted += -1 if closing else 1
        if name == "table" and not closing:
            open_.append(_Table())
        elif not open_ or name in _INLINE:
            continue
        elif name == "table":
            table = open_.pop()
            table.end_row()
            width = sum(table.columns.values())
            largest = max(largest, width * table.height)
            if open_:
                open_[-1].end_line(table.height + 1)
                open_[-1].width = max(open_[-1].width, width)
        elif name == "tr":
            if not closing:  # not every row has an end
                open_[-1].end_row()
        elif name in ("td", "th"):
            open_[-1].end_cell()
            open_[-1].column += closing
        else:
            open_[-1].end_line()
    return largest


def _add(table: _Table, text: str, *, preformatted: bool) -> None:
    table.line += len(text)
    if preformatted:
        table.end_line(text.count("\n"))
