"""Cards and tables into an address book: looked through first, then taken in, and taken back as a whole.

The file lies in DATA_DIR/imports, sealed, until it has been taken in, or for a day. Each card or line of it has a row
that says what becomes of it.
"""

from __future__ import annotations

import base64
import binascii
import io
import itertools
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.contacts.card import Card, Value
from apps.contacts.formats import ldif, tables
from apps.contacts.forms import good_email
from apps.contacts.models import Book, Change, Contact, Group, Row, Undertaking
from apps.contacts.services import groups, keeping, permits, photos, rows, sealed
from apps.contacts.services.keeping import Doing, NotKept
from apps.contacts.vcard import reading

MOST_TABLE = 20 * 1024 * 1024  # a table is read as a whole
AT_ONCE = 500
SMALL = 512 * 1024  # octets that are looked through while the page waits
KINDS = {"vcard": gettext_lazy("vCard"), "csv": gettext_lazy("Table (CSV)"), "ldif": gettext_lazy("LDIF")}
EXISTING = ("update", "skip", "add")
State = Row.State

PROBLEMS = {
    "line": gettext_lazy("a line could not be read (%(about)s)"),
    "long": gettext_lazy("line %(about)s is too long"),
    "end": gettext_lazy("its end is missing"),
    "many": gettext_lazy("it has too many values"),
    "email": gettext_lazy("“%(about)s” is no mail address"),
    "photo": gettext_lazy("the photo could not be used"),
    "link": gettext_lazy("%(about)s points elsewhere and was not fetched"),
    "change": gettext_lazy("it says what to change in a directory (%(about)s)"),
    "table": gettext_lazy("this is no table"),
    "columns": gettext_lazy("it has too many columns"),
    "empty": gettext_lazy("it is empty"),
}


@dataclass(slots=True)
class Item:
    """One card or line, whatever it was read from."""

    number: int
    values: list[Value]
    uid: str = ""
    group: bool = False
    members: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    bad: bool = False

    @property
    def name(self) -> str:
        return Card(self.values).name[:190]

    @property
    def remark(self) -> str:
        words = dict.fromkeys(str(PROBLEMS[word]) % {"about": about} for word, about in self.problems)
        return "; ".join(words)[:400]


