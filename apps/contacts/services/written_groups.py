"""Groups as people to write to: which there are, and who is in them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from apps.contacts import folding
from apps.contacts.models import Contact, Group, Member
from apps.contacts.services import access, groups
from portal.contracts import Address


def seen_by(user_id: int) -> QuerySet[Group]:
    """The groups that this person may write to."""
    return Group.objects.filter(owner_id=user_id)


def called(user_id: int, words: list[str], most: int) -> list[tuple[Group, int]]:
    """Groups in whose name each of the words begins one, with how many people are in them, the very name first.

    Empty ones are left out: nobody would get anything.
    """
    found = seen_by(user_id)
    for word in words:
        found = found.filter(Q(key__startswith=word) | Q(key__contains=f" {word}"))
    exact = " ".join(words)
    every = sorted(found[: groups.MOST], key=lambda group: (group.key != exact, group.key))[: 2 * most]
    counted = ((group, _people(user_id, group).count()) for group in every)
    return [(group, count) for group, count in counted if count][:most]


def addresses(user_id: int, group_id: int) -> list[Address]:
    """Everybody in the group and in the groups in it; who has no address comes with an empty one. Raises
    ``LookupError``."""
    group = seen_by(user_id).filter(pk=group_id).first()
    if group is None:
        raise LookupError(group_id)
    people = _people(user_id, group).order_by("by_given", "pk")
    found: dict[str, Address] = {}
    for each in people:
        key = folding.email_key(each.email) or f"/{each.pk}"
        found.setdefault(key, Address(each.email, "" if each.name == each.email else each.name))
    return list(found.values())


def _people(user_id: int, group: Group) -> QuerySet[Contact]:
    """A group lists whom its owner has put in it; one sees of them whom one may see at all."""
    members = Member.objects.filter(group_id__in=groups.within(group.owner_id, group.pk), contact__isnull=False)
    return access.contacts(user_id).kept().filter(pk__in=members.values("contact_id"))
