"""Contacts that may be the same person, with the reason; and making one of two."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Max
from django.utils.translation import gettext as _

from apps.contacts.card import Card, Value, kept_source
from apps.contacts.models import Card as Stored
from apps.contacts.models import Change, Contact, Different, Favourite, File, Group, Key, Origin, Undertaking
from apps.contacts.properties import BY_NAME, label_of
from apps.contacts.services import candidates, groups, keeping, permits
from apps.contacts.services.keeping import Doing
from apps.contacts.services.likeness import LIKELY, SURE, Reason, Traits, Verdict, compare, traits

MOST_PAIRS = 2000
AT_ONCE = 500
TOGETHER = {"N": "FN"}  # a choice that goes with another one
ONCE = frozenset({"FN", "N", "BDAY", "ANNIVERSARY", "PHOTO", "TZ", "X-PHONETIC-FIRST-NAME", "X-PHONETIC-LAST-NAME"})


@dataclass(frozen=True, slots=True)
class Pair:
    one: Contact  # the older one
    other: Contact
    verdict: Verdict

    @property
    def reason(self) -> str:
        """A ``Reason``, the strongest one."""
        return self.verdict.reasons[0].value

    @property
    def key(self) -> str:
        """The address or number that both have."""
        return self.verdict.key

    @property
    def words(self) -> str:
        said = {
            Reason.EMAIL: _("Same mail address"),
            Reason.PHONE: _("Same phone number"),
            Reason.NAME: _("Same name"),
            Reason.SPELLING: _("Same name, written in another way"),
            Reason.NICKNAME: _("A short form of the same name"),
            Reason.TYPED: _("Names that differ by one letter"),
            Reason.LOCAL: _("Mail addresses that are alike"),
            Reason.BIRTHDAY: _("Same birthday"),
            Reason.INITIAL: _("Same initial"),
        }
        return " · ".join(said[reason] for reason in self.verdict.reasons)

    @property
    def certainty(self) -> str:
        if self.verdict.points >= SURE:
            return _("Very likely")
        return _("Likely") if self.verdict.points >= LIKELY else _("Possible")


def find(user_id: int) -> list[Pair]:
    """The most certain first, each pair once. Their number is remembered for the side column."""
    denied = set(Different.objects.filter(one__owner_id=user_id).values_list("one_id", "other_id"))
    found = [each for each in _judged(user_id) if each[0] not in denied][:MOST_PAIRS]
    people = Contact.objects.select_related("book").in_bulk({pk for pair, _verdict in found for pk in pair})
    pairs = [Pair(people[a], people[b], verdict) for (a, b), verdict in found if a in people and b in people]
    cache.set(_counted(user_id), len(pairs), 24 * 3600)
    return pairs


def _judged(user_id: int) -> list[tuple[tuple[int, int], Verdict]]:
    """Remembered until one of the contacts changes."""
    mine = Contact.objects.filter(owner_id=user_id).aggregate(last=Max("changed"), n=Count("pk"))
    state = f"{mine['last']} {mine['n']}"
    kept = cache.get(_remembered(user_id))
    if kept is not None and kept["state"] == state:
        return _unpacked(kept)
    pairs, crowded = candidates.pairs(user_id)
    known = _traits({pk for pair in pairs for pk in pair})
    judged = []
    for one, other in pairs:
        if one in known and other in known and (verdict := compare(known[one], known[other], crowded)) is not None:
            judged.append(((one, other), verdict))
    judged.sort(key=lambda each: (-each[1].points, each[0]))
    rows = [[*pair, each.points, "".join(each.reasons), each.key] for pair, each in judged[: 2 * MOST_PAIRS]]
    cache.set(_remembered(user_id), {"state": state, "rows": rows}, 24 * 3600)
    return judged


def _remembered(user_id: int) -> str:
    return f"contacts.judged.{user_id}"


def _unpacked(kept: dict[str, Any] | None) -> list[tuple[tuple[int, int], Verdict]]:
    rows = kept["rows"] if kept else ()
    return [((a, b), Verdict(points, tuple(map(Reason, said)), key)) for a, b, points, said, key in rows]


def _traits(ids: Collection[int]) -> dict[int, Traits]:
    found: dict[int, Traits] = {}
    waiting = iter(sorted(ids))
    while part := list(itertools.islice(waiting, AT_ONCE)):
        for stored in Stored.objects.filter(pk__in=part):
            found[stored.pk] = traits(stored.document)
    return found


def known(user_id: int) -> int | None:
    """How many pairs there were when somebody last looked: counting them takes too long for every page."""
    count: int | None = cache.get(_counted(user_id))
    return count


def _counted(user_id: int) -> str:
    return f"contacts.pairs.{user_id}"


def of_contact(contact: Contact) -> Pair | None:
    """The strongest reason to take somebody else for this one: those with the same address, number or name, and whoever
    stood beside them when all were last looked through."""
    denied = set(Different.objects.filter(one=contact).values_list("other_id", flat=True))
    denied |= set(Different.objects.filter(other=contact).values_list("one_id", flat=True))
    ids = {pk for pk in _beside(contact) if pk not in denied}
    people = Contact.objects.filter(owner_id=contact.owner_id, pk__in=ids, deleted=None).select_related("book")
    known = _traits({*ids, contact.pk})
    verdicts = [(each, compare(known[contact.pk], known[each.pk])) for each in people if each.pk in known]
    found = [Pair(contact, each, verdict) for each, verdict in verdicts if verdict is not None]
    return max(found, key=lambda pair: (pair.verdict.points, -pair.other.pk), default=None)


def between(one: Contact, other: Contact) -> Pair | None:
    known = _traits({one.pk, other.pk})
    verdict = compare(known[one.pk], known[other.pk])
    return Pair(one, other, verdict) if verdict is not None else None


def _beside(contact: Contact) -> Iterator[int]:
    own = contact.keys.filter(kind__in=(Key.Kind.EMAIL, Key.Kind.PHONE, Key.Kind.NAME)).values_list("kind", "key")
    for kind, key in own:
        alike = Key.objects.filter(owner_id=contact.owner_id, kind=kind, key=key, contact__deleted=None)
        ids = list(alike.exclude(contact=contact).values_list("contact_id", flat=True)[: candidates.MOST_ALIKE + 1])
        if len(ids) <= candidates.MOST_ALIKE:
            yield from ids
    for pair, _verdict in _unpacked(cache.get(_remembered(contact.owner_id))):
        if contact.pk in pair:
            yield pair[0] if pair[1] == contact.pk else pair[1]


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
    """Into ``one``; ``other`` goes to the trash. Both have to be one's own. Raises ``NotKept`` and ``Outdated``."""
    permits.owned(doing.user, [one, other])
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
    origins = list(Origin.objects.filter(contact=other).values_list("pk", flat=True))
    Origin.objects.filter(pk__in=origins).update(contact=one)
    files = list(File.objects.filter(contact=other).values_list("pk", flat=True))
    File.objects.filter(pk__in=files).update(contact=one)
    return {"groups": [group.pk for group in new], "favourites": users, "origins": origins, "files": files}


@transaction.atomic
def unmerge(whole: Undertaking, doing: Doing) -> None:
    """Both are as they were: to the byte, where nothing was changed since."""
    if whole.state != Undertaking.State.DONE:
        return
    for change in whole.changes.select_related("contact", "book").order_by("-pk"):
        keeping.undo(change, doing)
    one = whole.options["one"]
    for group in Group.objects.filter(pk__in=whole.options["groups"]):
        groups.remove(group, list(Contact.objects.filter(pk=one)))
    Favourite.objects.filter(contact_id=one, user__in=whole.options["favourites"]).delete()
    Origin.objects.filter(pk__in=whole.options.get("origins", [])).update(contact_id=whole.options["other"])
    files = File.objects.filter(contact_id=one, pk__in=whole.options.get("files", []))
    files.update(contact_id=whole.options["other"])
    Undertaking.objects.filter(pk=whole.pk).update(state=Undertaking.State.UNDONE)