def most_megabytes() -> int:
    """Of a file: uploads are kept in memory, and the site says how much that may be."""
    return min(50, int(settings.FILE_UPLOAD_MAX_MEMORY_SIZE) // 1024 // 1024 - 1)


def folder() -> Path:
    return settings.DATA_DIR / "imports"


def begin(owner_id: int, file: BinaryIO, *, name: str, size: int, book: Book, existing: str) -> Undertaking:
    """Keep the file and look what it is. Raises ``NotKept``."""
    keeping.writable({book.pk}, Doing(None))
    if size > most_megabytes() * 1024 * 1024:
        raise NotKept(too_large())
    head = file.read(4096)
    kind = kind_of(name, head)
    if not head.strip():
        raise NotKept(_("This file is empty."))
    if kind == "csv" and size > MOST_TABLE:
        raise NotKept(_("A table may have at most %(size)d MB.") % {"size": MOST_TABLE // 1024 // 1024})
    stored = secrets.token_hex(16)
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder() / stored, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as copy:
        parts = iter(lambda: file.read(sealed.PIECE), b"")
        key = sealed.write(copy, itertools.chain([head], parts), bound=stored)
    options = {"format": kind, "existing": existing if existing in EXISTING else EXISTING[0], "key": key}
    return Undertaking.objects.create(
        owner_id=owner_id,
        kind=Undertaking.Kind.IMPORT,
        state=Undertaking.State.RUNNING,
        title=Path(name).name[:190],
        book=book,
        file=stored,
        options=options,
    )


def opened(whole: Undertaking) -> io.BufferedReader:
    """The file as it came. Raises ``sealed.Broken`` and ``FileNotFoundError``."""
    return sealed.opened(folder() / whole.file, whole.options.get("key", ""), bound=whole.file)


def too_large() -> str:
    return _("A file may have at most %(size)d MB.") % {"size": most_megabytes()}


def kind_of(name: str, head: bytes) -> str:
    """What it looks like inside counts; the file's name where that tells nothing."""
    text = (
        head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
        .lstrip("\ufeff \r\n")
        .lower()
    )
    if text.startswith("begin:vcard") or "\nbegin:vcard" in text:
        return "vcard"
    if text.startswith(("dn:", "version: 1", "version:1")) or "\ndn:" in text:
        return "ldif"
    return {".vcf": "vcard", ".ldif": "ldif"}.get(Path(name).suffix.lower(), "csv")


def items(whole: Undertaking) -> Iterator[Item]:
    """Raises ``tables.BadTable``, ``sealed.Broken`` and ``FileNotFoundError``."""
    kind = whole.options["format"]
    with opened(whole) as file:
        if kind == "csv":
            options = whole.options
            yield from _table_items(
                tables.opened(file.read(), targets=options.get("columns"), headless=options.get("headless"))
            )
        elif kind == "ldif":
            for entry in ldif.entries(file):
                bad = bool(entry.change) and entry.change != "add"
                problems = [*entry.problems, *([("change", entry.change)] if bad else [])]
                values = entry.values() if not entry.is_group else [Value("FN", entry.text("cn"))]
                yield checked(Item(entry.number, values, "", entry.is_group, entry.members, problems, bad))
        else:
            for card in reading.cards(file):
                group = card.kind == "group"
                yield checked(Item(card.number, card.values, card.uid, group, card.members, card.problems))


def _table_items(table: tables.Table) -> Iterator[Item]:
    for number, row in table.rows:
        try:
            values = tables.values_of(row, table.head, table.targets)
        except tables.BadTable as error:
            yield Item(number, [], problems=[(str(error), ",".join(row)[:40].replace("\0", ""))], bad=True)
            continue
        yield checked(Item(number, values))


def checked(item: Item) -> Item:
    """Without what nobody could use: addresses that are none, signs that cannot be stored."""
    kept = []
    for value in item.values:
        if value.name == "EMAIL" and value.text.strip() and not good_email(value.text.strip()):
            item.problems.append(("email", value.text.replace("\n", " ")[:60]))
        elif value.name == "PHOTO" and not value.text.startswith("data:"):
            item.problems.append(("link", "PHOTO"))
            kept.append(value)
        elif value.text.strip() or value.raw:
            kept.append(_storable(value))
    item.values = kept
    item.bad = item.bad or not item.name
    if not item.name and not item.problems:
        item.problems.append(("empty", ""))
    return item


def _storable(value: Value) -> Value:
    texts = (value.value,) if isinstance(value.value, str) else value.value
    if not any("\0" in text for text in (*texts, value.raw)):
        return value
    clean = tuple(text.replace("\0", "") for text in texts)
    return replace(value, value=clean[0] if isinstance(value.value, str) else clean, raw="")


# --- looking through it -----------------------------------------------------------------------------------------------


def look_through(whole: Undertaking) -> None:
    """The rows say what would be done; nothing is."""
    whole.rows.all().delete()
    known = _Known(whole)
    total = 0
    try:
        for part in _parts(items(whole)):
            known.learn(part)
            _keep_rows([known.row(item) for item in part])
            total += len(part)
            Undertaking.objects.filter(pk=whole.pk).update(total=total)
    except tables.BadTable as error:
        Row.objects.create(whole=whole, number=1, state=State.BAD, remark=str(PROBLEMS[str(error)]))
    Undertaking.objects.filter(pk=whole.pk).update(state=Undertaking.State.READ, total=total, done=0)


def _keep_rows(found: list[Row]) -> None:
    columns = ("whole_id", "number", "state", "name", "remark", "contact_id")
    rows.insert(Row, columns, ([getattr(each, column) for column in columns] for each in found))


def _parts(found: Iterator[Item]) -> Iterator[list[Item]]:
    while part := list(itertools.islice(found, AT_ONCE)):
        yield part


class _Known:
    """Contacts of the book with the same UID as a card of the file."""

    def __init__(self, whole: Undertaking) -> None:
        self.whole = whole
        self.existing = whole.options["existing"]
        self.found: dict[str, Contact] = {}
        self.seen: set[str] = set()

    def learn(self, part: list[Item]) -> None:
        uids = [item.uid[:190] for item in part if item.uid]
        there = Contact.objects.filter(book=self.whole.book, uid__in=uids, deleted=None).select_related("card")
        self.found = {contact.uid: contact for contact in there} if self.existing != "add" else {}

    def contact(self, item: Item) -> Contact | None:
        return self.found.get(item.uid[:190]) if item.uid else None

    def row(self, item: Item) -> Row:
        contact = self.contact(item)
        state = State.NEW
        if item.bad:
            state = State.BAD
        elif item.group:
            state = State.GROUP
        elif contact is not None:
            state = State.SAME if self.existing == "skip" or says_the_same(contact, item) else State.CHANGED
        row = Row(whole=self.whole, number=item.number, state=state, name=item.name, remark=item.remark)
        row.contact = contact
        return row


def says_the_same(contact: Contact, item: Item) -> bool:
    def said(values: list[Value]) -> list[tuple[str, str]]:
        return sorted((value.name, value.text) for value in values if value.name != "PHOTO")

    return said(contact.card.document.values) == said(item.values)


# --- taking it in -----------------------------------------------------------------------------------------------------


def take_in(whole: Undertaking) -> None:
    whole.rows.all().delete()
    doing = Doing(whole.owner, "import", whole.title, whole)
    known = _Known(whole)
    waiting: list[Item] = []  # groups, until everybody is there
    done = 0
    for part in _parts(items(whole)):
        known.learn(part)
        with transaction.atomic():
            _keep_rows(_taken(whole, known, part, doing))
        waiting += [item for item in part if item.group and not item.bad]
        done += len(part)
        Undertaking.objects.filter(pk=whole.pk).update(done=done)
    made = [pk for item in waiting if (pk := _group(whole, item)) is not None]
    options = {name: value for name, value in whole.options.items() if name != "key"} | {"groups": made}
    (folder() / whole.file).unlink(missing_ok=True)
    Undertaking.objects.filter(pk=whole.pk).update(state=Undertaking.State.DONE, file="", options=options)


def _taken(whole: Undertaking, known: _Known, part: list[Item], doing: Doing) -> list[Row]:
    assert whole.book is not None
    made_rows, new = [], []
    for item in part:
        row = known.row(item)
        made_rows.append(row)
        if row.state not in {State.NEW, State.CHANGED}:
            continue
        values = with_photo(whole.owner_id, item)
        row.remark = item.remark
        if row.state == State.NEW:
            uid = "" if item.uid in known.seen else item.uid  # two cards of one file are two people
            known.seen.add(item.uid)
            new.append((row, uid, values))
        elif row.contact is not None:
            bring_up_to_date(row.contact, values, doing)
    left = permits.free(whole.book)
    fitting = new if left is None else new[:left]
    for row, _uid, _values in new[len(fitting) :]:
        row.state, row.remark = State.BAD, permits.full(whole.book)
    made = keeping.create_many(whole.book, [(uid, values) for _row, uid, values in fitting], doing)
    for (row, _uid, _values), contact in zip(fitting, made, strict=True):
        row.contact = contact
    return made_rows


def bring_up_to_date(contact: Contact, values: list[Value], doing: Doing) -> None:
    """``values`` instead of what stands there. What says the same keeps its id and its source."""
    card = contact.card.document
    rest = list(card.values)
    wanted = []
    for value in values:
        same = next((old for old in rest if old.name == value.name and old.text == value.text), None)
        if same is not None:
            rest.remove(same)
            wanted.append(replace(value, id=same.id))
        else:
            wanted.append(value)
    keeping.change(contact, wanted, doing, version=contact.version)


def with_photo(owner_id: int, item: Item) -> list[Value]:
    """Its values, the photo among them kept as ours are."""
    values = []
    for value in item.values:
        if value.name == "PHOTO" and value.text.startswith("data:"):
            try:
                octets = base64.b64decode(value.text.partition(",")[2], validate=False)
                values.append(replace(value, value=photos.keep(owner_id, octets), params={}, types=(), raw=""))
            except (photos.NoPicture, binascii.Error, ValueError):
                item.problems.append(("photo", ""))
        else:
            values.append(value)
    return values


def _group(whole: Undertaking, item: Item) -> int | None:
    """Its id, where it is new."""
    name = item.name or whole.title
    group, new = Group.objects.get_or_create(
        owner_id=whole.owner_id, key=groups.key_of(name), defaults={"name": name[:100]}
    )
    uids = [member[:190] for member in item.members] + [f"urn:uuid:{member}"[:190] for member in item.members]
    uids += [member.removeprefix("urn:uuid:")[:190] for member in item.members]
    mine = Contact.objects.of(whole.owner_id).kept()
    people = list(mine.filter(uid__in=uids))
    emails = [member.removeprefix("mailto:").casefold() for member in item.members if "@" in member]
    people += list(mine.filter(keys__kind="e", keys__key__in=emails))
    groups.add(group, {contact.pk: contact for contact in people}.values())
    return group.pk if new else None


# --- taking it back ---------------------------------------------------------------------------------------------------


def undo(whole: Undertaking, doing: Doing) -> str:
    """Everything as it was; new contacts go to the trash. Who was changed by hand since stays. Returns what to say."""
    doing = replace(doing, kind="import", text=whole.title)
    changes = whole.changes.filter(undone=False).select_related("contact", "book")
    for change in changes.exclude(kind=Change.Kind.CREATED).order_by("-pk").iterator():
        keeping.undo(change, doing)
    made = Contact.objects.filter(changes__whole=whole, changes__kind=Change.Kind.CREATED, deleted=None)
    untouched = list(made.filter(version=1))
    left = made.exclude(version=1).count()
    keeping.throw_away(untouched, doing)
    groups.delete(Group.objects.filter(owner_id=whole.owner_id, pk__in=whole.options.get("groups", [])))
    discard(whole)
    Undertaking.objects.filter(pk=whole.pk).update(state=Undertaking.State.UNDONE)
    if left:
        return ngettext(
            "%(n)d contact stays, because it was changed since.",
            "%(n)d contacts stay, because they were changed since.",
            left,
        ) % {"n": left}
    return _("The import is undone.")


def discard(whole: Undertaking) -> None:
    """The file goes."""
    if whole.file:
        (folder() / whole.file).unlink(missing_ok=True)
        Undertaking.objects.filter(pk=whole.pk).update(file="")
