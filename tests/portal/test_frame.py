"""The frame around every page: navigation, account menu, theme, language, icons."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.test import Client, RequestFactory
from django.urls import resolve, reverse
from django.utils import translation

from apps.prefs.models import PreferenceDefault
from portal import core_prefs, nav, prefs
from portal.contracts import Address
from portal.registry import NavItem, PortalApp, get_registry
from portal.templatetags.portal import avatar, hue, icon, initials, marked
from portal.testing import override_registry, with_apps

pytest_plugins = ["tests.support.people"]


def request_for(path: str):
    request = RequestFactory().get(path)
    request.resolver_match = resolve(path)
    return request


def entry(name: str, url_name: str = "portal:home", **options) -> NavItem:
    return NavItem(id=f"demo.{name}", label=name, url_name=url_name, **{"visible": lambda request: True} | options)


def app(*items: NavItem) -> PortalApp:
    return PortalApp(id="demo", title="Demo", nav=items)


# --- navigation ----------------------------------------------------------------------------------------------------


def test_the_rail_follows_the_order_and_leaves_out_what_is_not_for_this_person() -> None:
    hidden = entry("hidden", visible=lambda request: False)
    with override_registry(app(entry("late", order=20), hidden, entry("early", order=10), entry("foot", at_foot=True))):
        built = nav.build(request_for("/"))
    assert [link.label for link in built.rail] == ["early", "late"]
    assert [link.label for link in built.foot] == ["foot"]


def test_an_entry_whose_pages_are_not_mounted_is_left_out() -> None:
    with override_registry(app(entry("gone", url_name="nowhere:index"))):
        assert nav.build(request_for("/")).rail == ()


@pytest.mark.parametrize(("count", "shown", "more"), [(4, 4, 0), (7, 7, 0), (8, 6, 2), (12, 6, 6)])
def test_from_eight_apps_on_the_rest_stands_under_more(count: int, shown: int, more: int) -> None:
    with override_registry(app(*(entry(str(number)) for number in range(count)))):
        built = nav.build(request_for("/"))
    assert (len(built.rail), len(built.rail_more)) == (shown, more)


def test_a_phone_has_four_tabs_and_everything_else_under_more() -> None:
    with override_registry(app(*(entry(str(number)) for number in range(6)), entry("foot", at_foot=True))):
        built = nav.build(request_for("/"))
    assert [link.label for link in built.tabs] == ["0", "1", "2", "3"]
    assert [link.label for link in built.tabs_more] == ["4", "5", "foot"]


def test_a_page_among_an_entrys_children_marks_the_entry() -> None:
    parent = entry("parent", url_name="demo:index", children=(entry("child", url_name="portal:search"),))
    with override_registry(app(entry("home"), parent)):
        assert nav._current(request_for("/search/"), app(entry("home"), parent).nav) is parent


def test_counts_and_keys_stand_at_entries_wherever_they_are(as_alice: Client) -> None:
    """In the rail, under "More" (of both) and at the foot. Each is asked for once: the tabs copy the rail's."""
    entries = [entry(str(number), badge=lambda request: "1", key=f"g {number}") for number in range(9)]
    with with_apps(app(*entries, entry("foot", badge=lambda request: "1", key="g f", at_foot=True))):
        html = as_alice.get("/").content.decode()
    rail, tabs = (html.partition(f'<nav class="{name}"')[2].partition("</nav>")[0] for name in ("rail", "tabs"))
    for name in [*map(str, range(9)), "foot"]:
        assert rail.count(f'data-badge="demo.{name}" hx-get=') == 1, name
        assert tabs.count(f'data-badge="demo.{name}"') == 1, name
        assert rail.count(f'data-key="g {name[0]}"') == 1, name
    assert "hx-get" not in tabs


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", "portal.home"),
        ("/preferences/", "portal.preferences"),
        ("/preferences/portal.look/", "portal.preferences"),
        ("/search/", None),
        ("/help/", None),
    ],
)
def test_the_present_page_is_marked(path: str, current: str | None, alice) -> None:
    request = request_for(path)
    request.user = alice
    built = nav.build(request)
    assert [link.id for link in (*built.rail, *built.foot) if link.current] == ([current] if current else [])


