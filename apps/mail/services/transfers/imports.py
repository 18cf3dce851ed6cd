"""An import from its file's arrival to its end, as its owner steers it. What is done in between: ``running``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import PurePath

import structlog
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.mail.archives import reading
from apps.mail.folder_models import Transfer
from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.store import Mailbox
from apps.mail.services import other_accounts
from apps.mail.services.folder_names import FolderRefused, find, joined
from apps.mail.services.stores import secret_of
from apps.mail.services.transfers import sealed
from portal import delegations
from portal.delegations import Opened, Over
from portal.http import PortalRequest
from portal.models import Delegation

log = structlog.get_logger(__name__)
State = Transfer.State
KIND = "mail.import"
MOST = 50 * 1024**3  # octets of a file
SPARE = 1024**3  # octets that stay free on the disk
AT_ONCE = 5  # imports of somebody that have not ended
KEPT = timedelta(days=7)  # for which an import can be undone, and its report read


class NotTaken(Exception):
    """Why a file is not imported. The text is for people."""


def begin(
    request: PortalRequest, *, name: str, size: int, head: bytes, parent: str, new: str, mailboxes: Sequence[Mailbox]
) -> Transfer:
    """A file of ``size`` octets is about to come: into the folder ``parent``, or a ``new`` one there. Raises
    ``NotTaken``, ``FolderRefused``, ``portal.credentials.Locked``."""
    kind = reading.kind_of(name, head[: reading.HEAD])
    if not size or not head:
        raise NotTaken(_("This file is empty."))
    if not kind:
        raise NotTaken(_("This is no file that messages can be imported from: choose an mbox, zip, .eml or tar file."))
    if size > MOST:
        raise NotTaken(_("A file may have at most %(size)d GB.") % {"size": MOST // 1024**3})
    if Transfer.objects.unfinished().filter(user=request.user, kind=Transfer.Kind.IMPORT).count() >= AT_ONCE:
        raise NotTaken(_("Other imports have not ended yet. Cancel one of them, or wait."))
    folder = _target(parent, new, mailboxes)
    sealed.folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    if shutil.disk_usage(sealed.folder()).free - size < SPARE:
        raise NotTaken(_("There is no room here for a file of this size just now."))
    user = request.user
    file = sealed.new()
    delegation, _opened = delegations.grant(
        user_id=user.pk,
        kind=KIND,
        task=f"{user.pk}.{file}",
        account=other_accounts.named(user.pk, account_of(folder)) or user.email or user.login,
        secret=secret_of(request, folder),
    )
    with transaction.atomic():
        delegation.save(force_insert=True)
        return Transfer.objects.create(
            user=user,
            delegation=delegation,
            kind=Transfer.Kind.IMPORT,
            state=State.RECEIVING,
            title=PurePath(name.replace("\\", "/")).name[:190].replace("\0", ""),
            folder=folder,
            format=kind,
            file=file,
            size=size,
        )


def _target(parent: str, new: str, mailboxes: Sequence[Mailbox]) -> str:
    if new.strip():
        return joined(parent, new, mailboxes)
    if not parent:
        raise FolderRefused(_("Choose a folder, or name a new one."), field="name")
    found = find(parent, mailboxes)
    if not found.selectable:
        raise FolderRefused(_("This folder holds folders only. Choose another one, or name a new one."), field="parent")
    return found.name


def receive(row: Transfer, octets: bytes, *, at: int) -> None:
    """A piece of the file. Pieces come in their order; one that comes again does no harm. The last one starts the
    import. Raises ``NotTaken``, ``portal.delegations.Over``."""
    if row.state != State.RECEIVING or at > row.received or at % sealed.BLOCK or not octets:
        raise NotTaken(_("This piece of the file is not expected."))
    end = at + len(octets)
    if end > row.size or (end < row.size and len(octets) % sealed.BLOCK):
        raise NotTaken(_("This piece of the file is not expected."))
    if end <= row.received:
        return
    try:
        sealed.add(row.file, octets, at=at, size=row.size, opened=opened(row))
    except FileNotFoundError as error:
        raise Over from error
    row.received = end
    row.state = State.RUNNING if end == row.size else State.RECEIVING
    arriving = Transfer.objects.filter(pk=row.pk, state=State.RECEIVING)
    arriving.update(received=row.received, state=row.state)
    if row.state == State.RUNNING:
        wake(row)


def opened(row: Transfer) -> Opened:
    """Raises ``portal.delegations.Over``."""
    return delegations.unseal(row.delegation)


def wake(row: Transfer) -> None:
    """Tell the worker. Nobody depends on its hearing that: its clock looks too, and so does the page."""
    from kombu.exceptions import OperationalError

    from apps.mail.tasks import run_imports

    try:
        run_imports.apply_async((), expires=600, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=error.__class__.__name__)


# --- steering it ------------------------------------------------------------------------------------------------------


def pause(row: Transfer, *, trouble: str = "") -> None:
    """After the batch that is under way."""
    Transfer.objects.filter(pk=row.pk, state=State.RUNNING).update(state=State.PAUSED, trouble=trouble)


def resume(row: Transfer, request: PortalRequest) -> None:
    """With the password of today, and for another week. Raises ``portal.delegations.Over``, ``Locked``."""
    if row.delegation is None:
        raise Over
    delegations.renew(row.delegation, secret=secret_of(request, row.folder))
    delegations.extend(row.delegation, until=timezone.now() + delegations.LIFETIME)
    if Transfer.objects.filter(pk=row.pk, state=State.PAUSED).update(state=State.RUNNING, trouble=""):
        wake(row)


def cancel(row: Transfer) -> None:
    """What was imported stays, and can be undone."""
    end(row, State.CANCELLED)


def end(row: Transfer, state: str, *, trouble: str = "") -> None:
    """Nothing more to do: the secret and the file go."""
    delegation, file = row.delegation, row.file
    with transaction.atomic():
        Transfer.objects.filter(pk=row.pk, state__in=Transfer.UNFINISHED).update(
            state=state, trouble=trouble, file="", delegation=None, finished=timezone.now()
        )
        if delegation is not None:
            delegations.end(delegation)
    sealed.throw_away(file)


def revoke(task: str, user_id: int) -> None:
    """Its owner took the delegation back, under Sessions."""
    name = task.partition(".")[2]
    for row in Transfer.objects.filter(user=user_id, file=name).select_related("delegation"):
        end(row, State.CANCELLED, trouble="revoked")
    orphans().delete()


def orphans() -> models.QuerySet[Delegation]:
    """Secrets whose import is gone, by whatever way."""
    tasks = Transfer.objects.filter(delegation__isnull=False).values("delegation")
    return Delegation.objects.filter(kind=KIND).exclude(pk__in=tasks)


def tidy() -> None:
    """What cannot go on any more, what is long over, and files that are nobody's."""
    now = timezone.now()
    for row in Transfer.objects.unfinished().filter(kind=Transfer.Kind.IMPORT).select_related("delegation"):
        try:
            opened(row)
        except Over:
            end(row, State.FAILED, trouble="over")
    Transfer.objects.filter(created__lt=now - KEPT).exclude(state__in=[State.RUNNING, State.UNDOING]).filter(
        models.Q(finished__lt=now - KEPT) | models.Q(kind=Transfer.Kind.EXPORT)
    ).delete()
    orphans().delete()
    known = set(Transfer.objects.exclude(file="").values_list("file", flat=True))
    for path in sealed.folder().glob("*"):
        if path.name not in known and now.timestamp() - path.stat().st_mtime > 3600:
            path.unlink(missing_ok=True)


def stored(row: Transfer) -> list[tuple[str, int, str]]:
    """(folder, UIDVALIDITY, ranges of UIDs) of what it has stored."""
    return [(str(name), int(validity), str(uids)) for name, validity, uids in json.loads(row.stored)]
