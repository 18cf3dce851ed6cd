"""What templates, style sheets and scripts must not contain.

    python -m scripts.checks.templates [FILE...]

* Templates: no inline script or style, no ``on...`` attributes, no ``hx-on``, no ``javascript:``: the portal's
  Content-Security-Policy refuses them, so they would be dead code.
* Style sheets: no physical left and right, which do not turn around in right-to-left languages, and nothing fetched
  from elsewhere.
* Scripts: no ``eval`` and no HTML made from strings.

A line that needs one of them says why: ``/* physical: ... */`` in a style sheet, ``// html: ...`` in a script, and
``{# style: ... #}`` in the one template that may carry a style attribute, the message document.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("templates", "portal", "apps")
Finding = tuple[int, str]

_COMMENT = re.compile(r"\{#.*?#\}|\{%\s*comment\b.*?endcomment\s*%\}|<!--.*?-->", re.DOTALL)
_DJANGO = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<([a-zA-Z][\w-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_ATTRIBUTE = re.compile(r"([^\s=\"'/]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"']+))?")

_PHYSICAL = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)[\w-]*"
    r"|border-(?:top|bottom)-(?:left|right)-radius|left|right)\s*:"
    r"|(?<![\w-])(?:text-align|float|clear|caption-side)\s*:\s*(?:left|right)\b"
)
_REMOTE = re.compile(r"(?:url\(\s*[\"']?|@import\s+[\"'])(?:https?:)?//")
_HTML_FROM_STRINGS = re.compile(
    r"\b(?:eval|Function)\s*\(|\.(?:innerHTML|outerHTML)\s*\+?=(?!=)|\.insertAdjacentHTML\s*\(|document\.write"
)


def _blank(match: re.Match[str]) -> str:
    """Spaces in place of the match, so that positions and line numbers stay."""
    return re.sub(r"[^\n]", " ", match[0])


def template(text: str) -> Iterator[Finding]:
    excused = {number for number, line in enumerate(text.splitlines(), 1) if "{# style:" in line}
    markup = _DJANGO.sub(_blank, _COMMENT.sub(_blank, text))
    for tag in _TAG.finditer(markup):
        line = markup.count("\n", 0, tag.start()) + 1
        name = tag[1].lower()
        attributes = {a[1].lower(): (a[2] or "").strip("\"'") for a in _ATTRIBUTE.finditer(tag[2])}
        if name == "style":
            yield line, "inline <style>"
        if name == "script" and "src" not in attributes and attributes.get("type") != "application/json":
            yield line, "inline <script>"
        for attribute, value in attributes.items():
            if attribute == "style" and line not in excused:
                yield line, "style attribute"
            if re.match(r"on[a-z]+$|hx-on", attribute):
                yield line, f"script in the attribute {attribute}"
            if value.lower().lstrip().startswith("javascript:"):
                yield line, f"script in the attribute {attribute}"


def stylesheet(text: str) -> Iterator[Finding]:
    excused = {number for number, line in enumerate(text.splitlines(), 1) if "/* physical:" in line}
    bare = re.sub(r"/\*.*?\*/", _blank, text, flags=re.DOTALL)
    for number, line in enumerate(bare.splitlines(), 1):
        if number not in excused and (found := _PHYSICAL.search(line)):
            yield number, f"physical property {found[0].strip()!r}: write inline-start or inline-end"
        if _REMOTE.search(line):
            yield number, "fetched from elsewhere"


def script(text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), 1):
        code, _, comment = line.partition("//")
        if (found := _HTML_FROM_STRINGS.search(code)) and not comment.lstrip().startswith("html:"):
            yield number, f"{found[0].strip()}: build elements instead, or say why not in `// html: ...`"


KINDS = {".html": template, ".css": stylesheet, ".js": script}


def files(root: Path = ROOT) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in KINDS and "vendor" not in path.parts:
                yield path


def main(words: list[str]) -> int:
    chosen = [Path(word) for word in words] or list(files())
    found = [
        f"{path}:{line}: {text}"
        for path in chosen
        for line, text in KINDS[path.suffix](path.read_text(encoding="utf-8"))
    ]
    print("\n".join(found) or f"{len(chosen)} templates, style sheets and scripts in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
