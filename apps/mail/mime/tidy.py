"""HTML as mail brings it, made small and well nested before the real parsers see it.

This is no sanitiser: nothing it lets through counts as safe. It keeps the parsers behind it from harm: they go one call
deeper for each level (20,000 levels end the process) and multiply formatting elements that are never closed. Every tag
that leaves here was opened and is closed in order; comments, declarations, raw text and foreign content are gone, so
nobody can read the result differently. Linear in the length of its input.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass, field

from apps.mail.mime import links

MAX_DEPTH = 200
MAX_TAGS = 100_000
MAX_CSS = 128 * 1024  # characters of all style sheets together
MAX_ATTRIBUTES = 40

VOID = frozenset({"br", "hr", "img", "wbr", "col"})
#: Closed by what follows them; never deeper than the tables they stand in, so they need no count.
TABLE_PARTS = frozenset({"tr", "td", "th", "tbody", "thead", "tfoot", "colgroup", "caption", "col"})
IMPLIED = TABLE_PARTS | {"p"}
_CELLS = frozenset({"td", "th", "caption"})
_NESTED_NAMES = """
    a abbr acronym address article aside b bdi bdo big blockquote center cite code dd del details dfn dir div dl dt
    em figcaption figure font footer h1 h2 h3 h4 h5 h6 header i ins kbd li main mark menu nav ol pre q s samp
    section small span strike strong sub summary sup table time tt u ul var
"""
NESTED = frozenset(_NESTED_NAMES.split())
TAGS = VOID | IMPLIED | NESTED
#: What stands in these is no markup. Styles are collected, the rest is dropped with its content.
RAW = frozenset({"style", "script", "xmp", "iframe", "noembed", "noframes", "textarea", "title"})
_CLOSES_LIKE = {
    "a": frozenset({"a"}),
    "li": frozenset({"li"}),
    "dd": frozenset({"dd", "dt"}),
    "dt": frozenset({"dd", "dt"}),
}
_ITEMS = frozenset({"li", "dd", "dt"})
_LISTS = frozenset({"ul", "ol", "dir", "menu", "dl", "table", "blockquote", "div"})
_BARRIERS = frozenset({"table"})

_MARKUP = re.compile(r"<(?=[a-zA-Z!?/])")
_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?:(?P<end>>)|(?P<name>[^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'|(?P<bare>[^\s>"'][^\s>]*+)|(?=>)))?+)"""
)
_STARTS_OF_COMMENT = re.compile(r"-?>")
_END_OF_COMMENT = re.compile(r"--!?>")


@dataclass(slots=True)
class Tidied:
    html: str = ""
    css: str = ""
    body: dict[str, str] = field(default_factory=dict)  # attributes of <body>
    tags: Counter[str] = field(default_factory=Counter)  # how often each element occurs
    classes: Counter[str] = field(default_factory=Counter)
    cut: bool = False  # there was more than is kept


def tidy(source: str) -> Tidied:
    tidier = _Tidier(source.replace("\0", ""))
    tidier.run()
    return tidier.result()


