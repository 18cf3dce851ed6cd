"""The first words of a message for its row in a list, from the first octets of its text part."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

from apps.mail.mime import decode
from apps.mail.mime.parts import Part

LENGTH = 200
OCTETS = 16 * 1024  # more of a part is not looked at

#: Padding that newsletters put behind their preview text, and other invisible characters.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufffd]+"
)
_JOINERS = re.compile("(?:[\u200c\u200d]+[ \xa0\r\n\t]+)+")  # inside of words these belong to the writing
_RULE = re.compile(r"[-_=*#~+.·•|]{3,}")
_BRACKETED = re.compile(r"[\[(<](?:https?|cid|mailto):[^\s\])>]*[\])>]?", re.IGNORECASE)
_ATTRIBUTION = re.compile(
    r"^.{0,200}(?:wrote|schrieb|écrit|escribió|ha scritto|skrev|كتب|写道)\s?.{0,80}:\s*$", re.IGNORECASE
)
_HIDDEN_TEXT = "head, style, script, title, template, noscript, textarea, select, blockquote, [hidden]"
_CUT_TAG = re.compile(r"<[^<>]{0,2000}\Z")


def snippet(part: Part, octets: bytes) -> str:
    """At most ``LENGTH`` characters in one line. ``octets`` may be cut anywhere. Never raises."""
    text = decode.text(part, octets[:OCTETS])
    if part.type == "text/html":
        text = _html_text(text)
    words = _JOINERS.sub(" ", _INVISIBLE.sub("", " ".join(_own_lines(text))))
    words = _RULE.sub(" ", _BRACKETED.sub(" ", words))
    words = " ".join("".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in words).split())
    return words if len(words) <= LENGTH else words[: LENGTH - 1].rstrip() + "…"


def _html_text(html: str) -> str:
    tree = LexborHTMLParser(_CUT_TAG.sub("", html.replace("\0", "")))
    for node in tree.css(_HIDDEN_TEXT):
        node.decompose()
    body = tree.body
    return body.text(separator=" ") if body is not None else ""


def _own_lines(text: str) -> list[str]:
    """What the writer wrote: no quotes, no line that introduces one, nothing after the signature mark."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line == "-- ":
            break
        if line.startswith((">", "|")) or _ATTRIBUTION.match(line.strip()):
            continue
        lines.append(line.strip())
    return lines or text.split("\n")
