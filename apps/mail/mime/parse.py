"""A whole message from its octets (RFC 5322, RFC 2045-2046), the same tree that BODYSTRUCTURE gives.

The octets are cut, never copied into a model and written again: a part's section is exactly what a signature was made
over (RFC 1847), and the section numbers are IMAP's (RFC 9051 section 6.4.5.1). The standard library's parser keeps no
octets, goes one call deeper for each level and reads message/delivery-status as messages, so it is not used here; the
tests hold this one against it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from apps.mail.mime import addresses, headers
from apps.mail.mime.parts import Envelope, Part

MAX_DEPTH = 50
MAX_PARTS = 5000
MAX_BOUNDARY = 8192  # octets; RFC 2046 allows 70
MESSAGE_TYPES = ("message/rfc822", "message/global")
IDENTITY = ("", "7bit", "8bit", "binary")

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+*-]{1,127}")
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n|\A\r?\n")


class Problem(enum.StrEnum):
    """What is wrong with a message. The view has words for each."""

    NO_HEADER = "no-header"  # nothing in it is a header field: all of it is shown as text
    BROKEN_HEADER = "broken-header"
    NO_BOUNDARY = "no-boundary"  # a multipart that does not say how its parts are divided
    NO_PARTS = "no-parts"  # the boundary never occurs
    NOT_CLOSED = "not-closed"  # the last boundary is missing: the message was cut off
    TOO_DEEP = "too-deep"
    TOO_MANY_PARTS = "too-many-parts"
    TWO_FROM = "two-from"  # more than one From field: which one other programs show, nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMessage:
    raw: bytes = field(repr=False)
    header: bytes  # raw header block, with the empty line
    fields: headers.Header
    structure: Part
    envelope: Envelope
    problems: tuple[Problem, ...] = ()
    spans: Mapping[str, tuple[int, int, int]] = field(default_factory=dict, repr=False)

    def body(self, number: str) -> bytes:
        """BODY[number]: the part's octets, still transfer-encoded; "" is the whole message; b"" for no such part."""
        if not number:
            return self.raw
        _start, body, end = self.spans.get(number, (0, 0, 0))
        return self.raw[body:end]

    def octets(self, number: str) -> bytes:
        """The part with its MIME header, as a signature covers it."""
        start, _body, end = self.spans.get(number, (0, 0, 0))
        return self.raw[start:end]


def parse(raw: bytes) -> ParsedMessage:
    """Never raises. What cannot be understood is one text/plain part that holds the source; ``problems`` says why."""
    parser = _Parser(raw)
    body = parser.body_start(0, len(raw))
    fields = headers.parse(raw[:body])
    if not fields.fields and raw.strip():
        return _source(raw)
    structure = parser.message(fields, body, len(raw), "", 0)
    if fields.broken:
        parser.problems.append(Problem.BROKEN_HEADER)
    if len(fields.all("From")) > 1:
        parser.problems.append(Problem.TWO_FROM)
    return ParsedMessage(
        raw=raw,
        header=raw[:body],
        fields=fields,
        structure=structure,
        envelope=envelope(fields),
        problems=tuple(dict.fromkeys(parser.problems)),
        spans=parser.spans,
    )


def _source(raw: bytes) -> ParsedMessage:
    return ParsedMessage(
        raw=raw,
        header=b"",
        fields=headers.Header(),
        structure=Part(number="1", type="text/plain", size=len(raw)),
        envelope=Envelope(),
        problems=(Problem.NO_HEADER,),
        spans={"1": (0, 0, len(raw))},
    )


def envelope(fields: headers.Header) -> Envelope:
    return Envelope(
        date=parse_date(fields.get("Date")),
        subject=fields.text("Subject"),
        from_=addresses.parse(b", ".join(fields.all("From"))),
        sender=addresses.parse(fields.get("Sender")),
        reply_to=addresses.parse(fields.get("Reply-To")),
        to=addresses.parse(b", ".join(fields.all("To"))),
        cc=addresses.parse(b", ".join(fields.all("Cc"))),
        bcc=addresses.parse(b", ".join(fields.all("Bcc"))),
        in_reply_to=fields.text("In-Reply-To"),
        message_id=fields.text("Message-ID"),
    )


def parse_date(raw: bytes) -> datetime | None:
    """Aware; None where the field is missing or cannot be read."""
    if not raw or len(raw) > 200:
        return None
    try:
        when = parsedate_to_datetime(headers.decode(raw))
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
        when.astimezone(UTC)  # some dates exist in their own time zone only
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return when


