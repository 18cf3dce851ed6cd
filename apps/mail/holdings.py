"""What the mail app holds of a person (``portal.your_data``). Their mail is not among it: that lies on its server."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from portal.registry import ExportFile, Holding, Resealed, Table


def messages(user: AbstractBaseUser, present: bool) -> Iterator[ExportFile]:
    """What waits in the Outbox, and what is known of it: both open for their owner only."""
    from apps.mail.models import OutboxMessage
    from apps.mail.services import letters
    from portal.delegations import Over, unseal

    waiting = OutboxMessage.objects.filter(user=user.pk).exclude(file="").select_related("delegation")
    for row in waiting.order_by("pk").iterator(chunk_size=50) if present else ():
        with contextlib.suppress(Over):
            octets = letters.take_up(row.file, unseal(row.delegation))
            yield ExportFile(f"outbox/{row.pk}.eml", "message/rfc822", [octets])


def waiting_files(user: AbstractBaseUser, present: bool) -> Iterator[ExportFile]:
    """Files waiting to be attached are sealed for the session that brought them: that they are there is all there is
    to tell. Nobody's go after a day."""
    found = [path.stat() for path in (settings.DATA_DIR / "uploads" / str(user.pk)).glob("*")]
    rows = [
        {"octets": stat.st_size, "since": datetime.fromtimestamp(stat.st_mtime, UTC).isoformat(timespec="seconds")}
        for stat in found
    ]
    if rows:
        yield ExportFile("uploads.json", "application/json", [json.dumps(rows, indent=1).encode()])


def empty_outbox(user: AbstractBaseUser) -> None:
    """Nobody can send it any more, since its delegation goes; so its octets go as well."""
    from apps.mail.models import OutboxMessage
    from apps.mail.services import letters

    for name in OutboxMessage.objects.filter(user=user.pk).exclude(file="").values_list("file", flat=True):
        transaction.on_commit(partial(letters.throw_away, name))


def throw_files_away(user: AbstractBaseUser) -> None:
    for folder in ("uploads", "content"):
        transaction.on_commit(partial(shutil.rmtree, settings.DATA_DIR / folder / str(user.pk), ignore_errors=True))


def throw_imports_away(user: AbstractBaseUser) -> None:
    """What has not been imported yet never will be: its delegation goes too."""
    from apps.mail.models import Transfer
    from apps.mail.services.transfers import sealed

    for name in Transfer.objects.filter(user=user.pk).exclude(file="").values_list("file", flat=True):
        transaction.on_commit(partial(sealed.throw_away, name))


def pop_messages(user: AbstractBaseUser, present: bool) -> Iterator[ExportFile]:
    """What lies here as it came; what is in a maildrop is on its server."""
    from apps.mail.mailbox.errors import NoSuchMessage
    from apps.mail.models import PopMessage
    from apps.mail.services import pop_files

    rows = PopMessage.objects.filter(folder__drop__user=user.pk).exclude(file="").order_by("pk")
    for pk, uid, file, folder, login in rows.values_list("pk", "uid", "file", "folder__name", "folder__drop__login"):
        with contextlib.suppress(NoSuchMessage):
            octets = pop_files.get(file)
            yield ExportFile(f"pop/{login}/{folder}/{uid}-{pk}.eml", "message/rfc822", [octets])


def throw_pop_messages_away(user: AbstractBaseUser) -> None:
    from apps.mail.models import PopMessage
    from apps.mail.services import pop_files

    rows = PopMessage.objects.filter(folder__drop__user=user.pk).exclude(file="")
    transaction.on_commit(partial(pop_files.throw_away, list(rows.values_list("file", flat=True))))


def reseal_account_keys() -> Resealed:
    from apps.mail.services import account_keys

    return account_keys.reseal()


HOLDINGS = (
    Holding(
        id="mail.server",
        label=_("Mail"),
        files=waiting_files,
        before=throw_files_away,
        stays=_("Your mail, its folders and its drafts are on the mail server, and stay there."),
        order=100,
    ),
    Holding(
        id="mail.pop",
        label=_("Mail of POP3 servers: folders, marks and an index"),
        tables=(
            Table(model="mail.popmessage", owner="folder__drop__user", secret=("file", "text")),
            Table(model="mail.popfolder", owner="drop__user"),
            Table(model="mail.maildrop"),
        ),
        files=pop_messages,
        before=throw_pop_messages_away,
        goes=_("With it go the messages in all folders but the inbox: they lie nowhere else."),
        stays=_("What is in the inbox of a POP3 server stays there."),
        order=105,
    ),
    Holding(
        id="mail.identities",
        label=_("Identities and signatures"),
        tables=(Table(model="mail.identity"),),
        order=110,
    ),
    Holding(
        id="mail.accounts",
        label=_("Further mail accounts"),
        tables=(
            Table(model="mail.otheraccount", secret=("sealed",)),
            Table(model="mail.accountkey", secret=("salt", "sealed")),
        ),
        stays=_("The mail of your further accounts is at their servers, and stays there."),
        order=105,
    ),
    Holding(
        id="mail.addresses",
        label=_("Further addresses"),
        tables=(Table(model="mail.senderaddress", with_account=True),),
        order=111,
    ),
    Holding(
        id="mail.recipients", label=_("People you have written to"), tables=(Table(model="mail.recipient"),), order=120
    ),
    Holding(id="mail.searches", label=_("Saved searches"), tables=(Table(model="mail.savedsearch"),), order=130),
    Holding(
        id="mail.labels",
        label=_("Names and colours of labels"),
        tables=(Table(model="mail.label"),),
        stays=_("Which messages have a label is on the mail server, and stays there."),
        order=135,
    ),
    Holding(id="mail.orders", label=_("Orders of message lists"), tables=(Table(model="mail.listorder"),), order=140),
    Holding(id="mail.folders", label=_("Settings of folders"), tables=(Table(model="mail.foldersetting"),), order=145),
    Holding(
        id="mail.transfers",
        label=_("Imports and exports of folders"),
        tables=(
            Table(model="mail.transfernote", owner="transfer__user"),
            Table(model="mail.transfer", secret=("file", "begun")),
        ),
        before=throw_imports_away,
        goes=_("What has not been imported yet never will be."),
        order=148,
    ),
    Holding(id="mail.templates", label=_("Templates"), tables=(Table(model="mail.template"),), order=142),
    Holding(
        id="mail.reminders",
        label=_("Reminders of missing replies"),
        tables=(Table(model="mail.reminder"),),
        order=144,
    ),
    Holding(
        id="mail.outbox",
        label=_("Messages in the Outbox"),
        tables=(Table(model="mail.outboxmessage", secret=("content", "file")),),
        files=messages,
        before=empty_outbox,
        goes=_("What still waits there is not sent any more."),
        order=150,
    ),
)
