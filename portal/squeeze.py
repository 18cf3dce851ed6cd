"""Style sheets and scripts without what only their authors read."""

from __future__ import annotations

import re
from collections.abc import Iterable

import tinycss2
from tinycss2.ast import CurlyBracketsBlock, Node

_PUBLISHED = re.compile(r"admin/|.*/vendor/")  # by others, and stays as it is
_REMARK = re.compile(r"(?<=[;{},(\[]) // [^\"'`/]*$")


def squeezed_css(css: str) -> str:
    """The same rules without comments and the blanks that mean nothing. Those that do, as in ``a :focus``, stay, which
    the minifiers that know no nested rules take away."""
    text: str = tinycss2.serialize(_squeezed(tinycss2.parse_component_value_list(css, skip_comments=True)))
    return text


def squeezed_script(name: str, script: str) -> str:
    """The same script without indentation and comments, but for some at the end of a line. It stays as it is where a
    line ends inside a text, for there blanks mean something: then a line has an odd number of its quotes."""
    if _PUBLISHED.match(name):
        return script
    lines, comment = [], False
    for line in map(str.strip, script.split("\n")):
        if comment or line.startswith("/*"):
            comment, _, rest = "*/" not in line, *line.partition("*/")[1:]
            if rest.strip():
                return script
        elif line.count("`") % 2:
            return script
        elif line and not line.startswith("//"):
            lines.append(_REMARK.sub("", line))
    return "\n".join(lines) + "\n"


def _squeezed(nodes: Iterable[Node]) -> list[Node]:
    kept: list[Node] = []
    for node in nodes:
        if isinstance(node, CurlyBracketsBlock):
            node.content = _squeezed(node.content)
        if kept and kept[-1].type == "whitespace" and (node.type == "{} block" or node == ";" or node == ","):
            kept.pop()
        if node.type == "whitespace" and (not kept or kept[-1].type == "{} block" or kept[-1] in (";", ",", ":")):
            continue
        kept.append(node)
    while kept and kept[-1].type == "whitespace":
        kept.pop()
    return kept
