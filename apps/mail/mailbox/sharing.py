"""Whose mailboxes these are, and who may do what in them: NAMESPACE (RFC 2342), ACL (RFC 4314), METADATA (RFC 5464)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

RIGHTS = "lrswipkxtea"  # the eleven of RFC 4314 section 2.1
#: What a server of RFC 2086 means by "c" and "d", and what the others stand for there (RFC 4314 section 2.1.1).
_VIRTUAL = {"c": "kx", "d": "et"}


@dataclass(frozen=True, slots=True)
class Namespace:
    prefix: str  # as decoded text: "Other users/", "" for none
    delimiter: str


@dataclass(frozen=True, slots=True)
class Namespaces:
    """What NAMESPACE tells; all empty where a server has none."""

    personal: tuple[Namespace, ...] = ()
    others: tuple[Namespace, ...] = ()
    shared: tuple[Namespace, ...] = ()

    def kind(self, name: str) -> str:
        """ "others" or "shared" for a mailbox there, or what they all lie in; "" for one's own."""
        for kind, found in (("others", self.others), ("shared", self.shared)):
            for each in found:
                top = each.prefix.removesuffix(each.delimiter)
                if top and (name == top or name.startswith(f"{top}{each.delimiter}")):
                    return kind
        return ""

    def owner(self, name: str) -> str:
        """Whose mailbox it is, by its name: ``bob`` of ``shared/bob/Projects``; "" where that cannot be said."""
        for each in self.others:
            if each.prefix and each.delimiter and name.startswith(each.prefix):
                return name[len(each.prefix) :].partition(each.delimiter)[0]
        return ""


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of an access control list. What begins with "-" is taken away from whoever it names (section 2)."""

    identifier: str
    rights: str  # letters, in the order of ``RIGHTS``

    @property
    def negative(self) -> bool:
        return self.identifier.startswith("-")


def ordered(rights: str) -> str:
    """Letters of ``RIGHTS`` in their order; those of RFC 2086 as what they stand for."""
    said = set(rights)
    for old, new in _VIRTUAL.items():
        if old in said and not said & set(new):
            said |= set(new)
    return "".join(letter for letter in RIGHTS if letter in said)


class Sharing(Protocol):
    def namespaces(self) -> Namespaces:
        """Asked once for a connection's account and remembered."""
        ...

    @property
    def shares(self) -> bool:
        """Whether the server knows ACL at all."""
        ...

    def acl(self, mailbox: str) -> Sequence[Grant]:
        """Who may do what; raises ``ServerRefused`` for whoever may not administer it."""
        ...

    def my_rights(self, mailboxes: Sequence[str]) -> dict[str, str]:
        """What one may do oneself, by mailbox; those that are not told are left out."""
        ...

    def set_rights(self, mailbox: str, identifier: str, rights: str) -> None: ...
    def delete_rights(self, mailbox: str, identifier: str) -> None: ...
    def special_use(self, mailbox: str, role: str) -> bool:
        """Let the server know what the mailbox is for: "sent", "" for nothing; False where it cannot be told."""
        ...

    def colour(self, mailbox: str) -> str | None:
        """What METADATA says; "" for none, None where the server keeps no such thing."""
        ...

    def set_colour(self, mailbox: str, colour: str) -> bool:
        """False where the server keeps no such thing."""
        ...
