"""Contacts that may be the same person, with the reason; and making one of two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from apps.contacts.card import Card, Value, kept_source
from apps.contacts.models import Change, Contact, Different, Favourite, File, Key, Member, Undertaking
from apps.contacts.properties import BY_NAME, label_of
from apps.contacts.services import groups, keeping
from apps.contacts.services.keeping import Doing

MOST_PAIRS = 200
MOST_ALIKE = 20  # contacts with one number or name: more are an office, not a person
SIMILAR_UP_TO = 20_000  # contacts, beyond which names that differ by a letter are not looked for
LEAST_NAME = 7  # letters: shorter names are alike by chance
KINDS = (Key.Kind.EMAIL, Key.Kind.PHONE, Key.Kind.NAME)
SIMILAR = "s"
TOGETHER = {"N": "FN"}  # a choice that goes with another one
ONCE = frozenset({"FN", "N", "BDAY", "ANNIVERSARY", "PHOTO", "TZ", "X-PHONETIC-FIRST-NAME", "X-PHONETIC-LAST-NAME"})


@dataclass(frozen=True, slots=True)
class Pair:
    one: Contact  # the older one
    other: Contact
    reason: str  # a ``Key.Kind``, or SIMILAR
    key: str = ""

    @property
    def words(self) -> str:
        return {
            Key.Kind.EMAIL.value: _("Same mail address"),
            Key.Kind.PHONE.value: _("Same phone number"),
            Key.Kind.NAME.value: _("Same name"),
            SIMILAR: _("Names that differ by one letter"),
        }[self.reason]


def find(user_id: int) -> list[Pair]:
    """The strongest reasons first, each pair once. Their number is remembered for the side column."""
    denied = set(Different.objects.filter(one__owner_id=user_id).values_list("one_id", "other_id"))
    found: dict[tuple[int, int], tuple[str, str]] = {}
    for one, other, reason, key in _alike(user_id):
        pair = (min(one, other), max(one, other))
        if pair not in denied and pair not in found:
            found[pair] = (reason, key)
        if len(found) >= MOST_PAIRS:
            break
    people = Contact.objects.select_related("book").in_bulk({pk for pair in found for pk in pair})
    pairs = [
        Pair(people[a], people[b], reason, key)
        for (a, b), (reason, key) in found.items()
        if a in people and b in people
    ]
    cache.set(_counted(user_id), len(pairs), 24 * 3600)
    return pairs


def known(user_id: int) -> int | None:
    """How many pairs there were when somebody last looked: counting them takes too long for every page."""
    count: int | None = cache.get(_counted(user_id))
    return count


def _counted(user_id: int) -> str:
    return f"contacts.pairs.{user_id}"


def _alike(user_id: int) -> Iterator[tuple[int, int, str, str]]:
    mine = Key.objects.filter(owner_id=user_id, contact__deleted=None)
    for kind in KINDS:
        many = mine.filter(kind=kind).values("key").annotate(n=Count("contact")).filter(n__gt=1, n__lte=MOST_ALIKE)
        keys = list(many.order_by("key").values_list("key", flat=True)[: MOST_PAIRS * 2])
        together: dict[str, list[int]] = defaultdict(list)
        for key, pk in mine.filter(kind=kind, key__in=keys).order_by("contact_id").values_list("key", "contact_id"):
            together[key].append(pk)
        for key in keys:
            ids = together[key]
            yield from ((ids[0], other, kind.value, key) for other in ids[1:])
    if Contact.objects.of(user_id).kept().count() <= SIMILAR_UP_TO:
        yield from _similar(mine.filter(kind=Key.Kind.NAME).order_by("contact_id").values_list("key", "contact_id"))


def _similar(names: Iterable[tuple[str, int]]) -> Iterator[tuple[int, int, str, str]]:
    """Names that become the same when one letter is left out of each, or of one: one letter too few, too many, another
    one, or two that changed places."""
    seen: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for name, pk in names:
        if len(name) < LEAST_NAME:
            continue
        told: set[int] = set()
        for at in range(-1, len(name)):
            shape = hash(name if at < 0 else name[:at] + name[at + 1 :])
            for other_name, other in seen[shape][:5]:
                if other != pk and other not in told and other_name != name:
                    told.add(other)
                    yield other, pk, SIMILAR, ""
            seen[shape].append((name, pk))


def of_contact(contact: Contact) -> Pair | None:
    """The strongest reason to take somebody else for this one."""
    denied = {pk for pair in Different.objects.filter(one=contact).values_list("other_id") for pk in pair}
    denied |= {pk for pair in Different.objects.filter(other=contact).values_list("one_id") for pk in pair}
    own = list(contact.keys.filter(kind__in=KINDS).values_list("kind", "key"))
    for kind in KINDS:
        keys = [key for of, key in own if of == kind]
        alike = Key.objects.filter(owner_id=contact.owner_id, kind=kind, key__in=keys, contact__deleted=None)
        rows = alike.exclude(contact=contact).exclude(contact__in=denied).select_related("contact__book")
        found = list(rows.order_by("contact_id")[: MOST_ALIKE + 1])
        if found and len(found) <= MOST_ALIKE:
            return Pair(contact, found[0].contact, kind.value, found[0].key)
    return None


def are_different(one: Contact, other: Contact) -> None:
    """ "Not the same" is remembered."""
    first, second = sorted((one.pk, other.pk))
    Different.objects.get_or_create(one_id=first, other_id=second)
    cache.delete(_counted(one.owner_id))


# --- merging ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One property of both: either this or that (``once``), or each value by itself."""

    name: str
    label: str
    once: bool
    one: tuple[Value, ...]
    other: tuple[Value, ...]

    @property
    def same(self) -> bool:
        return [value.text for value in self.one] == [value.text for value in self.other]


