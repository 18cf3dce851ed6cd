from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import reverse

from portal.contracts import Address, Contact, SearchHit
from portal.registry import HelpTopic, PortalApp
from portal.templatetags.portal import hue_of, initials_of
from portal.testing import with_apps
from tests.auth.world import sign_in, world

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
