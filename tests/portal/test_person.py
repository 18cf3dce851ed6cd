"""The page of one person: who they are by the books, and a part from each app that fails or waits by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.test import Client

from portal import people
from portal.contracts import Address, BlockUnavailable, Contact, SearchHit
from portal.registry import PersonPart, PortalApp
from portal.testing import override_registry, with_apps
from portal.views import person as views

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PAGE = "/person/?email=Ann@x.test&email=lee@x.test"


class Book:
    """Knows ann, on a page of hers, and what lee is called."""

    id = "demo.book"
    remote = False

    def complete(self, user: AbstractBaseUser, prefix: str, limit: int) -> list[Contact]:
        return []

    def resolve(self, user: AbstractBaseUser, emails: Sequence[str]) -> Mapping[str, Contact]:
        known = {
            "ann@x.test": Contact(Address("ann@x.test", "Ann <Lee>"), url="/demo/7/", source="Demo"),
            "lee@x.test": Contact(Address("lee@x.test", "A. Lee"), source="Demo"),
        }
        return {email: known[email] for email in emails if email in known}

    def add_url(self, address: Address) -> str:
        return f"/demo/new/?email={address.email}"

    def expand(self, user: AbstractBaseUser, group: str) -> Sequence[Address]:
        raise LookupError(group)


def echo(request: HttpRequest, emails: Sequence[str]) -> Mapping[str, object]:
    return {"notices": [], "badge": " ".join(emails), "link_url": "/all/", "link_label": "All"}


def breaks(request: HttpRequest, emails: Sequence[str]) -> Mapping[str, object]:
    raise RuntimeError("the server behind this part is gone")


def knows_why(request: HttpRequest, emails: Sequence[str]) -> Mapping[str, object]:
    raise BlockUnavailable("The directory is not there.")


def part(name: str, order: int, context=echo, **options) -> PersonPart:
    template = "portal/blocks/notices.html"
    return PersonPart(id=f"demo.{name}", title=name.title(), template=template, context=context, order=order, **options)


PARTS = (
    part("last", 9, lately=lambda request, emails: [SearchHit("3 files", "")]),
    part("first", 1, lately=lambda request, emails: [SearchHit("Budget <1>", "/mail/1/")]),
    part("broken", 3, breaks, lately=breaks),
    part("nothing", 4, lambda request, emails: {}),
    part("away", 5, knows_why),
)
DEMO = PortalApp(id="demo", title="Demo", address_books=(Book(),), person_parts=PARTS)  # type: ignore[arg-type]


@pytest.fixture
def apps() -> Iterator[None]:
    with override_registry(DEMO):
        yield


@pytest.mark.usefixtures("apps")
def test_the_head_says_who_they_are_and_what_can_be_done(as_alice: Client) -> None:
    page = as_alice.get(PAGE).content.decode()
    assert '<h1 class="big" dir="auto">Ann &lt;Lee&gt;</h1>' in page
    assert "<bdi>A. Lee</bdi>" in page
    assert 'href="mailto:ann@x.test"' in page and 'href="mailto:lee@x.test"' in page
    assert 'href="/demo/7/"' in page and "/demo/new/" not in page
    assert 'href="/search/?q=ann%40x.test"' in page
    stranger = as_alice.get("/person/?email=new@x.test").content.decode()
    assert '<h1 class="big" dir="auto">new@x.test</h1>' in stranger
    assert 'href="/demo/new/?email=new@x.test"' in stranger


@pytest.mark.usefixtures("apps")
def test_the_page_asks_no_app_and_each_part_fetches_itself_in_order(as_alice: Client) -> None:
    page = as_alice.get(PAGE).content.decode()
    query = "?email=ann%40x.test&amp;email=lee%40x.test"
    places = [page.index(f'hx-get="/person/parts/demo.{name}/{query}"') for name in ("first", "broken", "last")]
    assert places == sorted(places)
    assert f'<noscript><meta http-equiv="refresh" content="0; url=/person/{query}&amp;all=1"></noscript>' in page


@pytest.mark.usefixtures("apps")
def test_a_part_is_a_card_of_its_own_and_one_that_knows_nothing_is_left_out(as_alice: Client) -> None:
    url = "/person/parts/demo.first/?email=ANN@x.test&email=ann@x.test"
    card = as_alice.get(url, headers=HTMX).content.decode()
    assert card.lstrip().startswith("<section") and 'id="part-demo-first"' in card
    assert '<span class="badge">ann@x.test</span>' in card and 'href="/all/"' in card
    assert as_alice.get("/person/parts/demo.nothing/?email=ann@x.test", headers=HTMX).content == b""
    assert as_alice.get("/person/parts/demo.no/?email=ann@x.test", headers=HTMX).status_code == 404
    whole = as_alice.get(url)
    assert (whole.status_code, whole["Location"]) == (302, "/person/?email=ann%40x.test&all=1#part-demo-first")


@pytest.mark.usefixtures("apps")
def test_one_that_fails_says_so_with_its_reference(as_alice: Client) -> None:
    answer = as_alice.get("/person/parts/demo.broken/?email=ann@x.test", headers=HTMX)
    assert answer.status_code == 200
    card = answer.content.decode()
    assert "This block could not be shown." in card and answer["X-Request-Id"] in card
    assert 'hx-get="/person/parts/demo.broken/?email=ann%40x.test" hx-target="#part-demo-broken"' in card
    away = as_alice.get("/person/parts/demo.away/?email=ann@x.test", headers=HTMX).content.decode()
    assert "The directory is not there." in away


@pytest.mark.usefixtures("apps")
def test_without_scripts_all_stands_in_the_page(as_alice: Client) -> None:
    page = as_alice.get(f"{PAGE}&all=1").content.decode()
    assert '<span class="badge">ann@x.test lee@x.test</span>' in page
    assert "This block could not be shown." in page and "The directory is not there." in page
    assert "part-demo-nothing" not in page and "hx-trigger" not in page and "http-equiv" not in page


@pytest.mark.django_db(transaction=True)
def test_a_part_that_hangs_holds_nobody_up(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ALL_BUDGET", 0.5)
    monkeypatch.setattr(people, "LATELY_BUDGET", 0.5)
    free = threading.Event()

    def hangs(request: HttpRequest, emails: Sequence[str]) -> Mapping[str, object]:
        free.wait(30)
        return {}

    slow = part("slow", 2, hangs, lately=hangs)
    quick = part("quick", 3, lately=lambda request, emails: [SearchHit("Budget", "/mail/1/")])
    with override_registry(PortalApp(id="demo", title="Demo", person_parts=(slow, quick))):
        page = as_alice.get(f"{PAGE}&all=1").content.decode()
        beside = as_alice.get("/person/lately/?email=ann@x.test", headers=HTMX).content.decode()
    free.set()
    assert "This is taking too long just now." in page and 'id="part-demo-quick"' in page
    assert "Budget" in beside and "Not everything could be looked up just now." in beside


@pytest.mark.usefixtures("apps")
def test_the_newest_of_all_parts_stand_beside_a_card(as_alice: Client) -> None:
    lines = as_alice.get("/person/lately/?email=ann@x.test", headers=HTMX).content.decode()
    assert lines.index('href="/mail/1/"') < lines.index('href="/person/?email=ann%40x.test#part-demo-last"')
    assert "Budget &lt;1&gt;" in lines and "3 files" in lines
    assert "Not everything could be looked up just now." in lines
    whole = as_alice.get("/person/lately/?email=ann@x.test")
    assert (whole.status_code, whole["Location"]) == (302, "/person/?email=ann%40x.test")


@pytest.mark.parametrize(
    "query",
    ["", "?email=", "?email=ann", "?email=@", "?email=a%20b@x.test", "?email=%00@x.test", f"?email={'a' * 330}@x"],
)
def test_what_is_no_address_is_nobody(as_alice: Client, query: str) -> None:
    for path in ("/person/", "/person/lately/", "/person/parts/demo.first/"):
        assert as_alice.get(f"{path}{query}").status_code == 404


def test_so_many_addresses_are_asked_about_and_no_more() -> None:
    given = ["A@x.test", "a@X.test", *(f"{n}@x.test" for n in range(30))]
    assert people.addresses(given)[:2] == ("a@x.test", "0@x.test")
    assert len(people.addresses(given)) == people.MOST


@pytest.mark.usefixtures("apps")
def test_nobody_sees_it_without_signing_in() -> None:
    for path in ("/person/", "/person/lately/", "/person/parts/demo.first/"):
        assert Client().get(f"{path}?email=ann@x.test").status_code == 302


def test_an_app_may_not_take_the_address() -> None:
    from django.core.exceptions import ImproperlyConfigured

    with pytest.raises(ImproperlyConfigured, match="/person/"), with_apps(PortalApp(id="person", title="Person")):
        pass
