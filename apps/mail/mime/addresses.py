"""Address lists (RFC 5322 section 3.4) as people must see them: every address of a field, whatever its syntax.

Never a basis for trust: what a list "really" means differs between programs (CVE-2019-16056, CVE-2023-27043). One pass,
no backtracking: 10 KB of ``"a"a"a`` cost milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from apps.mail.mime import charset, headers
from apps.mail.mime.outgoing import Group
from portal.contracts import Address

MAX_ADDRESSES = 2000
MAX_NAME = 300

#: Characters that let a name imitate something else: bidi controls, invisible ones, and all blanks but the plain one.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_BLANKS = re.compile("[\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000\u3164]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,."]')
_REF = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.~%-]{1,400}")
#: Groups that stand where nobody is named (RFC 5322 appendix A.1.3, and what programs write there).
_NOBODY = frozenset(
    {"undisclosed recipients", "unlisted recipients", "recipient list not shown", "undisclosed recipient"}
)
_ROUTE = re.compile(r"@[^:]*:")
#: Runs that hold no syntax, quoted strings, comments; everything else is a token of one character.
_PLAIN = re.compile(r'[^"(<>,:;]+')

_LOCAL = r"[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,.\"\u2028\u2029]+"
_ATOM = re.compile(_LOCAL)
_VALID = re.compile(
    rf'(?:{_LOCAL}(?:\.{_LOCAL})*|"(?:[^\x00-\x1f\x7f-\x9f"\\\u2028\u2029]|\\[\x20-\x7e])*")'
    r"@(?:(?:[^\W_]|[^\W_][\w\-]{0,62}[^\W_])(?:\.(?:[^\W_]|[^\W_][\w\-]{0,62}[^\W_]))*|\[[0-9A-Za-z.:]+\])"
)


@dataclass(slots=True)
class _Pending:
    """One list member while it is being read."""

    phrase: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    quoted: bool = False  # a quoted string stands in the phrase


def parse(raw: bytes | str, *, encoded: bool = True) -> tuple[Address, ...]:
    """Every address of a header value. Groups give their members; ";" separates too, as people type it.

    ``encoded=False`` for text that a person typed: encoded words stay as they are. A member without any address gives
    an ``Address`` with the name alone, so that it can be shown and complained about.
    """
    if isinstance(raw, bytes):
        raw = charset.decode(raw[: headers.MAX_VALUE])
    text = raw[: headers.MAX_VALUE]
    found: list[Address] = []
    for address in _members(text, encoded=encoded):
        found.append(address)
        if len(found) >= MAX_ADDRESSES:
            break
    if len(found) == 1 and not found[0].email and _ATOM.fullmatch(text.strip()):
        found = [Address(found[0].name)]  # a local user: "root"
    return tuple(found)


def split(text: str) -> tuple[Address, ...]:
    """What a person typed into a recipients field: line ends separate too, nothing is an encoded word, and what is no
    address stands as ``email``, for ``is_valid`` to refuse."""
    found = parse(re.sub(r"[\r\n]+", ",", text), encoded=False)
    return tuple(address if address.email else Address(address.name) for address in found)


def groups(raw: bytes | str, *, encoded: bool = True) -> tuple[Group, ...]:
    """The groups without members in a header value, each once: ``Field team (contacts.personal/12):;``, where a comment
    says which one is meant. ``parse`` does not see them. A last one may lack its ";", as people type it."""
    if isinstance(raw, bytes):
        raw = charset.decode(raw[: headers.MAX_VALUE])
    found: dict[Group, None] = {}
    pending, opened = _Pending(), None
    for kind, value in _tokens(raw[: headers.MAX_VALUE]):
        if kind in ",;":
            found |= _closed(opened, encoded=encoded) if opened and kind == ";" else {}
            pending, opened = _Pending(), opened if kind == "," else None
        elif kind == ":":
            opened, pending = (None if "@" in "".join(pending.phrase) else pending), _Pending()
        elif opened is not None and (kind != "text" or value.strip()):
            opened, pending = None, _Pending()
        elif kind == "comment":
            pending.comments.append(value)
        else:
            pending.phrase.append(value)
            pending.quoted = pending.quoted or kind == "quoted"
    found |= _closed(opened, encoded=encoded) if opened else {}
    return tuple(found)


def _closed(pending: _Pending, *, encoded: bool) -> dict[Group, None]:
    name = _name(" ".join(pending.phrase) if pending.quoted else "".join(pending.phrase), encoded=encoded)
    ref = next((comment for comment in pending.comments if _REF.fullmatch(comment)), "")
    nobody = not ref and name.casefold().replace("-", " ") in _NOBODY
    return {Group(name, ref): None} if name and not nobody else {}


def _members(text: str, *, encoded: bool) -> Iterator[Address]:
    pending = _Pending()
    for kind, value in _tokens(text):
        if kind == "angle":
            yield from _named(pending, value, encoded=encoded)
            pending = _Pending()
        elif kind in ",;":
            yield from _bare(pending, encoded=encoded)
            pending = _Pending()
        elif kind == ":":
            if "@" in "".join(pending.phrase):  # an obsolete route or "mailto:", no group
                pending.phrase.append(":")
            else:
                pending = _Pending()
        elif kind == "comment":
            pending.comments.append(value)
        else:
            pending.phrase.append(value)
            pending.quoted = pending.quoted or kind == "quoted"
    yield from _bare(pending, encoded=encoded)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """("quoted" | "comment" | "angle" | "text" | one of ",;:", content). Unclosed brackets are text."""
    position, ends = 0, {closer: text.rfind(closer) for closer in '">)'}
    while position < len(text):
        char = text[position]
        if char == '"' and position < ends['"']:
            content, position = _quoted(text, position)
            yield "quoted", content
        elif char == "(" and position < ends[")"]:
            content, position = _comment(text, position)
            yield "comment", content
        elif char == "<" and position < ends[">"]:
            end = text.index(">", position)
            yield "angle", text[position + 1 : end]
            position = end + 1
        elif char in ",;:":
            yield char, char
            position += 1
        elif (match := _PLAIN.match(text, position)) is not None:
            yield "text", match[0]
            position = match.end()
        else:
            yield "text", char
            position += 1


def _quoted(text: str, position: int) -> tuple[str, int]:
    content: list[str] = []
    position += 1
    while position < len(text) and text[position] != '"':
        position += text[position] == "\\" and position + 1 < len(text)
        content.append(text[position])
        position += 1
    return "".join(content), position + 1


def _comment(text: str, position: int) -> tuple[str, int]:
    content: list[str] = []
    depth = 0
    while position < len(text):
        char = text[position]
        depth += (char == "(") - (char == ")")
        position += 1
        if depth == 0:
            break
        if char == "\\" and position < len(text):
            char = text[position]
            position += 1
        content.append(char)
    return "".join(content[1:]), position


def _named(pending: _Pending, angle: str, *, encoded: bool) -> Iterator[Address]:
    """``phrase <address>``. ``<a@b, c@d>`` is two addresses: all are shown."""
    name = _name(" ".join(pending.phrase) if pending.quoted else "".join(pending.phrase), encoded=encoded)
    name = name or _name(" ".join(pending.comments), encoded=encoded)
    addresses = [email for email in map(clean_email, re.split("[,;]", _ROUTE.sub("", angle, count=1))) if email]
    for email in addresses or [""]:
        if email or name:
            yield Address(email, name)


def _bare(pending: _Pending, *, encoded: bool) -> Iterator[Address]:
    """A member without angle brackets: ``a@b (Name)``, or words of which some are addresses."""
    text = "".join(pending.phrase).strip()
    name = _name(" ".join(pending.comments), encoded=encoded)
    if pending.quoted and "@" in text:  # "quoted local"@example.test
        yield Address(clean_email(_requote(pending.phrase, text)), name)
        return
    words = text.split()
    addresses = [clean_email(word.removeprefix("mailto:")) for word in words if "@" in word]
    for email in addresses:
        yield Address(email, name)
    if not addresses and (text or name):
        yield Address("", _name(text, encoded=encoded) or name)


def _requote(phrase: list[str], text: str) -> str:
    local, _at, domain = text.rpartition("@")
    if _SPECIAL.sub("", local.replace(".", "")) == local.replace(".", "") and " " not in local:
        return text
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"@{domain}'


def _name(text: str, *, encoded: bool) -> str:
    return clean_name(headers.decode(text) if encoded else text)


def clean_name(name: str) -> str:
    """A display name without what makes it look like something else: bidi controls, invisible characters, controls,
    and runs of blanks that push the real address out of sight."""
    name = _BLANKS.sub(" ", _INVISIBLE.sub("", name)).strip()
    return name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"


_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def turns(text: str) -> bool:
    """Whether signs stand in it that nobody sees, and that change the order in which a name is read. Marks of direction
    at either end belong to honest right-to-left names."""
    return _TURNING.search(text.strip('\u200e\u200f\u061c "')) is not None


def clean_email(email: str) -> str:
    """The address with control and invisible characters made visible: it is never silently another address."""
    email = email.strip(" \t\r\n")
    return _INVISIBLE.sub("\ufffd", _CONTROLS.sub("\ufffd", email))[:1000]


def is_valid(email: str) -> bool:
    """Whether this can stand in a message and in an SMTP command: dot-atom or quoted string, @, domain; no controls."""
    return len(email) <= 254 and _VALID.fullmatch(email) is not None


def unique(groups: Iterable[Iterable[Address]], *, without: Iterable[str] = ()) -> tuple[tuple[Address, ...], ...]:
    """The groups with every address only once, at its first place, and none of ``without`` (compared case-blind)."""
    seen = {email.casefold() for email in without}
    result = []
    for group in groups:
        kept = []
        for address in group:
            if address.email.casefold() not in seen:
                seen.add(address.email.casefold())
                kept.append(address)
        result.append(tuple(kept))
    return tuple(result)


def format(addresses: Iterable[Address], groups: Iterable[Group] = ()) -> str:
    """A list as a person types it; ``parse(format(x), encoded=False)`` gives x again, and so it is with groups."""
    return ", ".join([*(_formatted(address) for address in addresses), *(_formatted_group(group) for group in groups)])


def _formatted(address: Address) -> str:
    if not address.name:
        return address.email
    name = _phrase(address.name)
    return f"{name} <{address.email}>" if address.email else name


def _formatted_group(group: Group) -> str:
    return f"{_phrase(group.name)} ({group.ref}):;" if group.ref else f"{_phrase(group.name)}:;"


def _phrase(name: str) -> str:
    if _SPECIAL.search(name) or name != name.strip():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return name
