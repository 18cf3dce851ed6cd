"""Address fields: every address shown, none trusted. Linear in the length of the field, and never raises.

Python's own parsers have picked the wrong one of two addresses more than once (CVE-2019-16056, CVE-2023-27043): here
a piece that is no clean ``name <local@domain>`` is shown as it stands instead of being repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from apps.mail.mime import headers
from portal.contracts import Address

MOST = 1000  # addresses of one field that are shown
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"?|\((?:[^()\\]|\\.)*\)?|<[^<>,;"]*(?:"[^"]*"[^<>,;"]*)?>?|[,;:]|[^",;:<(]+|.', re.S
)
_QUOTE = re.compile(r"\\(.)", re.S)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\s-]*")
_LOCAL = r"(?:[^\s\x00-\x20\x7f()<>\[\]:;@\\,\".]+(?:\.[^\s\x00-\x20\x7f()<>\[\]:;@\\,\".]+)*|\"(?:[^\"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*\")"
_DOMAIN = r"(?:[^\s\x00-\x20\x7f()<>\[\]:;@\\,\".]+(?:\.[^\s\x00-\x20\x7f()<>\[\]:;@\\,\".]+)*\.?|\[[^\[\]\\\s]*\])"
_ADDR_SPEC = re.compile(rf"{_LOCAL}@{_DOMAIN}")


def is_valid(email: str) -> bool:
    """An addr-spec (RFC 5321 section 4.1.2, RFC 6531 for other scripts) that can be written to."""
    return len(email) <= 320 and _ADDR_SPEC.fullmatch(email) is not None


def parse(raw: bytes | str) -> tuple[Address, ...]:
    """The addresses of a field. Groups are opened, comments become names where there is no other; what cannot be read
    as an address comes as its own text in ``email``."""
    octets = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
    text = octets[: headers.MOST].decode("utf-8", "surrogateescape")
    found = []
    for tokens in _items(text):
        address = _address(tokens)
        if address is not None:
            found.append(address)
        if len(found) == MOST:
            break
    return tuple(found)


def split(text: str) -> tuple[Address, ...]:
    """What a person typed into a recipients field: as ``parse``, and line ends separate too."""
    return parse(re.sub(r"[\r\n]+", ",", text))


def _items(text: str) -> Iterator[list[str]]:
    """The tokens of one address after the other; group names and separators are dropped."""
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in {",", ";"}:
            yield tokens
            tokens = []
        elif token == ":" and not any("@" in t for t in tokens):
            tokens = []  # "Team: a@x, b@x;" (RFC 5322 section 3.4): the name of the group
        else:
            tokens.append(token)
    yield tokens


def _address(tokens: list[str]) -> Address | None:
    angle = next((t for t in reversed(tokens) if t.startswith("<")), None)
    words = [t for t in tokens if not t.startswith("(") and t is not angle]
    comment = " ".join(t[1:].removesuffix(")") for t in tokens if t.startswith("("))
    if angle is not None:
        email = angle[1:].removesuffix(">").strip()
        email = re.sub(r"^@[^:]*:", "", email)  # an old source route (RFC 5322 section 4.4)
        name = _name(words) or _text(comment)
    else:
        email, name = "".join(words).strip(), _text(comment)
        if "@" not in email and comment == "" and not email:
            return None
    email = _text(email)
    if not email and not name:
        return None
    return Address(email=email or name, name=name if email and name != email else "")


def _name(tokens: Iterable[str]) -> str:
    parts = [_QUOTE.sub(r"\1", t[1:].removesuffix('"')) if t.startswith('"') else t for t in tokens]
    return _text("".join(parts))


def _text(raw: str) -> str:
    return " ".join(headers.visible(headers.decode(raw)).split())


# --- writing ------------------------------------------------------------------------------------------------------------


def format(address: Address) -> str:
    """``Name <email>`` as a person would type it and as ``parse`` reads it back; not encoded for the wire."""
    if not address.name:
        return address.email
    name = address.name
    if re.search(r'[()<>\[\]:;@\\,."]', name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address.email}>"


def unique(groups: Iterable[Iterable[Address]], *, without: Iterable[str] = ()) -> list[list[Address]]:
    """The groups with every address only once, at its first place, and none of ``without`` (compared case-blind)."""
    seen = {email.casefold() for email in without}
    result = []
    for group in groups:
        kept = []
        for address in group:
            key = address.email.casefold()
            if key not in seen:
                seen.add(key)
                kept.append(address)
        result.append(kept)
    return result
