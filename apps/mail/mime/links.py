"""Addresses that a message links to: which may be followed, how they are found in text, and where they really lead."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from linkify_it import LinkifyIt
from selectolax.lexbor import LexborHTMLParser

MAX_URL = 8192
MAX_LINE = 100_000  # characters of one line that are searched for links
MAX_WORD = 4_000  # of one word in a longer line: looking for links takes the square of it
#: What every link gets: a new tab that knows nothing of this one.
ATTRIBUTES = 'target="_blank" rel="noopener noreferrer"'

_BLANKS = re.compile(r"(\s+)")
_SCHEME = re.compile(r"(https?|mailto|tel):", re.IGNORECASE)
_IGNORED = re.compile(r"[\t\r\n]")  # as browsers read an address
_EDGES = "".join(map(chr, range(0x21)))
#: Characters that would show an address as another one, or end it; written as octets.
_MASKED = re.compile("[\x00-\x20\x7f-\xa0\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\"'<>`{}|\\\\^]")
_HOST_LIKE = re.compile(r"(?:https?://)?(?:www\.)?([\w-]+(?:\.[\w-]+)+)(?:[/:?#]\S*)?", re.IGNORECASE)

_linkify = LinkifyIt({"ftp:": None, "//": None}, {"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
_WWW = re.compile(r"(?<![\w@/.:-])www\.[\w-]+(?:\.[\w-]+)+(?:[/?#][^\s<>\"'`]*)?", re.IGNORECASE)

_AROUND = ".,;:!?'\"«»“”„‘’‹›、。，」』】）"
_BRACKETS = {")": "(", "]": "[", "}": "{"}

_EMAIL = re.compile(r"(?<![\w.+%/:@-])[\w+%-][\w.+%-]{0,63}@[\w-]+(?:\.[\w-]+)+")


def safe_href(address: str) -> str | None:
    """The address as it may stand in ``href``; None for one that must not be followed (and for relative ones)."""
    address = _IGNORED.sub("", address.strip(_EDGES))
    match = _SCHEME.match(address)
    if match is None or len(address) > MAX_URL:
        return None
    scheme, rest = match[1].lower(), address[match.end() :]
    if scheme in ("http", "https"):
        rest = "//" + rest.lstrip("/\\")
        if len(rest) == 2:
            return None
        rest = rest.replace("\\", "/")
    masked: str = _MASKED.sub(_as_octets, rest)
    return f"{scheme}:{masked}"


def _as_octets(match: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in match[0].encode("utf-8", "replace"))


def linkify(text: str) -> str:
    """Safe HTML: the text is cut at its links first, then every piece is escaped on its own."""
    if len(text) > MAX_LINE:
        return html.escape(text)
    if len(text) > MAX_WORD:
        words = _BLANKS.split(text)
        return "".join(linkify(word) if len(word) <= MAX_WORD else html.escape(word) for word in words)
    pieces: list[str] = []
    position = 0
    for start, end, address in _found(text):
        href = safe_href(address)
        if start < position or href is None:
            continue
        pieces.append(html.escape(text[position:start]))
        pieces.append(f'<a href="{html.escape(href)}" {ATTRIBUTES}>{html.escape(text[start:end])}</a>')
        position = end
    pieces.append(html.escape(text[position:]))
    return "".join(pieces)


def _found(text: str) -> Iterator[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    if "www." in text.lower():
        found += [(match.start(), match.end(), "http://" + match[0]) for match in _WWW.finditer(text)]
    if "@" in text:
        found += [(match.start(), match.end(), "mailto:" + match[0]) for match in _EMAIL.finditer(text)]
    if ":" in text:
        found += [(match.index, match.last_index, match.url) for match in _linkify.match(text) or ()]
    for start, end, address in sorted(found):
        shown = _without_end(text[start:end])
        yield start, start + len(shown), address[: len(address) - (end - start - len(shown))]


def _without_end(address: str) -> str:
    """Without the sentence around it: its punctuation, its quotation marks, and brackets that are open before it."""
    end = len(address)
    open_ = {closer: address.count(opener) - address.count(closer) for closer, opener in _BRACKETS.items()}
    while end:
        last = address[end - 1]
        if last in _BRACKETS and open_[last] < 0:
            open_[last] += 1
        elif last not in _AROUND:
            break
        end -= 1
    return address[:end]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A link whose text names one host and that leads to another."""

    shown: str
    host: str


def host_of(href: str) -> str:
    """The host that a browser would go to, as ASCII: names in other scripts as they travel (xn--)."""
    try:
        host = urlsplit(href).hostname or ""
        return host.encode("idna").decode("ascii").lower() if not host.isascii() else host.lower()
    except (ValueError, UnicodeError):
        return ""


def mismatches(markup: str) -> tuple[Mismatch, ...]:
    """Links in sanitised HTML that do not lead where their text says; at most 20, each once."""
    found: dict[Mismatch, None] = {}
    for node in LexborHTMLParser(markup).css("a[href]"):
        text = node.text(strip=True)
        match = _HOST_LIKE.fullmatch(text) if len(text) < 500 else None
        if match is None:
            continue
        shown, host = host_of("http://" + match[1]), host_of(node.attributes.get("href") or "")
        if host and shown and not (host == shown or host.endswith("." + shown)):
            found[Mismatch(shown, host)] = None
            if len(found) >= 20:
                break
    return tuple(found)
