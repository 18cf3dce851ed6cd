"""Distinguished names (RFC 4514): their parts, and whether two are the same. A value that goes into one is escaped
here, and nowhere else."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r'[\\,+"<>;=#]')
_SPECIAL_IN_NAME = re.compile(r"[\\+;]")
_ESCAPED = re.compile(r"\\(?:([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_PART = re.compile(r"((?:\\.|[^\\,;])*)[,;]?", re.DOTALL)


def escaped(value: str) -> str:
    """A value in a name, section 2.4."""
    text = _SPECIAL.sub(lambda found: f"\\{found[0]}", value).replace("\0", "\\00")
    return re.sub(r"^ | $", r"\\ ", text)


def parts(dn: str) -> list[tuple[str, str]]:
    """Types in lower case and values as text, the entry itself first. Of a part with several values (``a=1+b=2``) it is
    the first."""
    if not _SPECIAL_IN_NAME.search(dn):  # most are plain
        pairs = (part.split("=", 1) for part in dn.split(","))
        return [(pair[0].strip().lower(), pair[1].strip()) for pair in pairs if len(pair) == 2]
    found = []
    for match in _PART.finditer(dn):
        kind, equals, value = match[1].partition("=")
        if equals:
            first = re.split(r"(?<!\\)\+", value)[0]
            found.append((kind.strip().lower(), _plain(first.strip() if not first.endswith("\\ ") else first.lstrip())))
    return found


def _plain(value: str) -> str:
    octets = bytearray()
    at = 0
    for match in _ESCAPED.finditer(value):
        octets += value[at : match.start()].encode()
        octets += bytes.fromhex(match[1]) if match[1] else match[2].encode()
        at = match.end()
    return (octets + value[at:].encode()).decode("utf-8", "replace")


def folded(dn: str) -> str:
    """The same for two spellings of one name, as far as directories fold case (RFC 4517 section 4.2.15)."""
    return ",".join(f"{kind}={escaped(' '.join(value.split()).casefold())}" for kind, value in parts(dn))


def below(dn: str, base: str) -> list[tuple[str, str]] | None:
    """The parts between an entry and the base, the entry itself first; None where it is not below it."""
    own, root = parts(dn), parts(base)
    cut = len(own) - len(root)
    same = cut >= 0 and all(
        one[0] == other[0] and " ".join(one[1].split()).casefold() == " ".join(other[1].split()).casefold()
        for one, other in zip(own[cut:], root, strict=True)
    )
    return own[:cut] if same else None


def first(dn: str) -> str:
    """What the entry is called: the value of its first part, or the text itself where it is no name."""
    found = parts(dn)
    return found[0][1] if found else dn
