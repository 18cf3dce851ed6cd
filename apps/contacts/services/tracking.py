"""What has changed in a book since when, for programs that keep a copy of it (CardDAV).

``keeping`` and ``groups`` tell here of all they do, whatever it is done for. A book that no program has ever asked for
costs one number; from its first question on (``ready``) each contact and group in it has a row (``Resource``).
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from apps.contacts.models import Book, Collection, Contact, Group, Member, Resource, name_key, new_uid

HORIZON_DAYS = 180  # a program that asks after a longer time gets everything anew
AT_ONCE = 500
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class _New:
    """What has come into a book."""

    uid: str
    contact_id: int | None = None
    group_id: int | None = None


@transaction.atomic
def note(contact_ids: Iterable[int]) -> None:
    """These contacts were made, changed, moved, thrown away or brought back: what they are now counts."""
    ids = list(contact_ids)
    elsewhere: set[int] = set()
    for start in range(0, len(ids), AT_ONCE):
        elsewhere.update(_note(ids[start : start + AT_ONCE]))
    if elsewhere:
        found = Member.objects.filter(contact__in=elsewhere).values_list("group_id", flat=True)
        note_groups(set(found))


def _note(ids: list[int]) -> list[int]:
    """Returns those that have come or gone somewhere."""
    places = dict(Contact.objects.filter(pk__in=ids, deleted=None).values_list("pk", "book_id"))
    rows = list(Resource.objects.filter(contact__in=ids, gone=None))
    states = take_number({*places.values(), *(row.book_id for row in rows)})
    gone = [row for row in rows if places.get(row.contact_id or 0) != row.book_id]
    stays = {row.contact_id for row in rows if places.get(row.contact_id or 0) == row.book_id}
    for book_id, state in states.items():
        here = [row.pk for row in rows if row.book_id == book_id]
        Resource.objects.filter(pk__in=here).update(number=state.number)
    Resource.objects.filter(pk__in=[row.pk for row in gone]).update(gone=timezone.now())
    came = [pk for pk, book_id in places.items() if pk not in stays and states[book_id].begun]
    by_book = defaultdict(list)
    for pk, uid in Contact.objects.filter(pk__in=came).order_by("pk").values_list("pk", "uid"):
        by_book[places[pk]].append(_New(uid, contact_id=pk))
    for book_id, new in by_book.items():
        _take_in(states[book_id], new)
    return [*came, *(row.contact_id for row in gone if row.contact_id)]


@transaction.atomic
def note_groups(group_ids: Iterable[int]) -> None:
    """These groups were made or renamed, or have other members. A group stands in each book of its owner's in which it
    has somebody, and stays there when they go."""
    found = Group.objects.in_bulk(list(group_ids))
    members = Member.objects.filter(group__in=found, contact__deleted=None, contact__book__owner=F("group__owner"))
    wanted = set(members.values_list("group_id", "contact__book_id"))
    rows = list(Resource.objects.filter(group__in=found, gone=None))
    there = {(row.group_id, row.book_id) for row in rows}
    states = take_number({*(book_id for _group, book_id in wanted), *(row.book_id for row in rows)})
    for book_id, state in states.items():
        here = [row.pk for row in rows if row.book_id == book_id]
        Resource.objects.filter(pk__in=here).update(number=state.number)
        new = sorted(pk for pk, book in wanted - there if book == book_id)
        if state.begun:
            _take_in(state, [_New(group_uid(found[pk], book_id), group_id=pk) for pk in new])


@transaction.atomic
def note_gone(rows: QuerySet[Resource]) -> None:
    """These are in their books no more."""
    pairs = list(rows.filter(gone=None).values_list("pk", "book_id"))
    states = take_number({book_id for _pk, book_id in pairs})
    for book_id, state in states.items():
        here = [pk for pk, book in pairs if book == book_id]
        Resource.objects.filter(pk__in=here).update(number=state.number, gone=timezone.now())


def take_number(book_ids: Iterable[int]) -> dict[int, Collection]:
    """The next number of each of these books. Until the end of the transaction nobody else gets one."""
    ids = sorted(set(book_ids))
    if not ids:
        return {}
    known = set(Collection.objects.filter(book__in=ids).values_list("pk", flat=True))
    new = [Collection(book_id=pk) for pk in ids if pk not in known]
    if new:
        Collection.objects.bulk_create(new, ignore_conflicts=True)
    Collection.objects.filter(book__in=ids).update(number=F("number") + 1)
    return Collection.objects.in_bulk(ids)


def group_uid(group: Group, book_id: int) -> str:
    """A group has a card in each book, and no two cards of a person have one UID."""
    import uuid

    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{group.uid} {book_id}')}"


def _take_in(state: Collection, new: Sequence[_New]) -> None:
    if not new:
        return
    book = Resource.objects.filter(book_id=state.pk)
    former = {
        row.contact_id: row
        for row in book.filter(contact__in=[each.contact_id for each in new], gone__isnull=False)
        if row.contact_id
    }
    names = {name_key(name): name for each in new if (name := default_name(each.uid))}
    taken = {row.key: row for row in book.filter(key__in=names)} | {row.key: row for row in former.values()}
    there = by_uid(state.pk, [each.uid for each in new])
    uids = {row.uid or (row.contact.uid if row.contact is not None else "") for row in there}
    rows: list[Resource] = []
    for each in new:
        name = default_name(each.uid)
        row = former.get(each.contact_id or 0) or taken.get(name_key(name))
        if row is None or row.gone is None:  # ``gone`` is None for those of this round too
            free = name and name_key(name) not in taken
            name = name if free else f"{each.contact_id or 'g'}-{secrets.token_hex(6)}.vcf"
            row = Resource(book_id=state.pk, name=name, key=name_key(name))
        taken[row.key] = row
        row.contact_id, row.group_id = each.contact_id, each.group_id
        row.uid = each.uid if each.group_id else new_uid() if each.uid in uids else ""
        row.number, row.gone = state.number, None
        uids.add(each.uid)
        rows.append(row)
    again = [row for row in rows if row.pk is not None]
    Resource.objects.bulk_update(again, ["contact", "group", "uid", "number", "gone"], batch_size=100)
    Resource.objects.bulk_create([row for row in rows if row.pk is None], batch_size=AT_ONCE)


def default_name(uid: str) -> str:
    """The UID, where it can stand in an address as it is; "" elsewhere."""
    plain = uid.removeprefix("urn:uuid:")
    return f"{plain}.vcf" if _PLAIN.fullmatch(plain) and not plain.startswith(".") else ""


def by_uid(book_id: int, uids: Iterable[str]) -> list[Resource]:
    """What is there under one of these, by two indexes: joined, a large book would be read whole for each card."""
    wanted, found = list(uids), list[Resource]()
    here = Resource.objects.filter(book=book_id, gone=None)
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        holders = Contact.objects.filter(book=book_id, uid__in=part, deleted=None).values_list("pk", flat=True)
        found += here.filter(uid__in=part)
        found += here.filter(contact__in=list(holders), uid="").select_related("contact")
    return found


def rename(row: Resource, name: str) -> None:
    """What is new in a book gets the name that its program has chosen; what is gone has it no more."""
    Resource.objects.filter(book=row.book_id, key=name_key(name)).exclude(pk=row.pk).delete()
    row.name, row.key = name, name_key(name)
    row.save()


# --- what programs ask ------------------------------------------------------------------------------------------------


def ready(book: Book) -> Collection:
    """The state of the book, all of whose contacts have rows."""
    state = Collection.objects.filter(book=book).first()
    if state is not None and state.begun:
        return state
    with transaction.atomic():
        state = take_number([book.pk])[book.pk]
        if not state.begun:
            _begin(state, book)
    return state


def _begin(state: Collection, book: Book) -> None:
    """Rows may be there already, of before a restore: they keep their names, and numbers go on after theirs."""
    most = Resource.objects.filter(book=book).aggregate(most=Max("number"))["most"] or 0
    state.number, state.begun = max(state.number, most + 1), True
    state.save(update_fields=["number", "begun"])
    rows = Resource.objects.filter(book=book, gone=None)
    known = set(rows.filter(contact__isnull=False).values_list("contact_id", flat=True))
    everybody = Contact.objects.filter(book=book, deleted=None).order_by("pk").values_list("pk", "uid")
    new = [_New(uid, contact_id=pk) for pk, uid in everybody.iterator() if pk not in known]
    for start in range(0, len(new), AT_ONCE):
        _take_in(state, new[start : start + AT_ONCE])
    present = Member.objects.filter(contact__book=book, contact__deleted=None, group__owner=book.owner_id)
    known = set(rows.filter(group__isnull=False).values_list("group_id", flat=True))
    groups = Group.objects.filter(pk__in=present.values("group")).exclude(pk__in=known).order_by("pk")
    _take_in(state, [_New(group_uid(group, book.pk), group_id=group.pk) for group in groups])


def etag(state: Collection, row: Resource) -> str:
    """Strong (RFC 9110 section 8.8.3): another one after each change."""
    return f'"{state.stamp}-{row.pk}-{row.number}"'


def token(state: Collection, *, up_to: tuple[int, int] | None = None, mark: str = "") -> str:
    """RFC 6578 section 4: an URI. ``up_to``: (number, id) of the last row that was told, where not all were. ``mark``:
    what has to be the same for the token to be good."""
    number, pk = up_to or (state.number, 0)
    return f"data:,{state.stamp}-{number}-{pk if up_to else 'all'}" + (f"-{mark}" if mark else "")


def read_token(state: Collection, text: str, *, mark: str = "") -> tuple[int, int] | None:
    """(number, id) after which changes are to be told; None for one that is not ours, or too old."""
    found = re.fullmatch(r"data:,([0-9a-f]{12})-(\d{1,15})-(\d{1,15}|all)(?:-([0-9a-f]+))?", text, re.ASCII)
    if found is None or found[1] != state.stamp or (found[4] or "") != mark:
        return None
    number = int(found[2])
    if not state.forgotten <= number <= state.number:
        return None
    return (number, int(found[3])) if found[3] != "all" else (number + 1, 0)


def since(state: Collection, after: tuple[int, int]) -> QuerySet[Resource]:
    """In the order of their changes, up to the state's."""
    number, pk = after
    later = Q(number__gt=number) | Q(number=number, pk__gt=pk)
    found = Resource.objects.filter(later, book_id=state.pk, number__lte=state.number)
    return found.order_by("number", "pk")


def forget_old() -> None:
    """What has gone long ago is told no more; who asks for it gets everything anew."""
    note_gone(Resource.objects.filter(contact=None, group=None))
    old = Resource.objects.filter(gone__lt=timezone.now() - timedelta(days=HORIZON_DAYS))
    most: Mapping[int, int] = dict(old.order_by().values_list("book_id").annotate(most=Max("number")))
    for book_id, number in most.items():
        Collection.objects.filter(book=book_id, forgotten__lt=number).update(forgotten=number)
    old.delete()
