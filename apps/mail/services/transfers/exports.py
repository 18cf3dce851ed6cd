"""Folders as a file, sent while it is written: nothing of it is kept here.

An export that is paused ends its file properly, and goes on with another one: each part is a whole archive, and no
message is in two. What broke off is begun again with the part in which it was.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

import structlog
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.archives import entries, maildir, mbox, zips
from apps.mail.archives.entries import Message, Place
from apps.mail.folder_models import Transfer, TransferNote
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.mailbox.wholesale import Stored
from apps.mail.mime import filenames, headers
from apps.mail.mime.parse import envelope
from apps.mail.services import folders
from apps.mail.services.folder_names import FolderRefused, find, is_below
from apps.mail.services.streams import Sink, streaming
from apps.mail.services.transfers.imports import NotTaken
from apps.mail.services.transfers.running import LEASE, MOST_NOTES, Stopped

log = structlog.get_logger(__name__)
State = Transfer.State
FORMATS = ("mbox", "zip", "maildir")
TYPES = {".mbox": "application/mbox", ".zip": "application/zip", ".tar": "application/x-tar"}
MOST_OCTETS, MOST_MESSAGES = 4 * 1024 * 1024, 100  # of a command
NOTED_EVERY = 1.0  # seconds


def begin(
    user_id: int, *, names: Sequence[str], format: str, subfolders: bool, mailboxes: Sequence[Mailbox]
) -> Transfer:
    """An export of one folder or several, ready to be downloaded. ``mailboxes`` with their counts. Raises
    ``FolderRefused``, ``NotTaken``."""
    tops = [find(name, mailboxes) for name in dict.fromkeys(names)]
    if not tops:
        raise NotTaken(_("Choose a folder."))
    if format not in FORMATS:
        raise NotTaken(_("Choose one of the formats."))
    chosen = [each for each in mailboxes if each in tops or (subfolders and any(is_below(each, top) for top in tops))]
    # Of one folder the names begin below it; several are told apart by all of their names.
    above = tops[0].name if len(tops) == 1 else ""
    listed = [
        (each.name, each.status.uidvalidity, each.status.messages, _path(each, above))
        for each in chosen
        if each.selectable and each.status is not None
    ]
    total = sum(count for _name, _validity, count, _pieces in listed)
    if not listed:
        raise FolderRefused(_("This folder holds folders only."))
    if format == "zip" and total > zips.MOST_WRITTEN:
        text = _("A zip of more than %(count)d messages cannot be made: choose mbox or Maildir.")
        raise NotTaken(text % {"count": zips.MOST_WRITTEN})
    ending = {"mbox": "zip" if len(listed) > 1 or len(tops) > 1 else "mbox", "zip": "zip", "maildir": "tar"}[format]
    more = len(tops) - 1
    several = ngettext("%(folder)s and %(count)d more folder", "%(folder)s and %(count)d more folders", more)
    label = str(folders.label(tops[0]))
    title = several % {"folder": label, "count": more} if more else label
    return Transfer.objects.create(
        user_id=user_id,
        kind=Transfer.Kind.EXPORT,
        state=State.RUNNING,
        title=filenames.safe(f"{title[:120]}.{ending}", "")[:190],
        folder=above or title[:200],
        format=format,
        subfolders=subfolders,
        made=json.dumps(listed),
        total=total,
        begun=json.dumps([0, 0, 0]),
    )


def _path(mailbox: Mailbox, above: str) -> list[str]:
    """Of a folder in an archive: what its name has below another one."""
    below = mailbox.name[len(above) :]
    pieces = below.split(mailbox.delimiter) if mailbox.delimiter else [below]
    return [piece.replace("/", "_").strip(". ") or "_" for piece in (pieces[1:] if above else pieces)]


def pause(row: Transfer) -> None:
    """The file that is being sent ends with the present batch."""
    Transfer.objects.filter(pk=row.pk, state=State.RUNNING).update(state=State.PAUSED)


def resume(row: Transfer) -> None:
    """Ready to be downloaded: what is left, or the part that broke off once more."""
    Transfer.objects.filter(pk=row.pk, state__in=[State.PAUSED, State.RUNNING]).update(
        state=State.RUNNING, trouble="", attempt=F("attempt") + 1, lease_until=None
    )


def cancel(row: Transfer) -> None:
    Transfer.objects.filter(pk=row.pk, state__in=Transfer.UNFINISHED).update(
        state=State.CANCELLED, finished=timezone.now(), lease_until=None
    )


def stream(account: Account, pk: int) -> Iterator[bytes] | None:
    """The octets of its present part; None where it is not ready, or is being sent already."""
    now = timezone.now()
    ready = Transfer.objects.filter(pk=pk, state=State.RUNNING, kind=Transfer.Kind.EXPORT).exclude(lease_until__gt=now)
    if not ready.update(attempt=F("attempt") + 1, lease_until=now + LEASE, trouble=""):
        return None
    row = Transfer.objects.get(pk=pk)
    row.number, row.outer, row.inner = json.loads(row.begun)
    row.done = row.number
    return _Export(row).chunks(account)


class _Export:
    def __init__(self, row: Transfer) -> None:
        self.row = row
        listed = json.loads(row.made)
        self.folders = [(str(name), int(validity)) for name, validity, _count, _pieces in listed]
        self.paths: list[list[str]] = [pieces for _name, _validity, _count, pieces in listed]
        self.noted = time.monotonic()
        self.sink = Sink()

    def chunks(self, account: Account) -> Iterator[bytes]:
        whole = False
        try:
            with streaming(account) as store:
                yield from self._written(store)
            whole = True
        except MailError as error:
            log.warning("export_broke_off", transfer=self.row.pk, error=error.__class__.__name__)
            raise
        finally:  # whoever stops to read ends it here, too
            self._end(whole)

    def _written(self, store: MailStore) -> Iterator[bytes]:
        write = {"mbox": self._mbox, "zip": self._zip, "maildir": self._maildir}[self.row.format]
        yield from write(store)

    def _mbox(self, store: MailStore) -> Iterator[bytes]:
        if self.row.title.endswith(".mbox"):
            for message in self._messages(store, 0):
                yield mbox.written(message)
            return
        with zipfile.ZipFile(cast("BinaryIO", self.sink), "w") as archive:
            for index in self._indexes():
                name = "/".join((*self.paths[index], "mbox"))
                with archive.open(zips.info(name), "w", force_zip64=True) as target:
                    for message in self._messages(store, index):
                        target.write(mbox.written(message))
                        yield self.sink.take()
        yield self.sink.take()

    def _zip(self, store: MailStore) -> Iterator[bytes]:
        with zipfile.ZipFile(cast("BinaryIO", self.sink), "w") as archive:
            for index in self._indexes():
                for message in self._messages(store, index):
                    name = "/".join((*self.paths[index], _file_name(self.row.number, message)))
                    archive.writestr(zips.info(name, message), message.octets)
                    yield self.sink.take()
        yield self.sink.take()

    def _maildir(self, store: MailStore) -> Iterator[bytes]:
        for index in self._indexes():
            keywords = store.keywords(self.folders[index][0])[: maildir.MOST_LETTERS]
            path = self.paths[index]
            yield maildir.folder(path, keywords)
            for message in self._messages(store, index):
                yield maildir.written(message, path, str(self.row.number), keywords)
        yield maildir.end()

    def _indexes(self) -> Iterator[int]:
        """Of the folders still to be done; no further ones once it is paused."""
        for index in range(self.row.outer, len(self.folders)):
            if self.row.state == State.RUNNING:
                yield index

    def _messages(self, store: MailStore, index: int) -> Iterator[Message]:
        """Of one folder, from where the part before has ended."""
        row = self.row
        name, uidvalidity = self.folders[index]
        if row.outer != index:
            row.outer, row.inner = index, 0
        for some in store.sizes(name, uidvalidity=uidvalidity, after=row.inner):
            for batch in _batches(some):
                for stored in store.whole(name, [each.uid for each in batch], uidvalidity=uidvalidity):
                    row.number, row.inner = row.number + 1, stored.uid
                    if stored.octets is None:
                        self._note(stored)
                    else:
                        row.done += 1
                        flags = entries.flags(stored.flags)
                        yield Message(octets=stored.octets, flags=flags, received=stored.received)
                if not self._goes_on():
                    return

    def _note(self, stored: Stored) -> None:
        self.row.left += 1
        if self.row.left <= MOST_NOTES:
            TransferNote.objects.create(transfer=self.row, number=self.row.number, reason="withheld")

    def _goes_on(self) -> bool:
        """Tell how far it is, and hear whether it was paused. Raises ``Stopped`` where it was cancelled: the browser
        is to see that its file is not whole."""
        row = self.row
        if time.monotonic() - self.noted < NOTED_EVERY:
            return True
        self.noted = time.monotonic()
        mine = Transfer.objects.filter(pk=row.pk, attempt=row.attempt)
        mine.update(done=row.done, left=row.left, number=row.number, lease_until=timezone.now() + LEASE)
        row.state = mine.values_list("state", flat=True).first() or State.CANCELLED
        if row.state not in (State.RUNNING, State.PAUSED):
            raise Stopped
        return row.state == State.RUNNING

    def _end(self, whole: bool) -> None:
        row = self.row
        mine = Transfer.objects.filter(pk=row.pk, attempt=row.attempt)
        if not whole:  # its part begins again
            number = json.loads(row.begun)[0]
            mine.update(done=number, number=number, lease_until=None)
            mine.filter(state__in=[State.RUNNING, State.PAUSED]).update(state=State.PAUSED, trouble="broken")
        elif row.state == State.PAUSED:
            place = Place(row.number, row.outer, row.inner)
            begun = json.dumps([place.number, place.outer, place.inner])
            mine.update(begun=begun, part=row.part + 1, done=row.done, left=row.left, lease_until=None)
        else:
            mine.update(
                state=State.DONE, done=row.done, left=row.left, number=row.number,
                lease_until=None, finished=timezone.now(),
            )  # fmt: skip


def _batches(some: Sequence[Stored]) -> Iterator[list[Stored]]:
    batch: list[Stored] = []
    size = 0
    for each in some:
        if batch and (size + each.size > MOST_OCTETS or len(batch) >= MOST_MESSAGES):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += each.size
    if batch:
        yield batch


def _file_name(number: int, message: Message) -> str:
    """``000012 2026-11-26 Subject.eml``: in order, and to be recognised."""
    subject = envelope(headers.parse(message.octets.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n")).subject
    day = f" {message.received:%Y-%m-%d}" if message.received else ""
    return filenames.safe(f"{number:06d}{day} {subject[:80].replace('/', '_')}".strip() + ".eml", "message/rfc822")