def test_a_page_of_an_app_without_an_entry_of_its_own_marks_the_apps_first_entry() -> None:
    request = request_for("/")
    request.resolver_match.namespace, request.resolver_match.view_name = "demo", "demo:detail"
    with override_registry(app(entry("one", url_name="demo:index"), entry("two", url_name="demo:other"))):
        assert nav._current(request, list(app(entry("one", url_name="demo:index"), entry("two")).nav)).label == "one"


# --- icons and initials --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "html"),
    [
        ("dark", "Use the <mark>dark</mark> look &amp; feel"),
        ("DA feel", "Use the <mark>da</mark>rk look &amp; <mark>feel</mark>"),
        ("ark", "Use the dark look &amp; feel"),
        ("& .", "Use the dark look <mark>&amp;</mark> feel"),
        ("", "Use the dark look &amp; feel"),
    ],
)
def test_what_was_found_is_marked(query: str, html: str) -> None:
    assert marked("Use the dark look & feel", query) == html


@pytest.mark.parametrize(
    ("label", "letters"),
    [
        ("Maren Okafor", "MO"),
        ("Łukasz", "Ł"),
        ("José Ángel Núñez", "JN"),
        ("陈立", "陈"),
        ("田中 優子", "田"),
        ("김 민준", "김"),
        ("Айгерим Токоева", "АТ"),
        ("“Zoë” (O’Connor)", "ZO"),
        ("محمد الحسن", "ما"),
        ("", "?"),
        ("***", "?"),
        ("\u202eevil", "E"),
    ],
)
def test_initials(label: str, letters: str) -> None:
    assert initials(label) == letters


def test_an_avatar_keeps_its_hue_whatever_the_name_and_never_trusts_it() -> None:
    assert hue("Alice@Example.test ") == hue("alice@example.test")
    html = avatar(Address("a@example.test", "<b>"), "md")
    assert f"h{hue('a@example.test')}" in html
    assert "<b>" not in html


def test_an_icon_points_into_the_sprite() -> None:
    assert re.fullmatch(
        r'<svg class="i sm flip" aria-hidden="true"><use href="/static/portal/sprite\.svg#reply"/></svg>',
        icon("reply", "sm flip"),
    )
    assert "/static/portal/sprite-more.svg#server-off" in icon("server-off")  # which no list shows


# --- the page around -----------------------------------------------------------------------------------------------


