"""Mailbox names: modified UTF-7 towards the server, one path segment towards the browser.

Outside this module names are decoded text, always. A mailbox of another account than the main one is named with the
account's number: ``:3:INBOX`` (``qualified``, ``split``). Whatever handles names need not know that there are several.
"""

from __future__ import annotations

import re
import unicodedata

from imapclient import imap_utf7  # noqa: TID251 - the codec only

from apps.mail.mailbox.errors import BadArgument

MAX_LENGTH = 1000

#: What no decoder can read of a name stands in it octet by octet: U+F726 is an "&" that begins no encoding.
_UNREAD = 0xF700
_UNREADABLE = re.compile("[\uf726\uf780-\uf7ff]")
_ESCAPE = re.compile(r"~([0-9a-f]{2})")
_ESCAPED = re.compile(r"[/~@\x00-\x1f\x7f]")
_ACCOUNT = re.compile(r":(0|[1-9][0-9]{0,9}):")
_RELATIVE = {".": "~2e", "..": "~2e~2e"}


def is_inbox(name: str) -> bool:
    """INBOX in any case of its letters, ASCII ones: ``ınbox`` is another mailbox, though it has the same capitals."""
    return name.isascii() and name.upper() == "INBOX"


def qualified(account: int, name: str) -> str:
    """The name of a mailbox among those of all accounts; 0 is the main one, whose names stay as they are. One that
    looks like another account's gets ``:0:``, so that no two mailboxes have one name."""
    return f":{account}:{name}" if account or _ACCOUNT.match(name) else name


def split(name: str) -> tuple[int, str]:
    """Undo ``qualified``: (account, the name that its server knows)."""
    found = _ACCOUNT.match(name)
    return (int(found[1]), name[found.end() :]) if found else (0, name)


def account_of(name: str) -> int:
    return split(name)[0]


def bare(name: str) -> str:
    """The name that its server knows."""
    return split(name)[1]


def prefix_of(name: str) -> str:
    """What names of the same account begin with."""
    return qualified(account, "") if (account := account_of(name)) else ""


def is_an_inbox(name: str) -> bool:
    """INBOX of any account."""
    return is_inbox(bare(name))


def encode_segment(name: str) -> str:
    """The name as one segment of a URL path, before percent-encoding.

    ``/``, ``~``, ``@`` and control characters become ``~`` and two hexadecimal digits; everything else stays, so that
    ``INBOX`` is ``INBOX`` and a reader recognises ``Projekte~2fGletscher``. ``.`` and ``..`` alone are escaped as well:
    browsers resolve them away. INBOX has one address, however it is spelled.
    """
    if is_inbox(name):
        return "INBOX"
    return _RELATIVE.get(name) or _ESCAPED.sub(lambda found: f"~{ord(found[0]):02x}", name)


def decode_segment(segment: str) -> str:
    """Undo ``encode_segment``; raises ``BadArgument`` for what it never writes: every mailbox has one address."""
    name = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), segment)
    if not segment or encode_segment(name) != segment:
        raise BadArgument("not the address of a mailbox")
    return name


def to_wire(name: str) -> bytes:
    """Modified UTF-7 (RFC 3501 section 5.1.3); raises ``BadArgument`` for what is no mailbox name at all."""
    if not name or len(name) > MAX_LENGTH:
        raise BadArgument("a mailbox name has 1 to 1000 characters")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        raise BadArgument("control character in a mailbox name")
    if is_inbox(name):
        return b"INBOX"
    if _UNREADABLE.search(name):
        return _as_it_came(name)
    encoded: bytes = imap_utf7.encode(name)
    return encoded


def from_wire(raw: bytes) -> str:
    """Decode a name that a server sent.

    Some servers send UTF-8, and some names are broken. What does not survive the way back is kept octet by octet, so
    that ``to_wire`` of the result is the name the server knows, and two names are never taken for one.
    """
    try:
        name: str = imap_utf7.decode(raw)
        if raw.isascii() and imap_utf7.encode(name) == raw and not _UNREADABLE.search(name):
            return "INBOX" if is_inbox(name) else name
    except (UnicodeError, ValueError):
        pass
    return "".join(chr(octet + _UNREAD) if octet == 0x26 or octet >= 0x80 else chr(octet) for octet in raw)


def shown(name: str) -> str:
    """A name, or a part of one, for people to read."""
    if not _UNREADABLE.search(name):
        return name
    try:
        return _as_it_came(name).decode("utf-8", "replace")
    except BadArgument:
        return name


def _as_it_came(name: str) -> bytes:
    plain = _UNREADABLE.sub(lambda found: chr(ord(found[0]) - _UNREAD), name)
    if not _UNREADABLE.sub("", name).isascii():
        raise BadArgument("neither a mailbox name nor what a server made of one")
    return plain.encode("latin-1")
