"""Messages of an import on their way into the mailbox: batch by batch, none twice.

Before a batch goes out it is written down where it goes, what UIDNEXT is there, and what each message is like (octets
and digest). Whoever goes on after a crash first looks which of them have arrived (``arrived``), and adds the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.mail.archives import reading
from apps.mail.archives.entries import BadArchive, Found, Message
from apps.mail.folder_models import Transfer, TransferNote
from apps.mail.mailbox.errors import (
    AccountLocked,
    MailError,
    NoSuchMailbox,
    QuotaExceeded,
    SignInRefused,
    UidValidityChanged,
)
from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.store import MailStore
from apps.mail.mailbox.wholesale import New
from apps.mail.services import noted, other_accounts
from apps.mail.services.stores import open_delegated
from apps.mail.services.transfers import imports, sealed
from apps.mail.services.transfers.targets import Targets
from portal.delegations import Over

log = structlog.get_logger(__name__)
State = Transfer.State
LEASE = timedelta(minutes=10)  # longer than the server may take for a batch
TURN = 20.0  # seconds
REST = timedelta(seconds=10)  # where the server is away
MOST_OCTETS, MOST_MESSAGES = 4 * 1024 * 1024, 100  # of a batch
MOST_NOTES = 10_000  # of an import; the rest is counted


class Stopped(Exception):
    """Its owner has paused or cancelled it, or somebody else is at it."""


def _account(row: Transfer) -> int:
    """The number of the account that it goes into; raises ``Over`` where that is at another server by now."""
    number = account_of(row.folder)
    if number and (row.delegation is None or row.delegation.account != other_accounts.named(row.user_id, number)):
        raise Over
    return number


def proceed(pk: int, *, seconds: float) -> bool:
    """Go on with an import for so long. Whether anything was done: not where somebody else is at it."""
    row = _taken(pk)
    if row is None:
        return False
    rest: timedelta | None = None
    try:
        opened = imports.opened(row)
        with (
            open_delegated(row.user, opened.secret, _account(row)) as store,
            contextlib.closing(sealed.reader(row.file, size=row.size, opened=opened)) as file,
        ):
            if _Run(row, store, time.monotonic() + seconds).through(file):
                imports.end(row, State.DONE)
    except Stopped:
        pass
    except Over:
        imports.end(row, State.FAILED, trouble="over")
    except BadArchive as error:
        log.warning("import_unreadable", transfer=pk, error=str(error))
        imports.end(row, State.FAILED, trouble="damaged")
    except (QuotaExceeded, SignInRefused, AccountLocked, NoSuchMailbox, UidValidityChanged) as error:
        why = {QuotaExceeded: "full", SignInRefused: "password", AccountLocked: "password"}.get(type(error), "gone")
        imports.pause(row, trouble=why)
    except MailError as error:
        log.warning("import_waits", transfer=pk, error=error.__class__.__name__)
        Transfer.objects.filter(pk=pk, state=State.RUNNING).update(trouble="away")
        rest = REST
    finally:
        mine = Transfer.objects.filter(pk=pk, attempt=row.attempt)
        mine.update(lease_until=timezone.now() + rest if rest else None)
    return True


def all_of_them(*, seconds: float = TURN) -> None:
    """Everybody's imports, each in its turn for so long, until none is left that could go on."""
    while pks := list(Transfer.objects.free(timezone.now()).order_by("pk").values_list("pk", flat=True)):
        done = 0
        for pk in pks:
            done += proceed(pk, seconds=seconds)
        if not done:
            return


def _taken(pk: int) -> Transfer | None:
    now = timezone.now()
    if not Transfer.objects.free(now).filter(pk=pk).update(attempt=F("attempt") + 1, lease_until=now + LEASE):
        return None
    return Transfer.objects.select_related("user", "delegation").get(pk=pk)


