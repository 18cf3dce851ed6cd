"""Groups of people of any books, and of other groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import Count, F, Q, Value
from django.utils.translation import gettext as _

from apps.contacts import folding
from apps.contacts.models import Contact, Group, Member, Resource
from apps.contacts.services import access, tracking
from apps.contacts.services.keeping import NotKept

MOST = 500
DEEPEST = 10


def key_of(name: str) -> str:
    return folding.key(name)[:100] or name.casefold()[:100]


def within(user_id: int, group_id: int) -> set[int]:
    """Ids of the group and of all groups in it, however deep; a circle ends where it closes."""
    children: dict[int, list[int]] = defaultdict(list)
    pairs = Member.objects.filter(group__owner_id=user_id, child__isnull=False).values_list("group_id", "child_id")
    for parent, child in pairs:
        if child is not None:
            children[parent].append(child)
    found, waiting = {group_id}, [group_id]
    while waiting:
        new = [child for child in children[waiting.pop()] if child not in found]
        found.update(new)
        waiting += new
    return found


def contact_ids(user_id: int, group_id: int) -> set[int]:
    members = Member.objects.filter(group_id__in=within(user_id, group_id), contact__deleted=None)
    return {pk for pk in members.values_list("contact_id", flat=True) if pk is not None}


def counts(user_id: int, viewer: access.Viewer | None = None) -> dict[int, int]:
    """How many contacts that this person sees stand in each group itself, by its id."""
    viewer = viewer or access.Viewer(user_id)
    rows = Member.objects.filter(contact__isnull=False, contact__deleted=None)
    if viewer.shares:
        shared = [share.circle_id for share in viewer.shares if share.circle_id]
        rows = rows.filter(Q(group__owner_id=user_id) | Q(group__in=shared))
        rows = rows.filter(Q(contact__owner_id=user_id) | Q(contact__in=Contact.objects.filter(viewer.others)))
    else:
        # A sum stands in no index: SQLite would go through all of somebody's contacts once for each group.
        rows = rows.annotate(whose=F("contact__owner_id") + Value(0)).filter(group__owner_id=user_id, whose=user_id)
    return dict(rows.values("group_id").annotate(n=Count("pk")).values_list("group_id", "n"))


def make(user_id: int, name: str) -> Group:
    """Raises ``NotKept``."""
    name = " ".join(name.split())[:100]
    if not name:
        raise NotKept(_("Write a name for the group."))
    if Group.objects.filter(owner_id=user_id).count() >= MOST:
        raise NotKept(_("There are at most %(most)d groups.") % {"most": MOST})
    group, new = Group.objects.get_or_create(owner_id=user_id, key=key_of(name), defaults={"name": name})
    if not new:
        raise NotKept(_("There is another group with that name."))
    return group


@transaction.atomic
def rename(group: Group, name: str) -> None:
    """Raises ``NotKept``."""
    name = " ".join(name.split())[:100]
    if not name:
        raise NotKept(_("Write a name for the group."))
    if Group.objects.filter(owner_id=group.owner_id, key=key_of(name)).exclude(pk=group.pk).exists():
        raise NotKept(_("There is another group with that name."))
    group.name, group.key = name, key_of(name)
    group.save(update_fields=["name", "key"])
    tracking.note_groups([group.pk])


@transaction.atomic
def delete(groups: Iterable[Group]) -> None:
    """Nobody in them is touched."""
    ids = [group.pk for group in groups]
    tracking.note_gone(Resource.objects.filter(group__in=ids))
    Group.objects.filter(pk__in=ids).delete()


@transaction.atomic
def add(group: Group, contacts: Iterable[Contact]) -> int:
    known = set(group.members.values_list("contact_id", flat=True))
    new = [Member(group=group, contact=contact) for contact in contacts if contact.pk not in known]
    Member.objects.bulk_create(new, ignore_conflicts=True, batch_size=1000)
    tracking.note_groups([group.pk])
    return len(new)


@transaction.atomic
def remove(group: Group, contacts: Collection[Contact]) -> int:
    """Those that stand in it themselves; who is there by a group within it stays."""
    gone = group.members.filter(contact__in=[contact.pk for contact in contacts]).delete()[0]
    tracking.note_groups([group.pk])
    return gone


@transaction.atomic
def put_in(child: Group, parents: Collection[Group]) -> None:
    """``child`` stands in exactly these groups. Raises ``NotKept`` for a circle."""
    below = within(child.owner_id, child.pk)
    if any(parent.pk in below for parent in parents):
        raise NotKept(_("A group cannot be in itself, or in a group that is in it."))
    child.parents.exclude(group__in=parents).delete()
    known = set(child.parents.values_list("group_id", flat=True))
    Member.objects.bulk_create([Member(group=parent, child=child) for parent in parents if parent.pk not in known])
