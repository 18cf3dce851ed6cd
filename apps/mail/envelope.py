"""The addresses of a message on its way (RFC 5321), and what is asked for about each (RFC 3461). Knows no Django."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.mail.submission_errors import BadMessage

_ATEXT = r"[^\s\x00-\x20\x7f\"(),:;<>@\[\]\\]"
_ADDRESS = re.compile(
    rf"(?P<local>{_ATEXT}+|\"(?:[^\"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*\")@(?P<domain>{_ATEXT}+|\[[0-9A-Za-z.:]+\])"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one recipient was not accepted."""

    code: int  # SMTP reply code; 553 for an address that was not even offered to the server
    text: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Envelope:
    sender: str
    recipients: tuple[tuple[str, str], ...]  # (as given, as sent)
    refused: dict[str, Refusal]
    international: bool  # some address needs SMTPUTF8

    @classmethod
    def build(cls, sender: str, recipients: Sequence[str]) -> Envelope:
        reverse = "" if sender == "<>" else _address(sender)  # a report that nobody answers
        if reverse is None:
            raise BadMessage("the sender is no mail address")
        refused: dict[str, Refusal] = {}
        wanted: dict[str, str] = {}
        for given in dict.fromkeys(recipients):
            address = _address(given)
            if address is None:
                refused[given] = Refusal(553, "This is no mail address.", permanent=True)
            elif address not in wanted.values():
                wanted[given] = address
        international = not all(address.isascii() for address in (reverse, *wanted.values()))
        return cls(reverse, tuple(wanted.items()), refused, international)


def _address(text: str) -> str | None:
    """The address as it goes on the wire, its domain in ASCII where its local part is; None when it is none."""
    found = _ADDRESS.fullmatch(text)
    if found is None or len(text) > 320 or text.startswith("-"):
        return None
    local, domain = found["local"], found["domain"]
    try:
        text.encode()
        if local.isascii() and not domain.isascii():
            domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return f"{local}@{domain}"


def reports_on(address: str) -> str:
    """RFC 3461 section 4.1 and 4.2; RFC 6533 section 3 for addresses beyond ASCII."""
    kind, said = ("rfc822", xtext(address)) if address.isascii() else ("utf-8", xtext(address, beyond=True))
    return f" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT={kind};{said}"


def xtext(text: str, *, beyond: bool = False) -> str:
    """RFC 3461 section 4; ``beyond``: unitext of RFC 6533, where letters of all scripts stand as they are."""
    return "".join(
        char if ("!" <= char <= "~" and char not in "+=\\") or (beyond and char > "\x7f") else f"+{ord(char):02X}"
        for char in text
    )