class _Parser:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.problems: list[Problem] = []
        self.spans: dict[str, tuple[int, int, int]] = {}
        self.parts = 0

    def body_start(self, start: int, end: int) -> int:
        """Where the octets after the empty line begin; ``end`` where there is no empty line."""
        if self.raw[start : start + 2] == b"\r\n":
            return min(start + 2, end)
        if self.raw[start : start + 1] == b"\n":
            return min(start + 1, end)
        match = _END_OF_HEADER.search(self.raw, start, end)
        return match.end() if match else end

    def message(self, fields: headers.Header, body: int, end: int, prefix: str, depth: int) -> Part:
        """The content of a message: a multipart goes without a number of its own, anything else is part 1 of it."""
        main = headers.parameters(fields.get("Content-Type"))[0].partition("/")[0]
        number = f"{prefix}.1" if prefix else "1"
        part = self.part(
            fields, body, end, number, depth, "text/plain", root_prefix=prefix if main == "multipart" else None
        )
        if not part.is_multipart:
            self.spans.setdefault(number, (body, body, end))
        return part

    def part(
        self,
        fields: headers.Header,
        body: int,
        end: int,
        number: str,
        depth: int,
        default: str,
        root_prefix: str | None = None,
    ) -> Part:
        """``root_prefix`` is not None for the outermost multipart of a message: below it numbers begin with that."""
        self.parts += 1
        type_, params = _content_type(fields.get("Content-Type"), default)
        encoding = headers.parameters(fields.get("Content-Transfer-Encoding"))[0].strip("\"' ")
        children: tuple[Part, ...] = ()
        inner = None
        if depth >= MAX_DEPTH and (type_.startswith("multipart/") or type_ in MESSAGE_TYPES):
            self.problems.append(Problem.TOO_DEEP)
            type_ = "application/octet-stream"
        elif type_.startswith("multipart/"):
            prefix = number if root_prefix is None else root_prefix
            children = tuple(self.children(params.get("boundary", ""), type_, body, end, prefix, depth))
            if not children:
                type_, params = "text/plain", {}
        elif type_ in MESSAGE_TYPES and encoding in IDENTITY:
            start = self.body_start(body, end)
            inner_fields = headers.parse(self.raw[body:start])
            inner = envelope(inner_fields)
            children = (self.message(inner_fields, start, end, number, depth + 1),)
        is_root = root_prefix is not None and type_.startswith("multipart/")
        return _describe(
            fields,
            number="" if is_root else number,
            type_=type_,
            params=params,
            encoding=encoding,
            size=end - body,
            children=children,
            inner=inner,
        )

    def children(self, boundary: str, type_: str, body: int, end: int, prefix: str, depth: int) -> Iterator[Part]:
        mark = boundary.encode("utf-8", "replace").rstrip()[:MAX_BOUNDARY]
        if not mark:
            self.problems.append(Problem.NO_BOUNDARY)
            return
        default = "message/rfc822" if type_ == "multipart/digest" else "text/plain"
        count = 0
        for start, stop in self.cuts(mark, body, end):
            if self.parts >= MAX_PARTS:
                self.problems.append(Problem.TOO_MANY_PARTS)
                return
            count += 1
            number = f"{prefix}.{count}" if prefix else str(count)
            content = self.body_start(start, stop)
            self.spans[number] = (start, content, stop)
            yield self.part(headers.parse(self.raw[start:content]), content, stop, number, depth + 1, default)
        if not count:
            self.problems.append(Problem.NO_PARTS)

    def cuts(self, mark: bytes, body: int, end: int) -> Iterator[tuple[int, int]]:
        """(start, end) of what lies between the boundary lines; the line end before a boundary belongs to it."""
        line = re.compile(rb"(?:\r?\n|^)--" + re.escape(mark) + rb"(--)?[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
        position = body
        start = None
        while (match := self.boundary(line, mark, position, end)) is not None:
            if start is not None:
                yield start, max(start, match.start())
            if match[1]:
                return
            start = match.end()
            # the line end after one boundary may be the one before the next: an empty part
            position = start - 1 if self.raw[start - 1 : start] == b"\n" else start
        if start is not None:
            self.problems.append(Problem.NOT_CLOSED)
            yield start, end

    def boundary(self, line: re.Pattern[bytes], mark: bytes, position: int, end: int) -> re.Match[bytes] | None:
        """The next boundary line: ``find`` to the place, the expression to look at it closely."""
        delimiter = b"--" + mark
        while (found := self.raw.find(delimiter, position, end)) >= 0:
            start = found
            if self.raw[found - 1 : found] == b"\n" and found - 1 >= position:
                start = found - 2 if found - 2 >= position and self.raw[found - 2 : found - 1] == b"\r" else found - 1
            match = line.match(self.raw, start, end)
            if match is not None and (start < found or found == 0 or self.raw[found - 1 : found] == b"\n"):
                return match
            position = found + 2
        return None


def _content_type(raw: bytes, default: str) -> tuple[str, dict[str, str]]:
    if not raw:
        return default, {}
    type_, params = headers.parameters(raw)
    if "/" not in type_:  # RFC 2045 section 5.2: a broken field is as good as none
        return "text/plain", params
    return (type_ if _TYPE.fullmatch(type_) else "application/octet-stream"), params


def _describe(
    fields: headers.Header,
    *,
    number: str,
    type_: str,
    params: dict[str, str],
    encoding: str,
    size: int,
    children: tuple[Part, ...],
    inner: Envelope | None,
) -> Part:
    disposition, disposition_params = headers.parameters(fields.get("Content-Disposition"))
    return Part(
        number=number,
        type=type_,
        params=params,
        # an unknown kind is an attachment (RFC 2183 section 2.8)
        disposition=disposition if disposition in ("", "inline") else "attachment",
        filename=disposition_params.get("filename") or params.get("name", ""),
        content_id=fields.text("Content-ID").strip("<> "),
        location=fields.text("Content-Location").replace(" ", ""),
        description=fields.text("Content-Description"),
        encoding=encoding or "7bit",
        size=size,
        children=children,
        envelope=inner,
    )
