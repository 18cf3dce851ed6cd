"""Attachments taken out of a message that is kept. The server cannot change a message: a changed copy is stored with
its flags and its date, and only when that is certain goes the original into the trash, from where undo fetches it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.routed import at
from apps.mail.mailbox.store import MailStore
from apps.mail.mime import strip as mime
from apps.mail.mime.parts import Part
from apps.mail.services import actions, folders, reading
from apps.mail.services.reading import Attachment
from apps.mail.services.refs import MessageRef
from apps.mail.services.steps import Step

MOST_OCTETS = 128 * 1024 * 1024  # of a message


class NotStripped(Exception):
    """Nothing has been lost. ``str``: why, for people."""


@dataclass(frozen=True, slots=True)
class Stripped:
    now: MessageRef
    count: int  # of the attachments
    ways: list[Step]  # back; empty where the server does not tell where the original went


def removable(root: Part) -> list[Attachment]:
    """Those that are parts of their own below a multipart: of anything else nothing would be left."""
    if not root.is_multipart or root.type == "multipart/encrypted" or root.number:
        return []
    return [file for file in reading.attachments_of(root) if not file.item]


def is_signed(root: Part) -> bool:
    return any(part.type == "multipart/signed" for part in root.walk())


def strip(store: MailStore, ref: MessageRef, numbers: Collection[str]) -> Stripped:
    """Raises ``NotStripped``, ``MailError``."""
    detail = store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    files = [file for file in removable(detail.structure) if file.part.number in numbers]
    if not files:
        raise NotStripped(_("No attachment was chosen."))
    if detail.summary.size > MOST_OCTETS:
        raise NotStripped(_("This message is too large to be changed here."))
    raw = b"".join(store.stream(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity))
    try:
        changed = mime.replaced(raw, {file.part.number: (file.part.type, _note(file)) for file in files})
    except mime.CannotStrip as error:
        raise NotStripped(_("This message is not built as it should be, so it was left as it is.")) from error
    flags = sorted(flag for flag in detail.summary.flags if flag.lower() != "\\recent")
    validity, uid = store.append(ref.mailbox, changed, flags=flags, when=detail.summary.received)
    if uid is None or validity != ref.uidvalidity or uid <= ref.uid:
        text = _("The changed message was stored, but the server does not tell where. The original was kept.")
        raise NotStripped(text)
    now = MessageRef(ref.mailbox, validity, uid)
    return Stripped(now, len(files), _put_away(store, ref, now))


def _put_away(store: MailStore, ref: MessageRef, now: MessageRef) -> list[Step]:
    """The original into the trash. If that fails the copy goes again, so that there are not two."""
    try:
        trash = folders.ensure_role(at(store, ref.mailbox), "trash")
        result = store.move(ref.mailbox, [ref.uid], trash, uidvalidity=ref.uidvalidity)
    except MailError:
        store.expunge(now.mailbox, [now.uid], uidvalidity=now.uidvalidity)
        raise
    if not result.uids:
        return []
    uids = tuple(result.uids.values())
    return [
        Step(do="back", mailbox=trash, uidvalidity=result.uidvalidity, uids=uids, target=ref.mailbox),
        Step(do=actions.UNCOPY, mailbox=now.mailbox, uidvalidity=now.uidvalidity, uids=(now.uid,)),
    ]


def undo(store: MailStore, ways: Sequence[Step]) -> MessageRef | None:
    """The original back in its folder, the changed one into the trash; where the original is now, if that is known.
    Raises ``MailError``: then the changed one is still there."""
    back = actions.planned_back(ways, actions.Known(store))
    taken = [actions.take(store, step) for step in back]
    where = taken[0].ways[0] if taken[0].ways else None
    return MessageRef(where.mailbox, where.uidvalidity, where.uids[0]) if where else None


def _note(file: Attachment) -> str:
    values = {
        "name": file.name,
        "kind": str(file.kind),
        "size": filesizeformat(file.size),
        "day": date_format(timezone.localdate(), "DATE_FORMAT"),
    }
    return _("The file “%(name)s” (%(kind)s, %(size)s) was removed from this message on %(day)s.") % values + "\n"
