"""How much room there is (RFC 9208), root by root, and what fills it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat

from apps.mail.mailbox.errors import MailError, ServerTimeout
from apps.mail.mailbox.store import Mailbox, MailStore, Quota
from apps.mail.services import folders, fullness
from portal.contracts import Text

WARN, NEARLY = 80, 90  # per cent
MOST, SECONDS = 500, 4.0  # folders that are asked about, and for how long
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    name: str
    limits: tuple[tuple[Quota, int, str], ...]  # each with its per cent and its words

    @property
    def level(self) -> str:
        """ "bad", "warn" or ""."""
        most = max((percent for _quota, percent, _words in self.limits), default=0)
        return "bad" if most >= NEARLY else "warn" if most >= WARN else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    mailbox: Mailbox
    label: Text
    size: int
    percent: int  # of the largest

    @property
    def words(self) -> str:
        return str(filesizeformat(self.size))


def of(store: MailStore, mailboxes: Sequence[Mailbox]) -> list[Root]:
    """The roots of one's own mailboxes, and of those that others share: one mailbox of each kind and owner is asked."""
    kept = store.namespaces()
    asked: dict[str, str] = {"": next((each.name for each in mailboxes if each.role == "inbox"), "INBOX")}
    for mailbox in mailboxes:
        if mailbox.kind and mailbox.selectable:
            asked.setdefault(f"{mailbox.kind} {kept.owner(mailbox.name)}", mailbox.name)
    found: dict[str, dict[str, Quota]] = {}
    for name in list(asked.values())[:50]:
        for quota in store.quotas(name):
            found.setdefault(quota.root, {})[quota.resource] = quota
    return [
        Root(
            name=name,
            limits=tuple((each, 100 * each.used // each.limit, fullness.words(each)) for each in limits.values()),
        )
        for name, limits in found.items()
    ]


def biggest(store: MailStore, mailboxes: Sequence[Mailbox]) -> tuple[list[Filled], int]:
    """(The folders that hold most, how many could not be asked in time)."""
    wanted = [mailbox for mailbox in mailboxes if mailbox.selectable and not mailbox.kind]
    until = time.monotonic() + SECONDS
    sizes: list[tuple[int, Mailbox]] = []
    asked = 0
    for mailbox in wanted[:MOST]:
        if time.monotonic() > until:
            break
        asked += 1
        try:
            if mailbox.status is None or mailbox.status.messages:
                sizes.append((store.total_size(mailbox.name), mailbox))
        except ServerTimeout:
            raise
        except MailError:
            continue  # it has vanished, or may not be opened
    sizes.sort(key=lambda pair: -pair[0])
    most = sizes[0][0] if sizes else 0
    filled = [
        Filled(mailbox=mailbox, label=folders.label(mailbox), size=size, percent=100 * size // max(1, most))
        for size, mailbox in sizes[:SHOWN]
        if size
    ]
    return filled, len(wanted) - asked
