"""Static files under names that carry their hash, so that browsers may keep them for good; style sheets and
scripts without what only their authors read."""

from __future__ import annotations

import re
from collections.abc import Iterable

import tinycss2
from django.conf import settings
from django.core.files.base import ContentFile, File
from tinycss2.ast import CurlyBracketsBlock, Node
from whitenoise.storage import CompressedManifestStaticFilesStorage

_OWN_SCRIPT = re.compile(r"(?!admin/)(?!.*/vendor/).*\.js")  # what comes from elsewhere stays as it was published


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # whitenoise has no types
    support_js_module_import_aggregation = True  # modules import each other by their hashed names too

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._urls: dict[str, str] = {}  # a page names some twenty files, and their names never change in a process

    def url(self, name: str, force: bool = False) -> str:
        if (known := self._urls.get(name)) is None or settings.DEBUG:
            known = self._urls[name] = super().url(name, force)
        return known

    def _save(self, name: str, content: File[bytes]) -> str:
        squeeze = smaller if name.endswith(".css") else shorter if _OWN_SCRIPT.fullmatch(name) else None
        if squeeze is not None:
            content.seek(0)  # it was read for its hash
            content = ContentFile(squeeze(content.read().decode("utf-8")).encode("utf-8"))
        saved: str = super()._save(name, content)
        return saved


def smaller(css: str) -> str:
    """The same rules without comments and the blanks that mean nothing. Those that do, as in ``a :focus``, stay, which
    the minifiers that know no nested rules take away."""
    text: str = tinycss2.serialize(_squeezed(tinycss2.parse_component_value_list(css, skip_comments=True)))
    return text


def shorter(script: str) -> str:
    """The same script without indentation and the lines that are comments. It stays as it is where a line ends inside a
    text, for there blanks mean something: then a line has an odd number of its quotes."""
    lines, comment = [], False
    for line in map(str.strip, script.split("\n")):
        if comment or line.startswith("/*"):
            comment, _, rest = "*/" not in line, *line.partition("*/")[1:]
            if rest.strip():
                return script
        elif line.count("`") % 2:
            return script
        elif line and not line.startswith("//"):
            lines.append(line)
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
