"""The ``Shelf`` of POP3 (see ``apps.mail.mailbox.pop.shelf``) in the database and in files of ours."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet, Sum

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.pop.shelf import INBOX, STANDARD, Digest, Entry, Folder, Fresh, Known
from apps.mail.pop_models import Maildrop, PopFolder, PopMessage
from apps.mail.services import pop_digests, pop_files

State = PopMessage.State
MEGABYTE = 1024 * 1024
LONGEST = 190  # characters of a folder's name
AT_ONCE = 500  # rows or numbers of one statement
_FIELDS = ("uid", "flags", "size", "received", "digest", "uidl", "file")


def of(account: Account) -> DatabaseShelf:
    """Its owner's shelf for a maildrop, made when it is asked for first. The server is its host, as in people's
    accounts: another port, or TLS from now on, is the same maildrop."""
    user_id, server, login = account.owner, account.server.host.lower(), account.login
    drop = Maildrop.objects.filter(user=user_id, server=server, login=login).first()
    return DatabaseShelf(drop or _made(user_id, server, login))


def _made(user_id: int, server: str, login: str) -> Maildrop:
    with transaction.atomic():
        drop, new = Maildrop.objects.get_or_create(user_id=user_id, server=server, login=login)
        if new:
            for name, role in {INBOX: "inbox", **STANDARD}.items():
                _new_folder(drop, name, role)
    return drop


def _new_folder(drop: Maildrop, name: str, role: str) -> None:
    """A UIDVALIDITY is never given twice (RFC 9051 section 2.3.1.1), however often a folder is made anew."""
    drop.validity = max(int(time.time()), drop.validity + 1)
    drop.save(update_fields=["validity"])
    PopFolder.objects.create(drop=drop, name=name, role=role, uidvalidity=drop.validity)


def kept_of(user_id: int, server: str, login: str) -> int:
    """How many messages of a maildrop's owner lie here and nowhere else."""
    return _kept(user_id, server, login).count()


def take_away(user_id: int, server: str, login: str) -> None:
    """The index of a maildrop, and all that lies here. What is on its server stays there."""
    files = list(_kept(user_id, server, login).values_list("file", flat=True))
    Maildrop.objects.filter(user=user_id, server=server.lower(), login=login).delete()
    transaction.on_commit(partial(pop_files.throw_away, files))


def _kept(user_id: int, server: str, login: str) -> QuerySet[PopMessage]:
    drops = Maildrop.objects.filter(user=user_id, server=server.lower(), login=login)
    return PopMessage.objects.filter(folder__drop__in=drops).exclude(file="")


def kept_files() -> set[str]:
    return set(PopMessage.objects.exclude(file="").values_list("file", flat=True))