class Landmarks(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.html: dict[str, str | None] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "html":
            self.html = dict(attrs)


@pytest.mark.parametrize("path", ["/", "/preferences/", "/preferences/portal.look/"])
def test_every_page_has_its_landmarks_once(as_alice: Client, path: str) -> None:
    page = Landmarks(as_alice.get(path).content.decode())
    assert [page.tags.count(tag) for tag in ("main", "h1", "title")] == [1, 1, 1]


@pytest.mark.django_db
def test_the_sign_in_page_needs_no_script_and_has_no_dead_control(client: Client) -> None:
    html = client.get(reverse("portal:sign_in")).content.decode()
    page = Landmarks(html)
    assert page.tags.count("main") == page.tags.count("h1") == 1
    assert re.findall(r'<input[^>]* name="(username|password)"', html) == ["username", "password"]
    assert 'href="#"' not in html


def test_the_theme_is_kept_and_stands_in_the_page_itself(as_alice: Client, alice) -> None:
    assert Landmarks(as_alice.get("/").content.decode()).html["data-theme"] == "system"
    answer = as_alice.post(reverse("portal:set_theme"), {"theme": "dark", "next": "/preferences/"})
    assert (answer.status_code, answer["Location"]) == (302, "/preferences/")
    assert Landmarks(as_alice.get("/").content.decode()).html["data-theme"] == "dark"
    assert prefs.for_user(alice)[core_prefs.THEME] == "dark"


def test_the_theme_goes_nowhere_else_and_takes_nothing_else(as_alice: Client) -> None:
    set_theme = reverse("portal:set_theme")
    assert as_alice.post(set_theme, {"theme": "dark", "next": "https://evil.example/"})["Location"] == "/"
    assert as_alice.post(set_theme, {"theme": "purple"}).status_code == 400
    assert as_alice.get(set_theme).status_code == 405
    assert as_alice.post(set_theme, {"theme": "light"}, headers={"HX-Request": "true"}).status_code == 204


def test_help_stands_in_the_account_menu_where_there_is_any(as_alice: Client) -> None:
    link = f'href="{reverse("portal:help")}"'
    assert link in as_alice.get("/").content.decode()
    assert as_alice.get(reverse("portal:help")).status_code == 200
    with override_registry(*(replace(app, help_topics=()) for app in get_registry().apps)):
        assert link not in as_alice.get("/").content.decode()
        assert as_alice.get(reverse("portal:help")).status_code == 404


LOCKABLE = [("portal.theme", "dark", "set_theme", "theme"), ("portal.language", "de", "set_language", "language")]


def locked(key: str, value: str) -> None:
    PreferenceDefault.objects.create(key=key, value=value, locked=True, reason="House style")


@pytest.mark.parametrize(("key", "value", "view", "name"), LOCKABLE)
def test_what_the_site_has_locked_is_disabled_in_the_account_menu(as_alice: Client, key, value, view, name) -> None:
    controls = re.compile(rf'<button[^>]*name="{name}"[^>]*>')
    before = controls.findall(as_alice.get("/").content.decode())
    assert before
    assert not any(" disabled" in control for control in before)
    locked(key, value)
    html = as_alice.get("/").content.decode()
    assert len(controls.findall(html)) == len(before)
    assert all(" disabled" in control for control in controls.findall(html))
    assert "House style" in html
    assert f'id="{name}-lock"' in html


@pytest.mark.parametrize(("key", "value", "view", "name"), LOCKABLE)
def test_a_choice_that_was_locked_meanwhile_says_so_and_changes_nothing(
    as_alice: Client, alice, key, value, view, name
) -> None:
    locked(key, value)
    choice = {"theme": "light", "language": "ar"}[name]
    answer = as_alice.post(reverse(f"portal:{view}"), {name: choice, "next": "/preferences/"}, follow=True)
    assert answer.redirect_chain == [("/preferences/", 302)]
    (message,) = answer.context["messages"]
    assert message.level_tag == "error"
    assert prefs.for_user(alice)[{"theme": core_prefs.THEME, "language": core_prefs.LANGUAGE}[name]] == value
    assert settings.LANGUAGE_COOKIE_NAME not in as_alice.cookies


def test_the_script_that_changes_the_theme_is_told_too(as_alice: Client) -> None:
    locked("portal.theme", "dark")
    answer = as_alice.post(reverse("portal:set_theme"), {"theme": "light"}, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "Theme" in answer.content.decode()


def test_the_language_of_the_page_is_said_with_its_direction(as_alice: Client) -> None:
    as_alice.post(reverse("portal:set_language"), {"language": "ar"})
    page = Landmarks(as_alice.get("/").content.decode())
    assert (page.html["lang"], page.html["dir"]) == ("ar", "rtl")


def test_badges_are_fetched_after_the_page(as_alice: Client) -> None:
    asked: list[bool] = []

    def count(request) -> str:
        asked.append(True)
        return "9"

    with with_apps(app(entry("mailbox", badge=count))):
        html = as_alice.get("/").content.decode()
        assert asked == []
        assert f'hx-get="{reverse("portal:badge", args=["demo.mailbox"])}"' in html


def test_an_error_page_stands_in_the_frames_style_with_its_reference(client: Client, db) -> None:
    answer = client.get("/nothing-here/")
    html = answer.content.decode()
    assert answer.status_code == 404
    assert Landmarks(html).tags.count("h1") == 1
    assert answer.headers["X-Request-Id"] in html


def test_sizes_are_counted_right_in_arabic() -> None:
    with translation.override("ar"):
        assert filesizeformat(710) == "710\N{NO-BREAK SPACE}بايتات"
        assert filesizeformat(45) == "45\N{NO-BREAK SPACE}بايتًا"
