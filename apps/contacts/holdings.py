"""What the address books hold of a person (``portal.your_data``): who owns a book has all that is in it exported, and
removed, whoever else may see it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from portal.registry import ExportFile, Holding, Table

if TYPE_CHECKING:
    from apps.contacts.models import Undertaking


def cards(user: AbstractBaseUser, present: bool) -> Iterator[ExportFile]:
    """Each book as vCard 4.0. Those that were thrown away are beside it: they can come back, so they are kept."""
    from apps.contacts.models import Book, Group
    from apps.contacts.services import access, exporting

    mine = access.contacts(user.pk).filter(owner=user.pk)
    for book in Book.objects.filter(owner=user.pk).order_by("pk"):
        of_book = mine.filter(book=book)
        for name, found in ((book.name, of_book.kept()), (f"{book.name} (-)", of_book.exclude(deleted=None))):
            if found.exists():
                yield _vcf(name, exporting.pieces(found, "vcard4", own_groups=[]))
    groups = list(Group.objects.filter(owner=user.pk))
    if groups:
        yield _vcf("groups", exporting.pieces(mine.none(), "vcard4", own_groups=groups))


def _vcf(name: str, pieces: Iterator[str]) -> ExportFile:
    file = name.replace("/", "_")
    return ExportFile(f"vcards/{file}.vcf", "text/vcard; charset=utf-8", (piece.encode() for piece in pieces))


def pictures(user: AbstractBaseUser, present: bool) -> Iterator[ExportFile]:
    from apps.contacts.models import Photo
    from apps.contacts.services import photos

    for photo in Photo.objects.filter(owner=user.pk).order_by("pk").iterator(chunk_size=50):
        yield ExportFile(f"photos/{photo.digest}.webp", photos.TYPE, [bytes(photo.content)])


def imported(user: AbstractBaseUser, present: bool) -> Iterator[ExportFile]:
    """Files that wait to be taken in."""
    for path, whole in _waiting(user):
        if path.is_file():
            yield ExportFile(f"imports/{whole.title.replace('/', '_')}", "application/octet-stream", _octets(whole))


def throw_imports_away(user: AbstractBaseUser) -> None:
    for path, _whole in _waiting(user):
        transaction.on_commit(partial(path.unlink, missing_ok=True))


def _waiting(user: AbstractBaseUser) -> list[tuple[Path, Undertaking]]:
    from apps.contacts.models import Undertaking
    from apps.contacts.services import importing

    found = Undertaking.objects.filter(owner=user.pk).exclude(file="").order_by("pk")
    return [(importing.folder() / whole.file, whole) for whole in found]


def _octets(whole: Undertaking) -> Iterator[bytes]:
    from apps.contacts.services import importing

    with importing.opened(whole) as file:
        while part := file.read(1 << 16):
            yield part


def attached(user: AbstractBaseUser, present: bool) -> Iterator[ExportFile]:
    """Files at contacts."""
    from apps.contacts.models import File

    for file in File.objects.filter(contact__owner=user.pk).order_by("pk").iterator(chunk_size=10):
        name = file.name.replace("/", "_")
        yield ExportFile(f"files/{file.contact_id}/{name}", "application/octet-stream", [bytes(file.content)])


HOLDINGS = (
    Holding(
        id="contacts.imports",
        label=_("Imports and merges of contacts"),
        tables=(
            Table(model="contacts.row", owner="whole__owner"),
            Table(model="contacts.undertaking", owner="owner", secret=("options",)),
        ),
        files=imported,
        before=throw_imports_away,
        order=200,
    ),
    Holding(
        id="contacts.history",
        label=_("History of contacts"),
        tables=(
            Table(model="contacts.change", owner="by", clear=("by", "by_name"), secret=("before",)),
            Table(model="contacts.change", owner="contact__owner"),
        ),
        order=210,
    ),
    Holding(
        id="contacts.shares",
        label=_("Shared contacts"),
        tables=(
            Table(model="contacts.hidden"),
            Table(model="contacts.share", owner="by", clear=("by",)),
            Table(model="contacts.share", owner="owner"),
        ),
        order=201,
    ),
    Holding(
        id="contacts.programs",
        label=_("What phones and other programs know of address books"),
        tables=(
            Table(model="contacts.bookaddress", owner="owner"),
            Table(model="contacts.collection", owner="book__owner", derived=True),
            Table(model="contacts.resource", owner="book__owner"),
        ),
        order=202,
    ),
    Holding(
        id="contacts.subscriptions",
        label=_("Subscribed address books"),
        tables=(
            Table(model="contacts.remote", owner="subscription__book__owner"),
            Table(model="contacts.subscription", owner="book__owner"),
        ),
        order=204,
    ),
    Holding(
        id="contacts.copies",
        label=_("Copies of cards that are kept up to date"),
        tables=(Table(model="contacts.origin", owner="contact__owner"),),
        order=206,
    ),
    Holding(
        id="contacts.searches",
        label=_("Kept searches of contacts"),
        tables=(Table(model="contacts.savedsearch", owner="owner"),),
        order=208,
    ),
    Holding(
        id="contacts.files",
        label=_("Files at contacts"),
        tables=(
            Table(model="contacts.file", owner="by", clear=("by",)),
            Table(model="contacts.file", owner="contact__owner"),
        ),
        files=attached,
        order=209,
    ),
    Holding(
        id="contacts.groups",
        label=_("Groups of contacts"),
        tables=(Table(model="contacts.member", owner="group__owner"), Table(model="contacts.group", owner="owner")),
        order=212,
    ),
    Holding(id="contacts.tags", label=_("Tags"), tables=(Table(model="contacts.tag", owner="owner"),), order=214),
    Holding(
        id="contacts.correspondents",
        label=_("Addresses written to"),
        tables=(Table(model="contacts.correspondent"),),
        order=216,
    ),
    Holding(
        id="contacts.contacts",
        label=_("Contacts"),
        tables=(
            Table(model="contacts.searched", owner="contact__owner", derived=True),
            Table(model="contacts.fielded", owner="contact__owner", derived=True),
            Table(model="contacts.owncard"),
            Table(model="contacts.sorting", owner="owner"),
            Table(model="contacts.key", owner="owner", derived=True),
            Table(model="contacts.favourite"),
            Table(model="contacts.different", owner="one__owner"),
            Table(model="contacts.card", owner="contact__owner"),
            Table(model="contacts.contact", owner="owner"),
        ),
        files=cards,
        order=220,
    ),
    Holding(
        id="contacts.photos",
        label=_("Photos of contacts"),
        tables=(Table(model="contacts.photo", owner="owner"),),
        files=pictures,
        order=230,
    ),
    Holding(
        id="contacts.books",
        label=_("Address books"),
        tables=(Table(model="contacts.book", owner="owner"),),
        order=240,
    ),
)
