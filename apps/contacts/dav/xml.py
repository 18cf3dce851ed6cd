"""XML of WebDAV: requests parsed with bounds and without entities, answers written piece by piece.

A name is written as ElementTree does: ``{DAV:}href``. Knows no Django.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

DAV = "{DAV:}"
CARD = "{urn:ietf:params:xml:ns:carddav}"
SERVER = "{http://calendarserver.org/ns/}"
PREFIXES = {DAV: "D", CARD: "C", SERVER: "S"}
NAMESPACES = " ".join(f'xmlns:{prefix}="{space[1:-1]}"' for space, prefix in PREFIXES.items())
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
MOST_OCTETS = 4 * 1024 * 1024  # a multiget of 30,000 addresses
DEEPEST = 20
MOST_ELEMENTS = 100_000
_NEVER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 section 2.2


class BadXml(Exception):
    """No XML, or more of it than anybody needs."""


class _Bounded(TreeBuilder):
    depth = count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:  # type: ignore[override, unused-ignore]
        self.depth += 1
        self.count += 1
        if self.depth > DEEPEST or self.count > MOST_ELEMENTS:
            raise BadXml("too deep, or too much")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self.depth -= 1
        return super().end(tag)


def parsed(octets: bytes) -> Element:
    """Raises ``BadXml``. A document type is refused, and with it each entity."""
    if len(octets) > MOST_OCTETS:
        raise BadXml("too long")
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(octets)
        found: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:  # LookupError: an unknown encoding
        raise BadXml(str(error)) from error
    return found


def text(words: str) -> str:
    """As character data; what XML cannot have at all is left out."""
    return escape(_NEVER.sub("", words), {"\r": "&#13;"})  # parsers make one line end of two signs


def element(name: str, content: str = "", attributes: str = "") -> str:
    """``content`` is markup, ``attributes`` too, with a blank in front."""
    space, brace, local = name.rpartition("}")
    prefix = PREFIXES.get(space + brace)
    if prefix:
        tag, declared = f"{prefix}:{local}", ""
    elif space:
        tag, declared = f"x:{local}", f" xmlns:x={quoteattr(space[1:])}"
    else:
        tag, declared = local, ""
    return f"<{tag}{declared}{attributes}>{content}</{tag}>" if content else f"<{tag}{declared}{attributes}/>"


def href(path: str) -> str:
    """``path`` is percent-encoded."""
    return element(f"{DAV}href", text(path))


def status(code: int) -> str:
    return element(f"{DAV}status", f"HTTP/1.1 {code} {REASONS[code]}")


REASONS = {
    200: "OK",
    201: "Created",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    424: "Failed Dependency",
    507: "Insufficient Storage",
}


def propstat(code: int, properties: Iterable[str], *, more: str = "") -> str:
    """RFC 4918 section 14.22. ``properties`` are markup."""
    inner = element(f"{DAV}prop", "".join(properties)) + status(code) + more
    return element(f"{DAV}propstat", inner)


def response(path: str, content: str) -> str:
    """RFC 4918 section 14.24: ``content`` is ``propstat`` or ``status``."""
    return element(f"{DAV}response", href(path) + content) + "\n"


def document(name: str, content: str) -> str:
    """A whole answer."""
    return f"{HEAD}{element(name, content, f' {NAMESPACES}')}"


def multistatus_begins() -> str:
    return f"{HEAD}<D:multistatus {NAMESPACES}>\n"


def multistatus_ends(more: str = "") -> str:
    return f"{more}</D:multistatus>\n"
