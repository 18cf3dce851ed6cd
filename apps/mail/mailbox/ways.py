"""The ways of ``routed.Routed`` to the accounts, and what goes them unchanged: whole folders, and who may do what."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from apps.mail.mailbox.errors import AccountLocked, MailError, SignInRefused
from apps.mail.mailbox.names import qualified, split
from apps.mail.mailbox.sharing import Grant, Namespace, Namespaces
from apps.mail.mailbox.wholesale import Appended, New, Stored
from apps.mail.mailbox.wishes import Asked, Wish

if TYPE_CHECKING:
    from apps.mail.mailbox.store import MailStore

Lease = Callable[[int], "MailStore"]  # of an account, by its number; raises ``MailError``
Apart = Callable[[], "contextlib.AbstractContextManager[MailStore]"]


class Elsewhere(Protocol):
    """The accounts beside the one at hand, for what asks several of them at once."""

    def numbers(self) -> Sequence[int]: ...
    def apart(self, number: int) -> Apart:
        """A way to one of them that may be gone in another thread. Raises ``MailError``."""
        ...


class Alone:
    """There are none."""

    def numbers(self) -> Sequence[int]:
        return ()

    def apart(self, number: int) -> Apart:
        raise AccountLocked(number)


class Ways:
    """``at`` gives the same ways with another account at hand."""

    def __init__(
        self, lease: Lease, *, account: int = 0, wish: Asked | None = None, elsewhere: Elsewhere | None = None
    ) -> None:
        self.account = account
        self.elsewhere: Elsewhere = elsewhere or Alone()
        self._lease = lease
        self._wish = wish
        self._leased: dict[int, MailStore] = {}

    def at(self, mailbox: str) -> Self:
        return self.standing(split(mailbox)[0])

    def standing(self, account: int) -> Self:
        if account == self.account:
            return self
        other = type(self)(self._lease, account=account, wish=self._wish, elsewhere=self.elsewhere)
        other._leased = self._leased
        return other

    # ways

    def store(self, account: int) -> MailStore:
        """The account's own store, in which mailboxes have the names that its server knows."""
        found = self._leased.get(account)
        if found is None:
            found = self._lease(account)
            found.wish = self._wishes_of(account)
            self._leased[account] = found
        return found

    def reach(self) -> None:
        """Lease the connection of the account at hand: what is wrong with it is said before anything is done."""
        with self._in(self.account):
            pass

    def _wishes_of(self, account: int) -> Asked:
        def wishes(names: Sequence[str]) -> dict[str, Wish]:
            outer = {qualified(account, name): name for name in names}
            return {outer[name]: wish for name, wish in self.wish(list(outer)).items()}

        return wishes

    @property
    def wish(self) -> Asked:
        return self._wish or (lambda _names: {})

    @wish.setter
    def wish(self, asked: Asked) -> None:
        self._wish = asked

    @contextlib.contextmanager
    def _in(self, account: int) -> Iterator[MailStore]:
        """Errors tell with which account they are. A refused password is that account's, not the one of the person."""
        try:
            yield self.store(account)
        except SignInRefused as error:
            if account:
                raise AccountLocked(account, refused=True) from error
            raise
        except MailError as error:
            error.account = error.account or account
            raise

    @contextlib.contextmanager
    def _to(self, mailbox: str) -> Iterator[tuple[MailStore, str]]:
        account, name = split(mailbox)
        with self._in(account) as store:
            yield store, name

    # wholesale

    def sizes(self, mailbox: str, *, uidvalidity: int, after: int = 0) -> Iterator[Sequence[Stored]]:
        with self._to(mailbox) as (store, name):
            yield from store.sizes(name, uidvalidity=uidvalidity, after=after)

    def whole(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Sequence[Stored]:
        with self._to(mailbox) as (store, name):
            return store.whole(name, uids, uidvalidity=uidvalidity)

    def append_many(self, mailbox: str, messages: Sequence[New]) -> Sequence[Appended]:
        with self._to(mailbox) as (store, name):
            return store.append_many(name, messages)

    def total_size(self, mailbox: str) -> int:
        with self._to(mailbox) as (store, name):
            return store.total_size(name)

    def keywords(self, mailbox: str) -> Sequence[str]:
        with self._to(mailbox) as (store, name):
            return store.keywords(name)

    # sharing

    def namespaces(self) -> Namespaces:
        with self._in(self.account) as store:
            found = store.namespaces()
        if not self.account:
            return found
        return Namespaces(*(self._theirs(each) for each in (found.personal, found.others, found.shared)))

    def _theirs(self, found: Sequence[Namespace]) -> tuple[Namespace, ...]:
        return tuple(replace(each, prefix=qualified(self.account, each.prefix)) for each in found)

    @property
    def shares(self) -> bool:
        with self._in(self.account) as store:
            return store.shares

    def acl(self, mailbox: str) -> Sequence[Grant]:
        with self._to(mailbox) as (store, name):
            return store.acl(name)

    def my_rights(self, mailboxes: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for account in dict.fromkeys(split(each)[0] for each in mailboxes):
            names = {name: each for each in mailboxes if (pair := split(each))[0] == account and (name := pair[1])}
            with self._in(account) as store:
                found |= {names[name]: rights for name, rights in store.my_rights(list(names)).items()}
        return found

    def set_rights(self, mailbox: str, identifier: str, rights: str) -> None:
        with self._to(mailbox) as (store, name):
            store.set_rights(name, identifier, rights)

    def delete_rights(self, mailbox: str, identifier: str) -> None:
        with self._to(mailbox) as (store, name):
            store.delete_rights(name, identifier)

    def special_use(self, mailbox: str, role: str) -> bool:
        with self._to(mailbox) as (store, name):
            return store.special_use(name, role)

    def colour(self, mailbox: str) -> str | None:
        with self._to(mailbox) as (store, name):
            return store.colour(name)

    def set_colour(self, mailbox: str, colour: str) -> bool:
        with self._to(mailbox) as (store, name):
            return store.set_colour(name, colour)