@dataclass
class _Run:
    row: Transfer
    store: MailStore
    until: float
    targets: Targets = field(init=False)

    def through(self, file: Any) -> bool:
        """Whether all of it is done; False where the time is over. Raises ``Stopped``."""
        self.targets = Targets(self.store, self.row.folder, json.loads(self.row.made))
        for batch in batches(reading.messages(file, self.row.format, self.row.place)):
            self._put(batch, passed=file.tell())
            if time.monotonic() > self.until:
                return False
        return True

    def _put(self, batch: Sequence[Found], *, passed: int) -> None:
        messages = [found.message for found in batch if found.message]
        notes = [(each.after.number, each.problem, each.about) for each in batch if each.problem]
        if not messages:
            self._save(batch, [], notes, passed)
            return
        begun = self._begin(messages)
        there = arrived(self.store, begun) if begun["again"] else {}
        rest = [index for index in range(len(messages)) if index not in there]
        new = [New(octets=messages[i].octets, flags=messages[i].flags, when=messages[i].received) for i in rest]
        answers = self.store.append_many(begun["folder"], new) if new else []
        there |= {index: answer.uid for index, answer in zip(rest, answers, strict=True) if answer.uid}
        silent = [index for index, one in zip(rest, answers, strict=True) if not one.uid and one.error is None]
        if silent:  # the server does not tell where they went (no UIDPLUS)
            there |= {i: uid for i, uid in arrived(self.store, begun).items() if i in silent}
        refused = {index: one.error for index, one in zip(rest, answers, strict=True) if one.error is not None}
        if full := next((error for error in refused.values() if isinstance(error, QuotaExceeded)), None):
            self._count(begun, list(there.values()))
            raise full
        goods = [found for found in batch if found.message]
        notes += [(goods[i].after.number, "refused", error.server_text) for i, error in refused.items()]
        self._save(batch, list(there.values()), notes, passed)

    def _begin(self, messages: Sequence[Message]) -> dict[str, Any]:
        """Write down what is about to go out; or, after a break, what was written down then."""
        digests = [[len(each.octets), hashlib.sha256(each.octets).hexdigest()] for each in messages]
        if self.row.begun:
            begun: dict[str, Any] = json.loads(self.row.begun)
            if begun["messages"] == digests and self._is_there(begun):
                return begun | {"again": True}
        folder = self.targets.of(messages[0].folder)
        status = self.store.status(folder)
        begun = {"folder": folder, "uidvalidity": status.uidvalidity, "uidnext": status.uidnext, "messages": digests}
        self.row.begun, self.row.made = json.dumps(begun), json.dumps(self.targets.made)
        self._change(begun=self.row.begun, made=self.row.made)
        return begun | {"again": False}

    def _is_there(self, begun: dict[str, Any]) -> bool:
        """Whether its folder is the one of then: in a new one nothing has arrived."""
        try:
            return self.store.status(begun["folder"]).uidvalidity == int(begun["uidvalidity"])
        except NoSuchMailbox:
            return False

    def _count(self, begun: dict[str, Any], uids: list[int]) -> None:
        """Some of a batch are in, and there is no room for more: they belong to the import from now on."""
        known = set(noted.uids_of(begun["counted"])) if begun.get("counted") else set()
        kept = {name: value for name, value in begun.items() if name != "again"}
        if uids:
            kept["counted"] = noted.ranges(uids)
        self.row.begun = json.dumps(kept)
        self._note_stored(begun, [uid for uid in uids if uid not in known])
        self._change(begun=self.row.begun, stored=self.row.stored)

    def _save(self, batch: Sequence[Found], uids: list[int], notes: list[tuple[int, str, str]], passed: int) -> None:
        row, after = self.row, batch[-1].after
        if row.begun:
            begun = json.loads(row.begun)
            known = set(noted.uids_of(begun["counted"])) if begun.get("counted") else set()
            self._note_stored(begun, [uid for uid in uids if uid not in known])
        row.number, row.outer, row.inner = after.number, after.outer, after.inner
        row.done += sum(found.message is not None for found in batch) - sum(
            reason == "refused" for _, reason, _ in notes
        )
        row.passed, row.begun = max(row.passed, passed), ""
        kept = notes[: max(0, MOST_NOTES - row.left)]
        row.left += len(notes)
        with transaction.atomic():
            TransferNote.objects.bulk_create(
                TransferNote(transfer=row, number=number, reason=reason, about=about[:300].replace("\0", ""))
                for number, reason, about in kept
            )
            names = ("number", "outer", "inner", "done", "left", "passed", "begun", "stored")
            self._change(**{name: getattr(row, name) for name in names}, trouble="")
        if not Transfer.objects.filter(pk=row.pk, state=State.RUNNING).exists():
            raise Stopped

    def _note_stored(self, begun: dict[str, Any], uids: Sequence[int]) -> None:
        self.row.stored = json.dumps(with_uids(imports.stored(self.row), begun["folder"], begun["uidvalidity"], uids))

    def _change(self, **values: Any) -> None:
        lease = timezone.now() + LEASE
        if not Transfer.objects.filter(pk=self.row.pk, attempt=self.row.attempt).update(**values, lease_until=lease):
            raise Stopped


