"""HTML to readable plain text: the text alternative of what we send, quotes, and what is left when HTML breaks."""

from __future__ import annotations

import re

from inscriptis import get_text
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig
from selectolax.lexbor import LexborHTMLParser

from apps.mail.mime.tidy import tidy

MAX_HTML = 1_000_000  # characters
# The strict profile: the relaxed one indents every <div>, which is what an editor calls a paragraph.
_CONFIG = ParserConfig(css=STRICT_CSS_PROFILE, display_links=False, display_images=False)
_GAPS = re.compile(r"\n{3,}")


def text(html: str) -> str:
    """Never raises; line ends are LF, blanks at line ends are gone."""
    clean = tidy(html[:MAX_HTML]).html
    try:
        found = get_text(f"<html><body>{clean}</body></html>", _CONFIG) if clean.strip() else ""
    except (ValueError, RecursionError, AttributeError, IndexError, KeyError, TypeError):
        body = LexborHTMLParser(clean).body  # plainer, but it reads everything
        found = body.text(separator="\n") if body is not None else ""
    lines = (line.rstrip() for line in found.replace("\xa0", " ").split("\n"))
    return _GAPS.sub("\n\n", "\n".join(lines)).strip("\n")