def choices(one: Card, other: Card) -> list[Choice]:
    """In the order of the form; what nobody edits comes last."""
    names = dict.fromkeys([*BY_NAME, "PHOTO", *(value.name for card in (one, other) for value in card.values)])
    found = []
    for name in names:
        mine, theirs = tuple(one.all(name)), tuple(other.all(name))
        if (mine or theirs) and name not in TOGETHER:
            found.append(Choice(name, label_of(name) if name != "FN" else _("Name"), name in ONCE, mine, theirs))
    return found


def taken(one: Card, other: Card, *, from_other: Collection[str], left_out: Collection[str]) -> Card:
    """``one`` with what is chosen of ``other``: of ``ONCE`` the properties ``from_other`` (and those that ``one`` has
    not), of all others everything but ``left_out`` ("one:3", "other:7"). Each value keeps its source."""
    card = Card([], dict(one.sources), one.next)
    for value in one.values:
        replaced = value.name in ONCE and TOGETHER.get(value.name, value.name) in from_other and other.first("FN")
        if not replaced and f"one:{value.id}" not in left_out:
            card.values.append(value)
    for value in other.values:
        if value.name in ONCE:
            wanted = TOGETHER.get(value.name, value.name) in from_other or not card.first(value.name)
        else:
            wanted = f"other:{value.id}" not in left_out and not any(_repeats(value, known) for known in card.values)
        if wanted:
            key = kept_source(card.sources, other.sources[value.source])
            card.values.append(replace(value, id=card.next, source=key))
            card.next += 1
    return card


def _repeats(value: Value, known: Value) -> bool:
    return value.name == known.name and value.text.casefold() == known.text.casefold()


@transaction.atomic
def merge(
    one: Contact, other: Contact, doing: Doing, *, from_other: Collection[str] = (), left_out: Collection[str] = ()
) -> Undertaking:
    """Into ``one``; ``other`` goes to the trash. Raises ``Outdated``."""
    before = keeping.document(one)
    card = taken(before, keeping.document(other), from_other=from_other, left_out=left_out)
    whole = Undertaking.objects.create(
        owner_id=one.owner_id, kind=Undertaking.Kind.MERGE, title=other.name, book=one.book
    )
    together = replace(doing, kind="merge", text=other.name, whole=whole)
    keeping.write(one, before, card, together, version=one.version, kind=Change.Kind.MERGED)
    keeping.throw_away([other], together)
    whole.options = _take_places(one, other)
    whole.options |= {"one": one.pk, "other": other.pk}
    whole.save(update_fields=["options"])
    cache.delete(_counted(one.owner_id))
    return whole


def _take_places(one: Contact, other: Contact) -> dict[str, object]:
    """``one`` stands in the groups of ``other`` too, and has its files; returns what that has changed."""
    there = set(one.memberships.values_list("group_id", flat=True))
    new = [each.group for each in other.memberships.select_related("group") if each.group_id not in there]
    for group in new:
        groups.add(group, [one])
    stars = Favourite.objects.filter(contact=other).exclude(
        user__in=Favourite.objects.filter(contact=one).values("user")
    )
    users = list(stars.values_list("user_id", flat=True))
    Favourite.objects.bulk_create([Favourite(user_id=pk, contact=one) for pk in users])
    files = list(File.objects.filter(contact=other).values_list("pk", flat=True))
    File.objects.filter(pk__in=files).update(contact=one)
    return {"groups": [group.pk for group in new], "favourites": users, "files": files}


@transaction.atomic
def unmerge(whole: Undertaking, doing: Doing) -> None:
    """Both are as they were: to the byte, where nothing was changed since."""
    if whole.state != Undertaking.State.DONE:
        return
    for change in whole.changes.select_related("contact", "book").order_by("-pk"):
        keeping.undo(change, doing)
    one = whole.options["one"]
    Member.objects.filter(contact_id=one, group__in=whole.options["groups"]).delete()
    Favourite.objects.filter(contact_id=one, user__in=whole.options["favourites"]).delete()
    files = File.objects.filter(contact_id=one, pk__in=whole.options.get("files", []))
    files.update(contact_id=whole.options["other"])
    Undertaking.objects.filter(pk=whole.pk).update(state=Undertaking.State.UNDONE)
