"""Search filters (RFC 4515). Every value that goes into one is escaped here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

EVERYTHING = "(objectClass=*)"
#: Matching rule of Active Directory: a chain of references, followed to its end ([MS-ADTS] section 3.1.1.3.4.4).
IN_CHAIN = "1.2.840.113556.1.4.1941"


def escaped(value: str | bytes) -> str:
    """A value in a filter, section 3; more than has to be is escaped, so that no parser's habits count."""
    octets = value.encode() if isinstance(value, str) else value
    return "".join(
        chr(octet) if octet < 128 and chr(octet).isalnum() and isinstance(value, str) else f"\\{octet:02x}"
        for octet in octets
    )


def equals(attribute: str, value: str | bytes) -> str:
    return f"({attribute}={escaped(value)})"


def begins(attribute: str, value: str) -> str:
    return f"({attribute}={escaped(value)}*)"


def contains(attribute: str, value: str) -> str:
    return f"({attribute}=*{escaped(value)}*)"


def present(attribute: str) -> str:
    return f"({attribute}=*)"


def both(filters: Iterable[str]) -> str:
    """All of them; of none it is everything."""
    return _joined("&", filters) or EVERYTHING


def either(filters: Iterable[str]) -> str:
    """One of them; of none it is nothing (RFC 4526 section 2, in words that every server knows)."""
    return _joined("|", filters) or f"(!{EVERYTHING})"


def neither(filters: Iterable[str]) -> str:
    return f"(!{either(filters)})"


def _joined(sign: str, filters: Iterable[str]) -> str:
    found = [each for each in filters if each]
    return found[0] if len(found) == 1 else f"({sign}{''.join(found)})" if found else ""