def batches(messages: Iterator[Found]) -> Iterator[list[Found]]:
    """Messages of one folder that go out together, with what was told of between them. What a batch is depends on
    nothing but where it begins."""
    batch: list[Found] = []
    size, goods, folder = 0, 0, None
    broken: BadArchive | None = None
    while True:
        try:
            found = next(messages, None)
        except BadArchive as error:  # what came before it is whole
            found, broken = None, error
        if found is None:
            break
        message = found.message
        full = size >= MOST_OCTETS or len(batch) >= MOST_MESSAGES
        if message is not None and goods:
            full = full or message.folder != folder or size + len(message.octets) > MOST_OCTETS
        if batch and full:
            yield batch
            batch, size, goods = [], 0, 0
        batch.append(found)
        if message is not None:
            size, goods, folder = size + len(message.octets), goods + 1, message.folder
    if batch:
        yield batch
    if broken is not None:
        raise broken


def arrived(store: MailStore, begun: dict[str, Any]) -> dict[int, int]:
    """Which messages of a batch the folder has got since it was written down: their UIDs, by their places in it."""
    waiting: dict[tuple[int, str], list[int]] = {}
    for index, (size, digest) in reversed(list(enumerate(begun["messages"]))):
        waiting.setdefault((size, digest), []).append(index)
    sizes = {size for size, _digest in waiting}
    there: dict[int, int] = {}
    validity = begun["uidvalidity"]
    for some in store.sizes(begun["folder"], uidvalidity=validity, after=begun["uidnext"] - 1):
        for known in some:
            if known.size not in sizes:
                continue
            for whole in store.whole(begun["folder"], [known.uid], uidvalidity=validity):
                octets = whole.octets or b""
                places = waiting.get((len(octets), hashlib.sha256(octets).hexdigest()))
                if places:
                    there[places.pop()] = whole.uid
    return there


def with_uids(
    stored: list[tuple[str, int, str]], folder: str, uidvalidity: int, uids: Sequence[int]
) -> list[tuple[str, int, str]]:
    """With more of them: those that follow the last ones make its range longer."""
    if not uids:
        return stored
    new = noted.ranges(uids)
    for index, (name, validity, ranges) in enumerate(stored):
        if (name, validity) == (folder, uidvalidity):
            head, _comma, last = ranges.rpartition(",")
            first, _colon, end = last.partition(":")
            begin, _more, rest = new.partition(",")
            low, _colon, high = begin.partition(":")
            if int(low) == int(end or first) + 1:
                joined = ",".join(filter(None, (head, f"{first}:{high or low}", rest)))
            else:
                joined = f"{ranges},{new}"
            return [*stored[:index], (name, validity, joined), *stored[index + 1 :]]
    return [*stored, (folder, uidvalidity, new)]
