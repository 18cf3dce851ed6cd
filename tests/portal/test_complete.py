from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from django.urls import reverse

from portal import addressing
from portal.contracts import MOST_COUNTED, Address, Contact, SearchHit
from portal.registry import HelpTopic, PortalApp
from portal.templatetags.portal import hue_of, initials_of
from portal.testing import override_registry, with_apps
from tests.auth.world import sign_in, world
from tests.support.books import ScriptedBook, shelf

__all__ = ["world"]  # the fixture
pytestmark = pytest.mark.django_db
BOB = Contact(Address("bob@example.test", "Bob <b>Brown</b>"), url="/people/1/", source="Contacts")


class Book:
    id = "demo.book"
    remote = False

    def complete(self, user, prefix, limit):
        return [BOB] if prefix == "bo" and user.login in ("alice", "carol") else []

    def resolve(self, user, emails):
        return {}

    def add_url(self, address):
        return ""

    def expand(self, user, group):
        raise LookupError(group)


class Finder:
    id, label = "demo.finder", "Found by demo"

    def search(self, request, query, limit):
        if query == "break":
            raise ConnectionError
        return [SearchHit("<i>Tea</i>", "/tea/", "with milk")] if query == "tea" else []


@pytest.fixture(autouse=True)
def demo() -> Iterator[None]:
    topic = HelpTopic(id="demo.tea", title="Making tea", template="portal/help/home.html")
    app = PortalApp(
        id="demo", title="Demo", address_books=(Book(),), search_providers=(Finder(),), help_topics=(topic,)
    )
    with with_apps(app):
        yield


def test_completion_is_json_for_scripts_and_a_fragment_for_htmx(as_alice, client) -> None:
    url = reverse("portal:complete")
    assert as_alice.get(url, {"q": "bo"}).json()["contacts"] == [
        {"name": "Bob <b>Brown</b>", "email": "bob@example.test", "source": "Contacts", "url": "/people/1/"}
        | {"initials": initials_of(BOB.address), "hue": hue_of(BOB.address)}
    ]
    fragment = as_alice.get(url, {"q": "bo"}, headers={"HX-Request": "true"}).content.decode()
    assert 'data-email="bob@example.test"' in fragment and "<b>" not in fragment
    assert as_alice.get(url).json() == {"contacts": []}
    assert as_alice.get(url, {"q": "x" * 10_000}).status_code == 200
    assert client.get(url, {"q": "bo"}).status_code == 302


def test_search_shows_what_each_app_found_and_who_did_not_answer(as_alice, client) -> None:
    page = as_alice.get("/search/", {"q": "tea"}).content.decode()
    assert "Found by demo" in page and "&lt;i&gt;Tea&lt;/i&gt;" in page and 'href="/tea/"' in page
    assert "1 result for" in page
    assert "No answer from here just now" in as_alice.get("/search/", {"q": "break"}).content.decode()
    assert "Nothing found" in as_alice.get("/search/", {"q": "xyzzy"}).content.decode()
    assert "Type above what you are looking for." in as_alice.get("/search/").content.decode()
    assert client.get("/search/").status_code == 302


def test_help_shows_the_topics_of_all_apps(as_alice) -> None:
    page = as_alice.get("/help/demo.tea/").content.decode()
    assert '<h1 class="big">Making tea</h1>' in page and "Home page and preferences" in page
    assert as_alice.get("/help/").status_code == 200
    assert as_alice.get("/help/no.such/").status_code == 404


def test_a_session_without_the_browsers_half_of_the_key_learns_no_address(client, settings, world) -> None:
    assert sign_in(client).status_code == 302
    url = reverse("portal:complete")
    assert client.get(url, {"q": "bo"}).status_code == 200
    del client.cookies[settings.CREDENTIALS_COOKIE_NAME]
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.get(url, {"q": "bo"}, headers=headers)
        assert answer.status_code == 401
        assert b"bob@" not in answer.content


# --- books of other servers, groups, second looks ---------------------------------------------------------------------


FAR = ScriptedBook(
    people=[Address("bo@far.test", "Bo Far")],
    groups={"Bo and all, (x)": [Address(f"b{n}@far.test") for n in range(3)] + [Address("", "No Address")]},
)


def asked(client, **query) -> dict:
    answer = client.get(reverse("portal:complete"), query)
    assert answer.status_code == 200
    found: dict = answer.json()
    return found


def test_books_of_other_servers_answer_in_a_second_answer_only(as_alice) -> None:
    with with_apps(shelf(FAR, id="far")):
        FAR.calls.clear()
        first = asked(as_alice, q="bo")
        assert [each["email"] for each in first["contacts"]] == ["bob@example.test"] and first["far"] is True
        assert FAR.calls == []
        second = asked(as_alice, q="bo", far="1")
        assert [each["name"] for each in second["contacts"]] == ["Bo Far", "Bo and all, (x)"]
        assert "far" not in second and "note" not in second
        assert asked(as_alice, q="  ") == {"contacts": []} and asked(as_alice, q=" ", far="1") == {"contacts": []}
    assert "far" not in asked(as_alice, q="bo")


