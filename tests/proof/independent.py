"""Messages read another way than the portal reads them: boundaries by hand, fields and codecs by the standard library.

For well-formed messages only (``is_well_formed`` says which are); what it gives is what a message must still hold after
it was passed on.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from html.parser import HTMLParser

ENCODINGS = {"", "7bit", "8bit", "binary", "base64", "quoted-printable"}
MOST = 1_000_000  # octets: a message of the collections is smaller, or made to be too large
_TYPE = re.compile(r"\s*[\w.+-]+/[\w.+-]+\s*(?:;|\Z)", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_NOT_SHOWN = {"head", "title", "style", "script", "template", "select", "textarea", "iframe", "object", "svg", "math"}


@dataclass(frozen=True, slots=True)
class Node:
    """A part. ``octets``: its content, decoded; of a message inside, all of it."""

    type: str
    params: dict[str, str]
    named: bool  # a file name, or said to be an attachment
    octets: bytes = field(repr=False)
    children: tuple[Node, ...] = ()

    @property
    def is_text(self) -> bool:
        """A report of a mail server is written to be read."""
        return self.type in ("text/plain", "text/html", "message/delivery-status")

    @property
    def digest(self) -> str:
        """Of a message inside without its last line end: after a closing boundary, servers differ about whose it is."""
        octets = self.octets.removesuffix(b"\r\n") if self.type == "message/rfc822" else self.octets
        return hashlib.sha256(octets).hexdigest()

    @property
    def text(self) -> str:
        text = self.octets.decode(self.params.get("charset") or "us-ascii")
        return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")

    def leaves(self) -> Iterator[Node]:
        if not self.type.startswith("multipart/"):
            yield self
        for child in self.children:
            yield from child.leaves()


def read(raw: bytes, default: str = "text/plain") -> Node:
    """``raw`` has CRLF line ends; ``default`` is the type of a part that names none (RFC 2046 section 5.1.5)."""
    head, _empty, body = raw.partition(b"\r\n\r\n") if not raw.startswith(b"\r\n") else (b"", b"", raw[2:])
    fields = message_from_bytes(head + b"\r\n\r\n", policy=policy.compat32)
    if not _TYPE.match(str(fields.get("Content-Type", default))):  # then it says nothing (RFC 2045 section 5.2)
        fields.replace_header("Content-Type", default)
    params = {name.lower(): _value(value) for name, value in (fields.get_params(header="content-type") or [])[1:]}
    disposition = str(fields.get("Content-Disposition", "")).strip().lower()
    named = bool(fields.get_filename()) or disposition.startswith("attachment")
    type_ = fields.get_content_type() if "Content-Type" in fields else default
    if type_.startswith("multipart/"):
        default = "message/rfc822" if type_ == "multipart/digest" else "text/plain"
        children = tuple(read(piece, default) for piece in _pieces(body, params["boundary"].encode()))
        return Node(type_, params, named, b"", children)
    return Node(type_, params, named, _decoded(body, _encoding(fields)))


def _value(value: object) -> str:
    return value[2] if isinstance(value, tuple) else str(value)


def _encoding(part: Message) -> str:
    return str(part.get("Content-Transfer-Encoding", "")).strip().lower()


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    mark = rb"\r\n--" + re.escape(boundary)
    inside = re.split(mark + rb"--[ \t]*(?:\r\n|$)", b"\r\n" + body)[0]
    # a line end belongs to the boundary before it and may belong to the one after it
    return [piece for piece in re.split(mark + rb"[ \t]*(?=\r\n)", inside)[1:] for piece in [piece[2:]]]


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.b64decode(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    return body


def is_well_formed(raw: bytes) -> bool:
    """No defect that the standard library knows; transfer encodings and charsets that exist and fit; no control
    characters in its text."""
    if len(raw) > MOST or b"\0" in raw or re.search(rb"\r(?!\n)", raw):
        return False
    message = message_from_bytes(raw, policy=policy.compat32)
    for part in message.walk():
        if not part.is_multipart():
            part.get_payload(decode=True)
        if part.defects or _encoding(part) not in ENCODINGS:
            return False
        if part.is_multipart() and _encoding(part) in ("base64", "quoted-printable"):
            return False
    try:
        nodes = list(read(raw).leaves())
        return all(not _CONTROL.search(node.text) for node in nodes if node.is_text and _is_charset(node))
    except (UnicodeError, LookupError, ValueError, KeyError):
        return False


def _is_charset(node: Node) -> bool:
    codecs.lookup(node.params.get("charset") or "us-ascii")  # raises LookupError
    return True


# --- texts that may be laid out differently ---------------------------------------------------------------------------

Line = tuple[int, str]  # how deep it is quoted, and its text without blanks at the end


def lines(node: Node) -> list[Line]:
    """The lines of a plain text, those of format=flowed joined (RFC 3676 section 4); none empty at the ends."""
    found: list[Line] = []
    flowed = node.params.get("format", "").lower() == "flowed"
    delsp = node.params.get("delsp", "").lower() == "yes"
    pending: Line | None = None
    for raw in node.text.split("\n"):
        text = raw.lstrip(">")
        depth, text = len(raw) - len(text), text
        if flowed or depth:
            text = text.removeprefix(" ")
        if pending and (pending[0] != depth or text == "-- "):
            found.append(pending)
            pending = None
        before = pending[1] if pending else ""
        if flowed and text.endswith(" ") and text != "-- ":
            pending = (depth, before + (text[:-1] if delsp else text))
        else:
            found.append((depth, before + text))
            pending = None
    return _trimmed([*found, *([pending] if pending else [])])


def _trimmed(found: list[Line]) -> list[Line]:
    found = [(depth, text.rstrip(" ")) for depth, text in found]
    while found and not found[-1][1] and not found[-1][0]:
        found.pop()
    while found and not found[0][1] and not found[0][0]:
        found.pop(0)
    return found


def holds_lines(whole: list[Line], wanted: list[Line]) -> bool:
    return any(whole[at : at + len(wanted)] == wanted for at in range(len(whole) - len(wanted) + 1))


class _Visible(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._hidden.clear()
        elif tag in _NOT_SHOWN:
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def visible(html: str) -> str:
    """The characters of an HTML text that are shown, without blanks of any kind."""
    reader = _Visible()
    reader.feed(html)
    reader.close()
    return squeezed("".join(reader.pieces))


def squeezed(text: str) -> str:
    return "".join(text.split())


def is_within(wanted: str, whole: str) -> bool:
    """Every character in its order; others may stand between: addresses of links, marks of lists."""
    rest = iter(whole)
    return all(character in rest for character in wanted)
