"""HTML to readable plain text: the text alternative of what we send, quotes, and what is left when HTML breaks."""

from __future__ import annotations

import html as escapes
import re

from inscriptis import get_text
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig
from selectolax.lexbor import LexborHTMLParser

from apps.mail.mime.flatten import flatten
from apps.mail.mime.tidy import tidy

MAX_HTML = 1_000_000  # characters
# The strict profile: the relaxed one indents every <div>, which is what an editor calls a paragraph.
_CONFIG = ParserConfig(css=STRICT_CSS_PROFILE, display_links=False, display_images=False)
_LINK = re.compile(r'(<a href="([^"]*)"[^>]*>)([^<]*(?:<(?!/a>)[^<]*)*)</a>')  # tidy wrote it: href first, never nested
_TAG = re.compile(r"<[^>]*>")
_ALT = re.compile(r'<img [^>]*alt="([^"]+)"')
_GAPS = re.compile(r"\n{3,}")


def text(html: str) -> str:
    """Never raises; line ends are LF, blanks at line ends are gone. Links say where they lead:
    ``sign here <https://…>``."""
    clean = flatten(_LINK.sub(_with_target, tidy(html[:MAX_HTML]).html))
    try:
        found = get_text(f"<html><body>{clean}</body></html>", _CONFIG) if clean.strip() else ""
    except (ValueError, RecursionError, AttributeError, IndexError, KeyError, TypeError):
        body = LexborHTMLParser(clean).body  # plainer, but it reads everything
        found = body.text(separator="\n") if body is not None else ""
    lines = (line.rstrip() for line in found.replace("\xa0", " ").split("\n"))
    return _GAPS.sub("\n\n", "\n".join(lines)).strip("\n")


def _with_target(link: re.Match[str]) -> str:
    """The address after the text, unless the text is the address. A picture that leads somewhere speaks by its alt."""
    start, href, content = link[1], link[2], link[3]
    shown = "".join(escapes.unescape(_TAG.sub("", content)).split())
    if not shown:
        content = " ".join([content, *_ALT.findall(content)])
    target = escapes.unescape(href)
    if shown and _bare(shown) == _bare(target):
        return link[0]
    return f"{start}{content} &lt;{href}&gt;</a>"


def _bare(address: str) -> str:
    return re.sub(r"^(?:https?://|mailto:|tel:)|/$", "", address.casefold())