class DatabaseShelf:
    def __init__(self, drop: Maildrop) -> None:
        self._drop = drop
        self.key = f"{drop.pk} {drop.server} {drop.login}"  # a number may be somebody else's after a rollback

    # folders

    def folders(self, *, counted: bool = True) -> Sequence[Folder]:
        rows = PopFolder.objects.filter(drop=self._drop)
        if counted:
            ready = Q(messages__state=State.READY)
            rows = rows.annotate(
                there=Count("messages", filter=ready), unread=Count("messages", filter=ready & Q(messages__seen=False))
            )
        return [_folder(row) for row in rows]

    def folder(self, name: str) -> Folder:
        row = self._rows().filter(name=name).annotate(there=Count("messages", filter=_READY)).first()
        if row is None or row.name != name:  # some databases find ``a`` for ``A``
            raise errors.NoSuchMailbox
        return _folder(row)

    def make(self, name: str, *, role: str = "") -> None:
        _check_name(name)
        with self._alone() as drop:
            if self._rows().filter(name=name).exists():
                raise errors.MailboxExists
            _new_folder(drop, name, role)

    def rename(self, name: str, new_name: str) -> None:
        _check_name(new_name)
        if name == INBOX or new_name.startswith(f"{name}/"):
            raise errors.ServerRefused("INBOX stays, and no folder lies in itself")
        with self._alone():
            rows = [row for row in self._rows() if row.name == name or row.name.startswith(f"{name}/")]
            if not any(row.name == name for row in rows):
                raise errors.NoSuchMailbox
            for row in rows:
                row.name = new_name + row.name[len(name) :]
                _check_name(row.name)
            try:
                with transaction.atomic():
                    PopFolder.objects.bulk_update(rows, ["name"])
            except IntegrityError:
                raise errors.MailboxExists from None

    def remove(self, name: str) -> None:
        if name == INBOX:
            raise errors.ServerRefused("INBOX stays")
        with self._alone():
            row = self._rows().filter(name=name).first()
            if row is None:
                raise errors.NoSuchMailbox
            self._forget_files(PopMessage.objects.filter(folder=row))
            row.delete()

    # messages

    def entries(self, folder: Folder) -> Sequence[Entry]:
        rows = self._messages(folder).filter(state=State.READY).order_by("uid").values_list(*_FIELDS)
        return [_entry(*row) for row in rows.iterator(chunk_size=2000)]

    def texts(self, folder: Folder, uids: Collection[int]) -> Mapping[int, str]:
        found: dict[int, str] = {}
        for some in _some(uids):
            found |= dict(self._messages(folder).filter(uid__in=some).values_list("uid", "text"))
        return found

    def octets(self, file: str) -> bytes:
        return pop_files.get(file)

    def add(self, folder: Folder, messages: Sequence[Fresh], *, leaving: Collection[int] = ()) -> Sequence[int]:
        self._need_room(sum(each.digest.size for each in messages))
        files = [each.file or pop_files.put(each.octets) for each in messages]
        try:
            with self._alone():
                if leaving:
                    self._leave(leaving)
                return self._insert(folder, [(each, file) for each, file in zip(messages, files, strict=True)])
        except BaseException:
            pop_files.throw_away(file for file, each in zip(files, messages, strict=True) if not each.file)
            raise

    def move(self, folder: Folder, uids: Sequence[int], target: Folder) -> Mapping[int, int]:
        with self._alone():
            first = self._numbers(target, len(uids))
            moved: dict[int, int] = {}
            for uid in sorted(uids):
                rows = self._messages(folder).filter(uid=uid, state=State.READY).exclude(file="")
                if rows.update(folder=self._row(target), uid=first + len(moved)):
                    moved[uid] = first + len(moved)
            self._touch(folder)
            return moved

    def copy(self, folder: Folder, uids: Sequence[int], target: Folder) -> Mapping[int, int]:
        wanted = set(uids)
        entries = [each for each in self.entries(folder) if each.uid in wanted and each.file]
        texts = self.texts(folder, [each.uid for each in entries])
        self._need_room(sum(each.digest.size for each in entries))
        made: dict[int, int] = {}
        for each in entries:
            digest = _with_text(each.digest, texts.get(each.uid, ""))
            (made[each.uid],) = self.add(
                target, [Fresh(digest=digest, flags=each.flags, octets=self.octets(each.file))]
            )
        return made

    def set_flags(self, folder: Folder, flags: Mapping[int, frozenset[str]]) -> None:
        with self._alone():
            same: dict[frozenset[str], list[int]] = {}
            for uid, given in flags.items():
                same.setdefault(given, []).append(uid)
            for given, uids in same.items():
                for some in _some(uids):
                    self._messages(folder).filter(uid__in=some).update(flags=_flags(given), seen=_is_seen(given))
            self._touch(folder)

    def throw_away(self, folder: Folder, uids: Sequence[int]) -> None:
        with self._alone():
            for some in _some(uids):
                rows = self._messages(folder).filter(uid__in=some)
                here = rows.exclude(file="")
                self._forget_files(here)
                here.delete()
                rows.filter(file="").update(state=State.LEAVING)
            self._touch(folder)

    # the maildrop

    def known(self) -> Mapping[str, Known]:
        rows = self._inbox_rows().exclude(uidl="").values_list("uidl", "uid", "state")
        return {uidl: Known(uid, state != State.HEARD, state == State.LEAVING) for uidl, uid, state in rows}

    def heard_of(self, uidls: Sequence[tuple[str, int]], gone: Collection[int]) -> None:
        with self._alone():
            for some in _some(gone):
                self._inbox_rows().filter(uid__in=some, file="").delete()
            inbox = self.folder(INBOX)
            known = set(self._inbox_rows().exclude(uidl="").values_list("uidl", flat=True))
            new = [(uidl, size) for uidl, size in uidls if uidl not in known]
            first, row = self._numbers(inbox, len(new)), self._row(inbox)
            PopMessage.objects.bulk_create(
                [
                    PopMessage(folder_id=row, uid=first + at, uidl=uidl, size=size)
                    for at, (uidl, size) in enumerate(new)
                ],
                batch_size=AT_ONCE,
            )

    def index(self, digests: Mapping[int, Digest]) -> None:
        if not digests:
            return
        with self._alone():
            rows = list(self._inbox_rows().filter(uid__in=list(digests)).exclude(state=State.LEAVING))
            for row in rows:
                _fill(row, digests[row.uid])
                row.state = State.READY
            PopMessage.objects.bulk_update(
                rows, ["size", "received", "digest", "text", "state"], batch_size=AT_ONCE // 10
            )
            self._touch(self.folder(INBOX))

    def room(self) -> tuple[int, int]:
        """Of the person, over all that they have here."""
        rows = PopMessage.objects.filter(folder__drop__user=self._drop.user_id).exclude(file="")
        return rows.aggregate(sum=Sum("size"))["sum"] or 0, settings.POP3_STORE_MB * MEGABYTE

    # inside

    @contextmanager
    def _alone(self) -> Any:
        """Two requests of a person do not number messages at the same time."""
        with transaction.atomic():
            yield Maildrop.objects.select_for_update().get(pk=self._drop.pk)

    def _rows(self) -> Any:
        return PopFolder.objects.filter(drop=self._drop)

    def _row(self, folder: Folder) -> int:
        """Raises ``NoSuchMailbox`` where it has gone, or is another one now."""
        found: int | None = (
            self._rows().filter(name=folder.name, uidvalidity=folder.uidvalidity).values_list("pk", flat=True).first()
        )
        if found is None:
            raise errors.NoSuchMailbox
        return found

    def _messages(self, folder: Folder) -> Any:
        return PopMessage.objects.filter(folder__drop=self._drop, folder__uidvalidity=folder.uidvalidity)

    def _inbox_rows(self) -> Any:
        return PopMessage.objects.filter(folder__drop=self._drop, folder__name=INBOX)

    def _numbers(self, folder: Folder, count: int) -> int:
        """The first of so many new UIDs."""
        row = PopFolder.objects.get(pk=self._row(folder))
        PopFolder.objects.filter(pk=row.pk).update(uidnext=F("uidnext") + count, modseq=F("modseq") + 1)
        return row.uidnext

    def _touch(self, folder: Folder) -> None:
        self._rows().filter(uidvalidity=folder.uidvalidity).update(modseq=F("modseq") + 1)

    def _insert(self, folder: Folder, messages: Sequence[tuple[Fresh, str]]) -> list[int]:
        first, row = self._numbers(folder, len(messages)), self._row(folder)
        made = []
        for at, (each, file) in enumerate(messages):
            message = PopMessage(folder_id=row, uid=first + at, file=file, state=State.READY)
            message.flags, message.seen = _flags(each.flags), _is_seen(each.flags)
            _fill(message, each.digest)
            made.append(message)
        PopMessage.objects.bulk_create(made, batch_size=AT_ONCE // 10)
        return [message.uid for message in made]

    def _leave(self, uids: Collection[int]) -> None:
        inbox = self.folder(INBOX)
        for some in _some(uids):
            self._inbox_rows().filter(uid__in=some, file="").update(state=State.LEAVING)
        self._touch(inbox)

    def _need_room(self, more: int) -> None:
        used, limit = self.room()
        if used + more > limit:
            raise errors.StoreFull("the portal keeps no more for this person")

    def _forget_files(self, rows: Any) -> None:
        files = list(rows.exclude(file="").values_list("file", flat=True))
        if files:
            transaction.on_commit(partial(pop_files.throw_away, files))


_READY = Q(messages__state=State.READY)


def _folder(row: Any) -> Folder:
    return Folder(
        name=row.name,
        role=row.role,
        uidvalidity=row.uidvalidity,
        uidnext=row.uidnext,
        modseq=row.modseq,
        messages=getattr(row, "there", 0),
        unseen=getattr(row, "unread", 0),
    )


def _entry(uid: int, flags: str, size: int, received: Any, digest: str, uidl: str, file: str) -> Entry:
    known = pop_digests.unpacked(digest, size=size, received=received)
    return Entry(uid=uid, flags=frozenset(flags.split()), digest=known, uidl=uidl, file=file)


def _fill(row: PopMessage, digest: Digest) -> None:
    row.size, row.received = digest.size, digest.received.astimezone(UTC)
    row.digest, row.text = pop_digests.packed(digest), digest.text.encode("utf-8", "replace").decode()


def _with_text(digest: Digest, text: str) -> Digest:
    return replace(digest, text=text)


def _flags(given: Iterable[str]) -> str:
    return " ".join(sorted(given))


def _is_seen(given: Iterable[str]) -> bool:
    return any(flag.lower() == "\\seen" for flag in given)


def _some(numbers: Collection[int]) -> Iterable[list[int]]:
    listed = list(numbers)
    return (listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE))


def _check_name(name: str) -> None:
    if len(name) > LONGEST:
        raise errors.BadArgument(f"a folder's name has at most {LONGEST} characters")
    if not all(name.split("/")):
        raise errors.BadArgument("a part of a folder's name is empty")
