"""Groups as people to write to: which there are, and who is in them."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice

from django.db.models import F, Q, QuerySet, Value

from apps.contacts import folding
from apps.contacts.models import Contact, Group, Member
from apps.contacts.services import access, groups
from apps.contacts.services.access import Viewer
from portal.contracts import MOST_COUNTED, Address


def seen_by(viewer: Viewer) -> QuerySet[Group]:
    """The groups that this person may write to: own ones, and those that are shared with them."""
    shared = [share.circle_id for share in viewer.shares if share.circle_id]
    return Group.objects.filter(Q(owner_id=viewer.user_id) | Q(pk__in=shared))


def called(user_id: int, words: list[str], most: int) -> list[tuple[Group, int]]:
    """Groups in whose name each of the words begins one, with how many people are in them, the very name first.

    Empty ones are left out: nobody would get anything.
    """
    viewer = Viewer(user_id)
    found = seen_by(viewer)
    for word in words:
        found = found.filter(Q(key__startswith=word) | Q(key__contains=f" {word}"))
    exact = " ".join(words)
    every = sorted(found[: groups.MOST], key=lambda group: (group.key != exact, group.key))[: 2 * most]
    within = _within(every)
    counted = ((group, _count(viewer, within[group.pk])) for group in every)
    return list(islice((pair for pair in counted if pair[1]), most))


def addresses(user_id: int, group_id: int) -> list[Address]:
    """Everybody in the group and in the groups in it; who has no address comes with an empty one. Raises
    ``LookupError``."""
    viewer = Viewer(user_id)
    group = seen_by(viewer).filter(pk=group_id).first()
    if group is None:
        raise LookupError(group_id)
    members = Member.objects.filter(group_id__in=groups.within(group.owner_id, group.pk), contact__isnull=False)
    people = access.contacts(user_id, viewer).kept().filter(pk__in=members.values("contact_id"))
    found: dict[str, Address] = {}
    for each in people.order_by("by_given", "pk"):
        key = folding.email_key(each.email) or f"/{each.pk}"
        found.setdefault(key, Address(each.email, "" if each.name == each.email else each.name))
    return list(found.values())


def _count(viewer: Viewer, group_ids: set[int]) -> int:
    """How many people are in these. A group lists whom its owner has put in it; one sees of them whom one may see at
    all. The members are read first: asked in one, a database reads through all contacts of a book for each group."""
    members = Member.objects.filter(group_id__in=group_ids, contact__isnull=False)
    some = members.order_by().values_list("contact_id", flat=True).distinct()[: 2 * MOST_COUNTED]
    ids = [pk for pk in some if pk is not None]
    seen = access.contacts(viewer.user_id, viewer).kept()
    count = (seen.filter(pk__in=ids) if viewer.shares else _own(viewer, ids)).count()
    if count <= MOST_COUNTED and len(ids) == 2 * MOST_COUNTED:  # most of them are gone
        count = seen.filter(pk__in=members.values("contact_id")).count()
    return min(count, MOST_COUNTED + 1)


def _own(viewer: Viewer, ids: list[int]) -> QuerySet[Contact]:
    """Of these, those of somebody with whom nobody shares. A sum stands in no index: SQLite would go through all of
    their contacts, where it has only to look at these."""
    return Contact.objects.annotate(whose=F("owner_id") + Value(0)).filter(
        pk__in=ids, whose=viewer.user_id, deleted=None
    )


def _within(every: list[Group]) -> dict[int, set[int]]:
    """Each group with those in it, however deep."""
    children: dict[int, list[int]] = defaultdict(list)
    pairs = Member.objects.filter(group__owner_id__in={group.owner_id for group in every}, child__isnull=False)
    for parent, child in pairs.values_list("group_id", "child_id") if every else ():
        if child is not None:
            children[parent].append(child)
    found: dict[int, set[int]] = {}
    for group in every:
        found[group.pk], waiting = {group.pk}, [group.pk]
        while waiting:
            new = [child for child in children[waiting.pop()] if child not in found[group.pk]]
            found[group.pk].update(new)
            waiting += new
    return found
