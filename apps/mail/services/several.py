"""Several accounts asked at once: each in a thread and with a connection of its own, none longer than a few seconds.

The account at hand is asked in the request's own thread. What another one does not tell in time is left out, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from apps.mail.mailbox.errors import AccountLocked, MailError
from apps.mail.mailbox.names import account_of, qualified
from apps.mail.mailbox.routed import Routed
from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.mailbox.ways import Apart
from apps.mail.services import other_accounts
from portal import fanout

T = TypeVar("T")

SECONDS = 3.0  # for each account but the one at hand
MOST = 2  # calls of one account that may be under way at once


@dataclass
class Accounts:
    """Those that one request asks. ``silent``: numbers of those that have not answered."""

    store: MailStore
    numbers: Sequence[int]
    silent: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, store: MailStore, *, every: bool) -> Accounts:
        """``every``: not only the one at hand."""
        here = store.account if isinstance(store, Routed) else 0
        others = store.elsewhere.numbers() if every and isinstance(store, Routed) else ()
        return cls(store, [here, *(each for each in others if each != here)])

    @property
    def here(self) -> int:
        return self.numbers[0]

    def ask(self, wanted: Sequence[int], call: Callable[[MailStore, int], T]) -> dict[int, T]:
        """What each of these accounts answers; ``call`` gets a store in which names are those of all accounts."""
        calls: dict[str, Callable[[], T | MailError]] = {}
        for number in wanted:
            if number == self.here or number in self.silent:
                continue
            if number and other_accounts.is_away(number):
                self.silent.add(number)
            elif (apart := self._apart(number)) is not None:
                key = str(number) if number else f"0-{id(self)}"  # the main one is no single person's
                calls[key] = partial(_asked, apart, call, number)
        answers = fanout.ask(calls, budget=SECONDS, what="mail account", most=MOST) if calls else iter(())
        found: dict[int, T] = {self.here: call(self.store, self.here)} if self.here in wanted else {}
        for answer in answers:
            number, value = int(answer.id.partition("-")[0]), answer.value
            if value is None or isinstance(value, MailError):
                self.silent.add(number)
                if number and not isinstance(value, AccountLocked):
                    other_accounts.note_away(number)
            else:
                found[number] = value
        return found

    def _apart(self, number: int) -> Apart | None:
        try:
            return self.store.elsewhere.apart(number) if isinstance(self.store, Routed) else None
        except MailError:
            self.silent.add(number)
            return None

    def mailboxes(self) -> list[Mailbox]:
        """All that can be opened, account by account."""
        if len(self.numbers) == 1:
            return [known for known in self.store.mailboxes(status=False) if known.selectable]
        found = self.ask(self.numbers, lambda store, _number: store.mailboxes(status=False))
        return [each for number in self.numbers for each in found.get(number, ()) if each.selectable]

    def inboxes(self) -> list[Mailbox]:
        return [Mailbox(name=qualified(number, "INBOX"), role="inbox") for number in sorted(self.numbers)]

    def by_account(self, mailboxes: Sequence[Mailbox]) -> dict[int, list[Mailbox]]:
        found: dict[int, list[Mailbox]] = {}
        for each in mailboxes:
            found.setdefault(account_of(each.name), []).append(each)
        return found


def _asked(apart: Apart, call: Callable[[MailStore, int], T], number: int) -> T | MailError:
    try:
        with apart() as store:
            return call(store, number)
    except MailError as error:
        return error
