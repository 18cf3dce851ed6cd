"""Colleagues and their groups while somebody writes, and copies of their cards, against OpenLDAP."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from apps.auth.models import User
from apps.directory import offers
from apps.directory.offers import Cards, Colleagues
from apps.directory.services import lists, people
from apps.directory.services.directories import clients
from portal import addressing
from scripts.servers.staff import Staff, group_dn, login
from tests.directory import world
from tests.directory.world import offered, one, running, site, source, use
from tests.support.mailserver import DeafServer

__all__ = ["offered", "site"]  # fixtures
pytestmark = [*world.needs, pytest.mark.django_db, pytest.mark.usefixtures("offered", "patient")]


@pytest.fixture
def own() -> Iterator[Staff]:
    with running(people=20) as server:
        yield server


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found is no matter of how busy the machine is: how long it may take is a test of its own."""
    for module, name in ((offers, "COMPLETE"), (offers, "RESOLVE"), (offers, "EXPAND")):
        monkeypatch.setattr(module, name, 30.0)
    for name in ("COMPLETE_BUDGET", "RESOLVE_BUDGET", "EXPAND_BUDGET"):
        monkeypatch.setattr(addressing, name, 30.0)


@pytest.fixture
def user(db: None) -> User:
    return get_user_model().objects.create_user("anna", "anna's own 1", email="anna@ims.example")


def test_colleagues_are_found_by_the_beginnings_of_their_names(site: Staff, user: User) -> None:
    person = one(login(3))
    for prefix in (person.given[:4], person.family[:4], person.mail, f"{person.family} {person.given}"):
        far = addressing.complete_far(user=user, prefix=prefix, limit=50)
        assert not far.silent
        hit = next(each for each in far.contacts if each.address.email == person.mail)
        assert (hit.address.name, hit.source) == (person.name, "Institute")
        assert hit.url == f"/directory/{person.key}/"
    assert addressing.complete(user=user, prefix=person.mail) == []  # nobody waits for it
    assert addressing.complete_far(user=user, prefix="Librarian").contacts == []  # titles are for the pages


def test_accents_are_no_obstacle_while_writing(site: Staff, user: User) -> None:
    people.search(people.Question(query="u00001"))
    names = {each.address.name for each in addressing.complete_far(user=user, prefix="wojcik", limit=20).contacts}
    assert any("Wójcik" in name for name in names)


@pytest.mark.parametrize("prefix", ["*", "(", "\\", "\0", "", " ", ")(uid=*"])
def test_odd_beginnings_find_nobody(site: Staff, user: User, prefix: str) -> None:
    assert addressing.complete_far(user=user, prefix=prefix).contacts == []


def test_who_is_behind_addresses(site: Staff, user: User) -> None:
    person = one(login(4))
    found = addressing.resolve(user=user, emails=[person.mail.upper(), "nobody@ims.example"], far=True)
    assert {email: each.address.name for email, each in found.items()} == {person.mail: person.name}


def test_groups_are_offered_with_their_number_and_their_people_written_to(site: Staff, user: User) -> None:
    far = addressing.complete_far(user=user, prefix="ice-r")
    [group] = [each for each in far.contacts if each.group]
    assert (group.address.name, group.members, group.source) == ("ice-radar", 5, "Institute")
    names = {each.name for each in addressing.expand(user=user, group=group.group).addresses}
    assert names == {one(login(number)).name for number in range(5)}


def test_groups_in_groups_and_a_circle(own: Staff, user: User, settings: Any) -> None:
    use(settings, source(own))
    own.modify(
        f"dn: {group_dn('ice-radar')}\nchangetype: modify\nadd: member\nmember: {group_dn('everybody-radar')}\n"
        f"member: uid=gone,ou=people,dc=example,dc=test\n"
    )
    [client] = clients().values()
    [group] = lists.found(client, "everybody", most=5, seconds=5)
    assert [each.login for each in lists.members(client, group.key, seconds=5)]
    logins = {each.login for each in lists.members(client, group.key, seconds=5)}
    assert logins == {login(number) for number in range(8)}


@pytest.mark.parametrize("key", ["staff.g", "staff.gAAAA", "other.gAAAA", "staff.k12", "", "staff", "staff.g%%"])
def test_what_is_no_group_is_written_to_by_nobody(site: Staff, user: User, key: str) -> None:
    with pytest.raises(LookupError):
        Colleagues().expand(user, key)


def test_a_person_or_another_branch_is_no_group(site: Staff, user: User, settings: Any) -> None:
    [client] = clients().values()
    person = one(login(2))

    def key(dn: str) -> str:
        return f"staff.g{base64.urlsafe_b64encode(dn.encode()).decode().rstrip('=')}"

    for dn in (person.dn, "cn=ice-radar,ou=groups,dc=elsewhere", f"cn=none,{group_dn('x').partition(',')[2]}"):
        with pytest.raises(LookupError):
            lists.members(client, key(dn), seconds=5)


def test_a_group_that_is_too_large_is_refused_whole(site: Staff, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST", 3)
    [client] = clients().values()
    [group] = lists.found(client, "ice-radar", most=5, seconds=5)
    with pytest.raises(lists.TooMany):
        lists.members(client, group.key, seconds=5)


def test_one_of_two_that_is_silent_is_left_out_in_time(
    site: Staff, user: User, settings: Any, deaf_server: DeafServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = one(login(3))
    monkeypatch.setattr(addressing, "COMPLETE_BUDGET", 5.0)
    monkeypatch.setattr(offers, "COMPLETE", 4.0)
    deaf = source(site, name="deaf", url=f"ldap://127.0.0.1:{deaf_server.port}")
    use(settings, source(site), deaf)
    started = time.monotonic()
    far = addressing.complete_far(user=user, prefix=person.mail)
    assert time.monotonic() - started < 8
    assert [each.address.email for each in far.contacts] == [person.mail]
    use(settings, deaf)
    far = addressing.complete_far(user=user, prefix=person.mail)
    assert (far.contacts, far.silent) == ([], True)


def test_a_directory_that_wants_peoples_own_passwords_says_nothing_here(site: Staff, user: User, settings: Any) -> None:
    person = one(login(3))
    use(settings, source(site, as_user=True))
    assert addressing.complete_far(user=user, prefix=person.mail).contacts == []
    with pytest.raises(OSError, match="own"):
        Cards().cards(user, [person.key])


def test_cards_hold_what_the_directory_knows_and_the_picture(site: Staff, user: User) -> None:
    person = one(login(7))
    found = Cards().cards(user, [person.key, "staff.kAAAA", "nonsense"])
    assert list(found) == [person.key]
    text = found[person.key]
    assert f"FN:{person.name}" in text
    assert f":{person.mail}" in text
    assert "PHOTO:data:image/jpeg;base64," in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


@pytest.mark.needs_app("contacts")
def test_a_colleague_is_taken_into_the_contacts_and_kept_fresh(own: Staff, user: User, settings: Any) -> None:
    from apps.contacts.services import keeping, taking

    use(settings, source(own))
    person = one(login(7))
    made = taking.take(user, "directory.people", person.key)
    assert made.photo
    own.modify(f"dn: {person.dn}\nchangetype: modify\nreplace: title\ntitle: Chief of winds\n")
    people.forget()
    assert taking.at_night() == 1
    card = keeping.document(made)
    assert card.text("TITLE") == "Chief of winds"
    value = card.first("TITLE")
    assert value is not None
    assert card.sources[value.source].kind == "directory"
    made.refresh_from_db()
    assert (made.name, made.email) == (person.name, person.mail)
