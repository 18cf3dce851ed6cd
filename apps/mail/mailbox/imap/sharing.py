"""Namespaces, access control lists and metadata over IMAP (see ``apps.mail.mailbox.sharing``)."""

from __future__ import annotations

from collections.abc import Sequence

from apps.mail.mailbox import names
from apps.mail.mailbox.imap import guard, tokens
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.tokens import octets
from apps.mail.mailbox.imap.wholesale import WholesaleStore
from apps.mail.mailbox.sharing import Grant, Namespace, Namespaces, ordered

PIPELINE = 40  # commands sent before their answers are read
_COLOUR = "/private/vendor/yurt/color"
_USE = "/private/specialuse"  # RFC 6154 section 4

_USES = {"drafts": "\\Drafts", "sent": "\\Sent", "archive": "\\Archive", "junk": "\\Junk", "trash": "\\Trash"}


class SharingStore(WholesaleStore):
    """The part of ``ImapStore`` that speaks of whose mailboxes these are."""

    def create(self, mailbox: str, *, role: str = "") -> None:
        self._first(self.connection.refresh)
        name = guard.mailbox(mailbox)
        if role in _USES and self.connection.has("CREATE-SPECIAL-USE"):
            use = guard.group([guard.words("USE"), guard.flags([_USES[role]])])
            made = self.connection.attempt(command("CREATE", name, use)).completion
            if not made.ok and made.code != b"USEATTR":
                raise made.error()
            if not made.ok:
                self.connection.execute(command("CREATE", name))
        else:
            self.connection.execute(command("CREATE", name))
        self.connection.execute(command("SUBSCRIBE", name))

    @property
    def shares(self) -> bool:
        return self.connection.has("ACL")

    def namespaces(self) -> Namespaces:
        if not self.connection.has("NAMESPACE"):
            return Namespaces()
        key = self.connection.account.id
        known = self._memory.namespaces.get(key)
        if known is None:
            known = _namespaces(self.connection)
            self._memory.namespaces.put(key, known)
        return known

    def acl(self, mailbox: str) -> Sequence[Grant]:
        asked = command("GETACL", guard.mailbox(mailbox))
        result = self._first(lambda: self.connection.execute(asked))
        for answer in result.named(b"ACL"):
            told = [octets(value).decode("utf-8", "replace") for value in tokens.parse(answer.data, answer.literals)]
            return [Grant(name, ordered(rights)) for name, rights in zip(told[1::2], told[2::2], strict=False)]
        return []

    def my_rights(self, mailboxes: Sequence[str]) -> dict[str, str]:
        if not self.shares:
            return {}
        self._first(self.connection.refresh)
        found: dict[str, str] = {}
        for start in range(0, len(mailboxes), PIPELINE):
            asked = [command("MYRIGHTS", guard.mailbox(name)) for name in mailboxes[start : start + PIPELINE]]
            for answer in self.connection.attempt(*asked).named(b"MYRIGHTS"):
                values = tokens.parse(answer.data, answer.literals)
                if len(values) > 1:
                    name = names.from_wire(b"NIL" if values[0] is None else octets(values[0]))
                    found[name] = ordered(octets(values[1]).decode("ascii", "replace"))
        return found

    def set_rights(self, mailbox: str, identifier: str, rights: str) -> None:
        pieces = (guard.mailbox(mailbox), guard.string(identifier), guard.string(ordered(rights)))
        self._first(self.connection.refresh)
        self.connection.execute(command("SETACL", *pieces))

    def delete_rights(self, mailbox: str, identifier: str) -> None:
        pieces = (guard.mailbox(mailbox), guard.string(identifier))
        self._first(self.connection.refresh)
        self.connection.execute(command("DELETEACL", *pieces))

    def special_use(self, mailbox: str, role: str) -> bool:
        return self._put(mailbox, _USE, _USES.get(role, ""))

    def colour(self, mailbox: str) -> str | None:
        if not self.connection.has("METADATA"):
            return None
        asked = command("GETMETADATA", guard.mailbox(mailbox), guard.string(_COLOUR))
        result = self._first(lambda: self.connection.attempt(asked))
        if not result.completion.ok:
            return None
        for answer in result.named(b"METADATA"):
            values = tokens.parse(answer.data, answer.literals)
            if len(values) > 1 and isinstance(values[1], list) and len(values[1]) > 1:
                return octets(values[1][1]).decode("ascii", "replace")
        return ""

    def set_colour(self, mailbox: str, colour: str) -> bool:
        return self._put(mailbox, _COLOUR, colour)

    def _put(self, mailbox: str, entry: str, value: str) -> bool:
        if not self.connection.has("METADATA"):
            return False
        told = guard.string(value) if value else guard.words("NIL")
        pair = [guard.string(entry), told]
        if any(isinstance(piece, guard.Literal) for piece in pair):
            return False
        items = guard.group([piece for piece in pair if not isinstance(piece, guard.Literal)])
        self._first(self.connection.refresh)
        return self.connection.attempt(command("SETMETADATA", guard.mailbox(mailbox), items)).completion.ok


def _namespaces(connection: Connection) -> Namespaces:
    result = connection.attempt(command("NAMESPACE"))
    for answer in result.named(b"NAMESPACE"):
        kinds: list[tuple[Namespace, ...]] = []
        for value in tokens.parse(answer.data, answer.literals)[:3]:
            items = value if isinstance(value, list) else []
            kinds.append(
                tuple(
                    Namespace(names.from_wire(octets(item[0])), octets(item[1]).decode("ascii", "replace"))
                    for item in items
                    if isinstance(item, list) and len(item) > 1
                )
            )
        return Namespaces(*kinds)
    return Namespaces()
