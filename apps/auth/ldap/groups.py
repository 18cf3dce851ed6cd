"""Groups of the directory as groups of the portal: what their members may do is said once, in the administration.

A group of the directory feeds the portal's group that is tied to it (``DirectoryGroup``), and nothing else: whoever may
make groups in the directory cannot join one of the portal's by calling theirs the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from apps.auth.ldap.directory import Entry, Session
from apps.auth.ldap.models import DirectoryGroup
from apps.auth.models import User
from portal.ldap import filters
from portal.ldap.connection import Unavailable

log = structlog.get_logger(__name__)
DEEPEST = 8  # groups in groups
MOST = 500  # groups of one person
MEMBERS = ("member", "uniqueMember")  # with names of entries: groupOfNames, Active Directory; groupOfUniqueNames
AT_ONCE = 20  # names in one question


@dataclass(frozen=True, slots=True)
class Found:
    dn: str
    name: str


def wanted() -> bool:
    return bool(settings.LDAP_URL and settings.LDAP_GROUP_FILTER)


def of_entry(session: Session, entry: Entry) -> list[Found]:
    """The groups that somebody is in, by way of other groups too; a circle ends where it closes. Raises
    ``Unavailable``."""
    own = [filters.equals("memberUid", entry.login)]
    found: dict[str, Found] = {}
    asked, rounds = [entry.dn], 0
    while asked and rounds < DEEPEST and len(found) < MOST:
        new = [each for each in _having(session, asked, own if rounds == 0 else []) if each.dn not in found]
        found.update((each.dn, each) for each in new)
        asked, rounds = [each.dn for each in new], rounds + 1
    return list(found.values())[:MOST]


def _having(session: Session, dns: list[str], more: list[str]) -> Iterable[Found]:
    for start in range(0, len(dns), AT_ONCE):
        some = dns[start : start + AT_ONCE]
        rules = [filters.equals(attribute, dn) for dn in some for attribute in MEMBERS]
        yield from _groups(session, filters.both([settings.LDAP_GROUP_FILTER, filters.either([*more, *rules])]))


def _groups(session: Session, rule: str) -> Iterable[Found]:
    for answer in session.opened.search(settings.LDAP_GROUP_BASE or settings.LDAP_BASE, rule, ["cn"]):
        names = [text.strip() for text in answer.texts("cn")]
        if names and names[0]:
            yield Found(answer.dn, min(names)[:150])


def any_there(session: Session) -> bool:
    return any(True for _group in _groups(session, settings.LDAP_GROUP_FILTER))


def untied(session: Session) -> list[str]:
    """Names of groups there that feed nothing here, as the portal has a group of that name. Raises ``Unavailable``."""
    there = {DirectoryGroup.key_of(each.dn): each.name for each in _groups(session, settings.LDAP_GROUP_FILTER)}
    tied = set(DirectoryGroup.objects.values_list("key", flat=True))
    taken = set(Group.objects.values_list("name", flat=True))
    return sorted({name for key, name in there.items() if key not in tied and name in taken})


@transaction.atomic
def apply(user: User, found: Collection[Found]) -> None:
    """Make this person a member of just those fed groups of the portal. Others, where people are put by hand, stay."""
    wanted = {link.group_id for link in _tied(found)}
    fed = DirectoryGroup.objects.values("group_id")
    now = set(user.groups.filter(pk__in=fed).values_list("pk", flat=True))
    if wanted == now:
        return
    user.groups.remove(*now - wanted)
    user.groups.add(*wanted - now)
    log.info("directory_groups", user=user.pk, joined=len(wanted - now), left=len(now - wanted))


def _tied(found: Collection[Found]) -> list[DirectoryGroup]:
    """What these groups feed; a new one gets a group of its name, where the portal has none of that name already."""
    keys = {DirectoryGroup.key_of(each.dn): each for each in found}
    known = {link.key: link for link in DirectoryGroup.objects.filter(key__in=keys)}
    for key, each in keys.items():
        if key in known:
            continue
        group, new = Group.objects.get_or_create(name=each.name)
        if not new:
            log.warning("directory_group_of_a_taken_name", group=each.name)
            continue
        known[key], _new = DirectoryGroup.objects.get_or_create(key=key, defaults={"group": group, "dn": each.dn})
    return list(known.values())


def at_sign_in(session: Session, entry: Entry) -> list[Found] | None:
    """None where they are not asked for, or cannot be: people come in with those that they had."""
    if not wanted():
        return None
    try:
        session.bind_as_portal()
        return of_entry(session, entry)
    except Unavailable as error:
        log.warning("directory_groups_unavailable", reason=str(error))
        return None


def check(session: Session, present: dict[str, Entry], users: Iterable[User]) -> None:
    """Everybody's anew. Where no group at all is found any more it is a filter that is wrong, and nothing changes; nor
    where they cannot be asked for: who is gone is to be locked out all the same."""
    if not wanted():
        return
    try:
        if DirectoryGroup.objects.exists() and not any_there(session):
            raise Unavailable("no group at all is found there")
        for user in users:
            apply(user, of_entry(session, present[user.login]) if user.login in present else [])
    except Unavailable as error:
        log.warning("directory_groups_unavailable", reason=str(error))