def test_a_dead_directory_is_said_and_a_slow_one_left_behind(client, transactional_db, world, monkeypatch) -> None:
    sign_in(client)
    monkeypatch.setattr(addressing, "COMPLETE_BUDGET", 1.0)
    over = threading.Event()
    slow = ScriptedBook(id="slow.book", hangs=over, people=[Address("bo@slow.test")])
    with with_apps(shelf(ScriptedBook(dead=True, id="dead.book"), slow, FAR, id="far")):
        started = time.monotonic()
        assert [each["email"] for each in asked(client, q="bo")["contacts"]] == ["bob@example.test"]
        answer = asked(client, q="bo", far="1")
        assert time.monotonic() - started < 20
        assert answer["note"] == "The directory does not answer."
        assert "bo@far.test" in [each["email"] for each in answer["contacts"]]
        calls = slow.calls.copy()
        for _ in range(2 * addressing.MOST_FAR):
            assert asked(client, q="bo", far="1")["note"]
        assert len(slow.calls) - len(calls) <= addressing.MOST_FAR  # it has its share of threads, and no more
        assert threading.active_count() < 50
        over.set()  # those threads end


def test_resolving_asks_other_servers_only_where_that_is_said(alice) -> None:
    with with_apps(shelf(FAR, id="far")):
        FAR.calls.clear()
        assert addressing.resolve(user=alice, emails=["bo@far.test"]) == {} and FAR.calls == []
        found = addressing.resolve(user=alice, emails=["BO@far.test"], far=True)
        assert found["bo@far.test"].address.name == "Bo Far"


def people(client, **query) -> tuple[int, dict]:
    answer = client.get(reverse("portal:people_of_group"), query)
    return answer.status_code, answer.json()


def test_a_group_tells_its_people(as_alice, client) -> None:
    near = ScriptedBook(
        id="near.book",
        remote=False,
        groups={
            "Office": [Address("o@x.test", "Olga"), Address("O@x.test"), Address("", "Bo Berg"), Address("p@x.test")],
            "Crowd": [Address(f"c{n}@x.test") for n in range(51)],
        },
    )
    with with_apps(shelf(near, FAR, id="shelf")):
        (office,) = asked(as_alice, q="off")["contacts"]
        assert (office["name"], office["email"], office["people"]) == ("Office", "", "4 people")
        status, answer = people(as_alice, group=office["group"])
        assert status == 200 and answer["people"] == "2 people"
        assert answer["addresses"] == [{"name": "Olga", "email": "o@x.test"}, {"name": "", "email": "p@x.test"}]
        assert answer["note"] == "1 person has no address: Bo Berg"
        status, answer = people(as_alice, name="crowd")
        assert (status, answer["keep"], answer["members"]) == (200, True, 51) and "addresses" not in answer
        (far,) = [each for each in asked(as_alice, q="bo and", far="1")["contacts"] if "group" in each]
        assert far["group"] == "demo.directory/Bo%20and%20all%2C%20%28x%29"
        assert people(as_alice, group=far["group"])[1]["keep"] is True
        for wrong in ({"group": "near.book/None"}, {"group": "no.book/1"}, {"group": "x"}, {"name": "none"}, {}):
            assert people(as_alice, **wrong)[0] == 404
        FAR.dead = True
        assert people(as_alice, group=far["group"]) == (503, {"error": "The directory does not answer."})
        assert people(as_alice, name="none")[0] == 503
        FAR.dead = False
        fragment = as_alice.get(reverse("portal:complete"), {"q": "off"}, headers={"HX-Request": "true"})
        assert "4 people" in fragment.content.decode()
    assert client.get(reverse("portal:people_of_group")).status_code == 302


def test_a_name_that_is_known_with_another_address_is_marked(as_alice, alice) -> None:
    alice.email = "alice@ims.example"
    alice.save()
    book = ScriptedBook(
        id="near.book",
        remote=False,
        people=[
            Address("anna@evil.test", "Anna Adams"),
            Address("anna@ims.example", "Anna Adams"),
            Address("annika@ims.example", "Annika"),
            Address("annika@lms.example", "Somebody"),
        ],
    )
    with with_apps(shelf(book, id="near")):
        marks = {each["email"]: each.get("warning", "") for each in asked(as_alice, q="ann")["contacts"]}
    assert marks == {
        "anna@evil.test": "You know this name with another address: anna@ims.example",
        "anna@ims.example": "",
        "annika@ims.example": "",
        "annika@lms.example": "This address looks like one of ims.example, and is not",
    }


def test_groups_find_room_among_many_people_who_are_written_to(alice) -> None:
    people = [Contact(Address(f"bo{n}@x.test"), rank=9.0 - n) for n in range(9)]

    class Full(Book):
        id = "full.book"

        def complete(self, user, prefix, limit):
            groups = [Contact(Address("", f"Bo {n}"), group=str(n), members=2) for n in range(4)]
            return [*people[:limit], *groups]

    with override_registry(PortalApp(id="full", title="Full", address_books=(Full(),))):
        found = addressing.complete(user=alice, prefix="bo")
    assert [each.rank for each in found] == [9, 8, 7, 6, 5, 4, 0, 0]
    assert [each.group for each in found[6:]] == ["full.book/0", "full.book/1"]


def test_a_very_large_group_is_not_counted_to_the_end(as_alice) -> None:
    crowd = [Address(f"c{n}@x.test") for n in range(MOST_COUNTED + 1)]
    with with_apps(shelf(ScriptedBook(id="near.book", remote=False, groups={"Crowd": crowd}), id="near")):
        assert asked(as_alice, q="crowd")["contacts"][0]["people"] == "more than 1000 people"
