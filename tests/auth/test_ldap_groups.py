"""Groups of the directory as groups of the portal, against OpenLDAP."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from apps.auth.ldap import diagnostics, people
from apps.auth.models import DirectoryGroup, User
from scripts.servers import slapd as ldap
from scripts.servers.slapd import Slapd
from tests.auth.directory import sign_in, signed_in, site

__all__ = ["site"]  # the fixture
pytestmark = pytest.mark.slapd
KINDS = {"member": "groupOfNames", "uniqueMember": "groupOfUniqueNames"}


@pytest.fixture
def base(site: Slapd, settings, request: pytest.FixtureRequest) -> str:
    """A branch for the groups of one test."""
    name = f"g{abs(hash(request.node.nodeid)) % 10**9}"
    site.add(f"dn: ou={name},{ldap.BASE}\nobjectClass: organizationalUnit\n")
    settings.LDAP_GROUP_BASE = f"ou={name},{ldap.BASE}"
    settings.LDAP_GROUP_FILTER = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
    return settings.LDAP_GROUP_BASE


def add(site: Slapd, base: str, name: str, *members: str, attribute: str = "member") -> str:
    dn = f"cn={name},{base}"
    lines = "".join(f"{attribute}: {member}\n" for member in members)
    kind = KINDS.get(attribute, "posixGroup\ngidNumber: 1")
    site.add(f"dn: {dn}\nobjectClass: {kind}\n{lines}")
    return dn


def groups_of(login: str) -> set[str]:
    return set(User.objects.get(login=login).groups.values_list("name", flat=True))


@pytest.mark.parametrize("attribute", ["member", "uniqueMember", "memberUid"])
def test_who_signs_in_is_in_the_groups_that_the_directory_says(site: Slapd, base: str, attribute: str) -> None:
    login = site.new_user()
    add(site, base, "editors", login if attribute == "memberUid" else ldap.dn(login), attribute=attribute)
    add(site, base, "others", "bob" if attribute == "memberUid" else ldap.dn("bob"), attribute=attribute)
    assert signed_in(sign_in(login))
    assert groups_of(login) == {"editors"}
    assert not Group.objects.filter(name="others").exists()


def test_groups_in_groups_count_and_a_circle_ends(site: Slapd, base: str) -> None:
    login = site.new_user()
    inner = add(site, base, "glaciology", ldap.dn(login), f"cn=all,{base}")
    add(site, base, "research", inner)
    add(site, base, "all", f"cn=research,{base}")
    signed_in(sign_in(login))
    assert groups_of(login) == {"glaciology", "research", "all"}


def test_names_with_signs_of_their_own_are_one_name(site: Slapd, base: str) -> None:
    login = site.new_user()
    dn = f"cn=Water\\, ice (R&D)*,{base}"
    site.add(f"dn: {dn}\nobjectClass: groupOfNames\nmember: {ldap.dn(login).upper()}\n")
    outer = add(site, base, "outer", dn)
    assert signed_in(sign_in(login))
    assert groups_of(login) == {"Water, ice (R&D)*", "outer"}
    assert DirectoryGroup.key_of(outer) == DirectoryGroup.key_of(outer.upper().replace(",", ", "))


def test_what_members_may_do_is_what_the_group_may(site: Slapd, base: str) -> None:
    login = site.new_user()
    add(site, base, "helpers", ldap.dn(login))
    signed_in(sign_in(login))
    Group.objects.get(name="helpers").permissions.add(Permission.objects.get(codename="view_user"))
    assert User.objects.get(login=login).has_perm("portal_auth.view_user")
    site.modify(f"dn: cn=helpers,{base}\nchangetype: modify\nreplace: member\nmember: {ldap.dn('bob')}\n")
    people.check()
    assert not User.objects.get(login=login).has_perm("portal_auth.view_user")


def test_a_group_that_was_there_is_joined_by_nobody_from_outside(site: Slapd, base: str) -> None:
    """Or whoever may make groups in the directory could make themselves the portal's administrators."""
    login = site.new_user()
    own = Group.objects.create(name="administrators")
    dn = add(site, base, "administrators", ldap.dn(login))
    signed_in(sign_in(login))
    assert groups_of(login) == set()
    assert any(each.message.startswith("The group administrators is one of") for each in diagnostics.ldap())
    DirectoryGroup.objects.create(group=own, dn=dn, key=DirectoryGroup.key_of(dn))
    signed_in(sign_in(login))
    assert groups_of(login) == {"administrators"}


def test_the_portals_own_groups_keep_their_people(site: Slapd, base: str) -> None:
    login = site.new_user()
    add(site, base, "editors", ldap.dn(login))
    signed_in(sign_in(login))
    User.objects.get(login=login).groups.add(Group.objects.create(name="by hand"))
    site.delete_dn(f"cn=editors,{base}")
    add(site, base, "another", ldap.dn("bob"))
    people.check()
    assert groups_of(login) == {"by hand"}
    assert Group.objects.filter(name="editors").exists()


def test_a_wrong_filter_changes_nothing_and_keeps_nobody_out(site: Slapd, base: str, settings) -> None:
    login = site.new_user()
    add(site, base, "editors", ldap.dn(login))
    signed_in(sign_in(login))
    settings.LDAP_GROUP_FILTER = "(objectClass=nothing)"
    people.check()
    assert groups_of(login) == {"editors"}
    assert "No group is found there." in [each.message for each in diagnostics.ldap()]
    settings.LDAP_GROUP_BASE = "ou=nowhere,dc=example,dc=test"
    assert signed_in(sign_in(login))
    assert groups_of(login) == {"editors"}
    gone = site.new_user()
    signed_in(sign_in(gone))
    site.delete(gone)
    assert people.check().gone == [gone]


def test_administrators_tie_groups(site: Slapd, base: str) -> None:
    own = Group.objects.create(name="press")
    User.objects.create_superuser("boss", "boss-secret-1")
    client = Client()
    client.force_login(User.objects.get(login="boss"), "apps.auth.backends.LocalBackend")
    url = "/admin/portal_auth/directorygroup/"
    page = client.post(f"{url}add/", {"group": own.pk, "dn": "nonsense"})
    assert "This is no distinguished name." in page.content.decode()
    dn = f"cn=Press,{base}"
    assert client.post(f"{url}add/", {"group": own.pk, "dn": dn}).status_code == 302
    again = client.post(f"{url}add/", {"group": Group.objects.create(name="x").pk, "dn": dn.upper()})
    assert "feeds another group" in again.content.decode()
    assert dn in client.get(url).content.decode()
