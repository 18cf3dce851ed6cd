"""Reports about a message that was sent: delivery (RFC 3464) and reading (RFC 8098) read, and the second written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from apps.mail.mime import addresses, build, decode, headers, parse, wire
from apps.mail.mime.parts import Part
from portal.contracts import Address

DELIVERY = ("message/delivery-status", "message/global-delivery-status")
READING = ("message/disposition-notification", "message/global-disposition-notification")
ORIGINALS = ("text/rfc822-headers", "message/global-headers")
MAX_OCTETS = 256 * 1024
MOST_RECIPIENTS = 200
RECEIPT = "Disposition-Notification-To"

_BLANK_LINE = re.compile(rb"\r?\n(?:[ \t]*\r?\n)+")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_DISPOSITION = re.compile(r"\s*([\w-]+)\s*/\s*([\w-]+)\s*;\s*([\w-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recipient:
    """What happened to one. ``action``: failed, delayed, delivered, relayed, expanded or ""; ``status``: "5.1.1"."""

    email: str
    action: str = ""
    status: str = ""
    said: str = ""  # the words of the server that decided
    by: str = ""  # that server
    until: datetime | None = None  # tries go on


@dataclass(frozen=True, slots=True)
class Delivery:
    reporter: str
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """``disposition``: displayed, deleted, dispatched, processed, denied, failed or what else was said."""

    email: str
    disposition: str
    by_hand: bool  # somebody has pressed a button for it
    error: str = ""
    original_id: str = ""


def parts_of(structure: Part) -> tuple[Part | None, Part | None]:
    """(the part that reports, the part with the header of the original), of a message that is a report."""
    if structure.type != "multipart/report":
        return None, None
    children = structure.children[:10]
    report = next((part for part in children if part.type in (*DELIVERY, *READING)), None)
    original = next((part for part in children if part.type in ORIGINALS), None)
    return report, original if report is not None else None


def original_id(structure: Part, header: bytes = b"") -> str:
    """The Message-ID of the message that is reported about, as the report returns it: whole, or its ``header``."""
    for part in structure.children[:10]:
        if part.envelope is not None and part.type.startswith("message/"):
            return next(iter(headers.message_ids(part.envelope.message_id)), "")
    return next(iter(headers.message_ids(headers.parse(header).get("Message-ID"))), "")


def delivery(part: Part, octets: bytes) -> Delivery | None:
    """None where nothing is told of anybody."""
    blocks = _blocks(part, octets)
    each: list[headers.Header] = []
    for block in blocks:  # some servers forget the empty line after the first, or write one within
        if "Final-Recipient" in block or "Original-Recipient" in block:
            each.append(block)
        elif each:
            each[-1] = headers.Header((*each[-1].fields, *block.fields))
    recipients = [found for block in each[:MOST_RECIPIENTS] if (found := _recipient(block)) is not None]
    return Delivery(_typed(blocks[0], "Reporting-MTA"), tuple(recipients)) if recipients else None


def _blocks(part: Part, octets: bytes) -> list[headers.Header]:
    content = decode.payload(part, octets)[:MAX_OCTETS].strip(b"\r\n")
    return [headers.parse(block) for block in _BLANK_LINE.split(content, MOST_RECIPIENTS + 1)]


def _recipient(block: headers.Header) -> Recipient | None:
    email = _typed(block, "Original-Recipient") or _typed(block, "Final-Recipient")
    email = addresses.clean_email(email.strip("<>"))[:320]
    if not email:
        return None
    said = _typed(block, "Diagnostic-Code")
    status = _STATUS.search(block.text("Status")) or _STATUS.search(said)
    return Recipient(
        email=email,
        action=block.text("Action").partition(" ")[0].lower(),
        status=".".join(status.groups()) if status else "",
        said=said[:1000],
        by=_typed(block, "Remote-MTA")[:255],
        until=parse.parse_date(block.get("Will-Retry-Until")),
    )


def _typed(block: headers.Header, name: str) -> str:
    """The value of ``rfc822; ann@example.test`` or ``dns; mx.example.test``."""
    kind, semicolon, value = block.text(name).partition(";")
    return (value if semicolon else kind).strip()


def reading(part: Part, octets: bytes) -> Reading | None:
    """None where no disposition is told."""
    block = _blocks(part, octets)[0]
    match = _DISPOSITION.match(block.text("Disposition"))
    if match is None:
        return None
    return Reading(
        email=addresses.clean_email(_typed(block, "Original-Recipient") or _typed(block, "Final-Recipient"))[:320],
        disposition=match[3].lower(),
        by_hand=match[1].lower() == "manual-action",
        error=block.text("Error")[:300] or block.text("Failure")[:300],
        original_id=next(iter(headers.message_ids(block.get("Original-Message-ID"))), ""),
    )


# --- receipts ---------------------------------------------------------------------------------------------------------


def wanted_by(fields: headers.Header) -> tuple[Address, ...]:
    """Who has asked for a receipt: addresses that can be written to, each once."""
    found = addresses.parse(b", ".join(fields.all(RECEIPT)))[:10]
    (once,) = addresses.unique([[each for each in found if wire.can_be_written_to(each.email)]])
    return once


def goes_elsewhere(fields: headers.Header, wanted: Sequence[Address]) -> str:
    """RFC 8098 section 2.1: the address that the message came from (Return-Path), where the receipt would go to
    another one; "<>" for a message that came from nobody, "" where all is well."""
    paths = fields.all("Return-Path")
    if not paths:
        return ""  # not every server notes it
    path = headers.decode(paths[0]).strip().strip("<>")
    same = len(wanted) == 1 and wanted[0].email.casefold() == path.casefold()
    return "" if same else path or "<>"


def receipt(
    header: bytes,
    *,
    sender: Address,
    to: Sequence[Address],
    subject: str,
    text: str,
    message_id: str,
    date: datetime,
) -> bytes:
    """The message that says that the one with this ``header`` was displayed, and that its reader has agreed to say so
    (RFC 8098 section 3). Nothing else of it, nor of this machine, goes along. Raises ``Refused``."""
    fields = headers.parse(header)
    original = next(iter(headers.message_ids(fields.get("Message-ID"))), "")
    known = original if original and wire.is_message_id(original) else ""
    top = [
        wire.header("Date", format_datetime(date)),
        wire.address_list("From", [sender]),
        wire.address_list("To", to),
        wire.text("Subject", subject),
        wire.header("Message-ID", wire.message_id("Message-ID", message_id)),
        *([wire.header("In-Reply-To", known), wire.header("References", known)] if known else []),
        "MIME-Version: 1.0\r\n",
    ]
    final = wire.addr_spec("From", sender.email)
    lines = [f"Final-Recipient: rfc822;{final}"]
    first = _typed(fields, "Original-Recipient")
    if first and wire.can_be_written_to(first) and first.isascii():
        lines.insert(0, f"Original-Recipient: rfc822;{first}")
    if known:
        lines.append(f"Original-Message-ID: {known}")
    lines.append("Disposition: manual-action/MDN-sent-manually; displayed")
    body = build.report(text, "disposition-notification", "\r\n".join(lines) + "\r\n")
    return "".join(top).encode() + body