class _Tidier:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.out: list[str] = []
        self.css: list[str] = []
        self.css_left = MAX_CSS
        self.open: list[str] = []
        self.in_vain: set[str] = set()  # names for which nothing that is open now is to be closed
        self.in_cell: list[bool] = []  # of each open table
        self.dropped: Counter[str] = Counter()  # opened too deep: their end tags are dropped too
        self.found = Tidied()
        self.count = 0

    def run(self) -> None:
        source, end = self.source, len(self.source)
        while self.position < end:
            match = _MARKUP.search(source, self.position)
            start = match.start() if match else end
            if start > self.position:
                self.text(source[self.position : start])
            self.position = start
            if start < end:
                self.markup()
            if self.count > MAX_TAGS:
                self.found.cut = True
                break
        self.close(0)

    def text(self, content: str) -> None:
        if content.strip():
            self.need_cell()
        self.out.append(content.replace("<", "&lt;").replace(">", "&gt;"))

    def need_cell(self) -> None:
        """What stands in a table but in no cell gets one; parsers would move it elsewhere, each time further."""
        if self.open and self.open[-1] == "table" and not self.in_cell[-1]:
            self.out.append("<tr><td>")
            self.in_cell[-1] = True

    def table_part(self, name: str, *, is_start: bool) -> bool:
        """Close what is still open in the table; False where there is no table."""
        if not self.in_cell:
            return False
        self.close(len(self.open) - self.open[::-1].index("table"))
        self.in_cell[-1] = is_start and name in _CELLS
        return True

    def result(self) -> Tidied:
        self.found.html = "".join(self.out)
        self.found.css = "\n".join(self.css)
        return self.found

    def markup(self) -> None:
        source, start = self.source, self.position
        match = _NAME.match(source, start + 1)
        if match is not None:
            self.start_tag(match[0].lower(), match.end())
        elif source.startswith("<!--", start):
            self.skip_comment(start + 4)
        elif source.startswith("</", start) and (match := _NAME.match(source, start + 2)) is not None:
            self.end_tag(match[0].lower(), match.end())
        else:  # declarations and what browsers read as comments
            self.position = self.after(">", start)

    def after(self, mark: str, start: int) -> int:
        end = self.source.find(mark, start)
        return len(self.source) if end < 0 else end + len(mark)

    def skip_comment(self, start: int) -> None:
        early = _STARTS_OF_COMMENT.match(self.source, start)
        late = early or _END_OF_COMMENT.search(self.source, start)
        self.position = late.end() if late else len(self.source)

    def start_tag(self, name: str, position: int) -> None:
        attributes = self.attributes(position)
        if attributes is None:  # the text ends inside of the tag
            self.position = len(self.source)
        elif name in RAW:
            self.raw(name)
        elif name == "plaintext":
            self.out.append(html.escape(self.source[self.position :], quote=False))
            self.position = len(self.source)
        elif name == "body":
            self.found.body = attributes | self.found.body
        elif name == "image":
            self.emit("img", attributes)
        elif name in TAGS:
            self.emit(name, attributes)

    def attributes(self, position: int) -> dict[str, str] | None:
        """Also moves behind the tag. The first of two equal attributes counts."""
        found: dict[str, str] = {}
        if self.source.startswith(">", position):  # most tags have none
            self.position = position + 1
            return found
        while (match := _ATTRIBUTE.match(self.source, position)) is not None:
            position = match.end()
            if match["end"]:
                self.position = position
                return found
            value = match["double"] or match["single"] or match["bare"] or ""
            if len(found) < MAX_ATTRIBUTES:
                found.setdefault(match["name"].lower(), value)
        return None

    def raw(self, name: str) -> None:
        end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(self.source, self.position)
        content = self.source[self.position : end.start() if end else len(self.source)]
        if name == "style" and len(content) <= self.css_left:
            self.css.append(content)
            self.css_left -= len(content)
        elif name == "style":
            self.found.cut = True
        self.position = self.after(">", end.start()) if end else len(self.source)

    def emit(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if name in TABLE_PARTS and not self.table_part(name, is_start=True):
            return
        if name not in TABLE_PARTS:
            self.need_cell()
        if name in NESTED:
            self.close_like(name)
            if len(self.open) >= MAX_DEPTH:
                self.dropped[name] += 1
                return
            self.open.append(name)
            self.in_vain.clear()
            if name == "table":
                self.in_cell.append(False)
        self.found.tags[name] += 1
        if classes := attributes.get("class"):
            self.found.classes.update(set(html.unescape(classes).split()))
        if name == "a":
            # nh3 changes the order of attributes where it takes one away; then cleaning twice would not give the same
            href = links.safe_href(html.unescape(attributes.pop("href", "")))
            attributes = {"href": html.escape(href, quote=False), **attributes} if href else attributes
        self.out.append(f"<{name}{_written(attributes)}>" if attributes else f"<{name}>")

    def close_like(self, name: str) -> None:
        """A list item ends the one before it in the same list; a link ends a link. What was looked for without success
        is not looked for again until something else is open: thousands may be dropped for being too deep."""
        alike = _CLOSES_LIKE.get(name)
        if alike is None or name in self.in_vain:
            return
        for index in range(len(self.open) - 1, -1, -1):
            if self.open[index] in alike:
                self.close(index)
                return
            if self.open[index] in (_BARRIERS if name not in _ITEMS else _LISTS):
                break
        self.in_vain.add(name)

    def end_tag(self, name: str, position: int) -> None:
        if self.attributes(position) is None:
            self.position = len(self.source)
            return
        if name in TABLE_PARTS:
            if self.table_part(name, is_start=False):
                self.out.append(f"</{name}>")
        elif name in ("p", "br"):
            self.need_cell()
            self.out.append(f"</{name}>" if name == "p" else "<br>")
        elif self.dropped[name]:
            self.dropped[name] -= 1
        elif name in NESTED:
            for index in range(len(self.open) - 1, -1, -1):
                if self.open[index] == name:
                    self.close(index)
                    return
                if self.open[index] in _BARRIERS:
                    return

    def close(self, index: int) -> None:
        self.in_vain.clear()
        while len(self.open) > index:
            name = self.open.pop()
            if name == "table":
                self.in_cell.pop()
            self.out.append(f"</{name}>")


def _written(attributes: dict[str, str]) -> str:
    """Values keep their character references; only what could end the value or begin a tag is escaped."""
    pieces = []
    for name, value in attributes.items():
        if name.isascii() and name.replace("-", "").replace("_", "").replace(":", "").isalnum():
            safe = value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
            pieces.append(f' {name}="{safe}"')
    return "".join(pieces)
