from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import modify_settings

from portal.contracts import Finding, Level
from portal.prefs import PrefPage, bool_pref
from portal.registry import RESERVED, Block, Diagnostic, NavItem, PortalApp, Registry, discover, get_registry
from portal.testing import override_registry, with_apps
from portal.urls import core


def app(name: str = "one", **fields: object) -> PortalApp:
    return PortalApp(id=name, title=name.title(), **fields)


def page(key: str) -> PrefPage:
    return PrefPage(id=f"page.{key}", title="Page", prefs=(bool_pref(key, "A choice", default=True),))


def nav(name: str, order: int = 100) -> NavItem:
    return NavItem(id=name, label=name, url_name="portal:home", order=order)


def block(name: str) -> Block:
    return Block(id=name, title=name, template="x.html", context=lambda request: {})


def check(name: str) -> Diagnostic:
    return Diagnostic(id=name, label=name, run=lambda: [Finding(Level.OK, "fine")])


def test_it_collects_every_installed_app() -> None:
    found = discover()
    assert found.apps[0].id == "portal"
    assert {"auth", "prefs"} <= {a.id for a in found.apps}
    assert found.get("prefs").pref_store is found.pref_store
    assert get_registry() is get_registry()


def test_navigation_is_in_order() -> None:
    registry = Registry([app("one", nav=(nav("last", 300), nav("first", 1))), app("two", nav=(nav("middle", 50),))])
    assert [item.id for item in registry.nav] == ["first", "middle", "last"]


@pytest.mark.parametrize(
    ("first", "second", "claim"),
    [
        ({"nav": (nav("x"),)}, {"nav": (nav("x"),)}, "navigation id 'x'"),
        ({"blocks": (block("x"),)}, {"blocks": (block("x"),)}, "block id 'x'"),
        ({"diagnostics": (check("x"),)}, {"diagnostics": (check("x"),)}, "diagnostic id 'x'"),
    ],
)
def test_two_owners_of_one_id_are_both_named(first: dict, second: dict, claim: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{claim} is claimed by both one and two"):
        Registry([app("one", **first), app("two", **second)])


def test_two_apps_of_one_id_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="app id 'one'"):
        Registry([app("one"), app("one")])


@pytest.mark.parametrize("name", ["", "Tea", "tea time", "tea/time", "1tea", "../x", "tee\n"])
def test_an_id_that_is_no_part_of_an_address_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="is no slug"):
        Registry([app(name)])


@pytest.mark.parametrize("name", ["preferences", "search", "admin", "static", "sign-in"])
def test_an_id_that_is_an_address_of_the_portal_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"/{name}/ is an address of the portal itself"):
        Registry([app(name)])


def test_every_address_of_the_core_is_reserved() -> None:
    firsts = {str(pattern.pattern).partition("/")[0] for pattern in core}
    assert {first for first in firsts if first} | {"admin", "static"} <= RESERVED


def test_a_role_that_can_be_held_once() -> None:
    class Composer:
        def compose_url(self, to: object) -> str:
            return "/"

    with pytest.raises(ImproperlyConfigured, match="one composer, but one and two both"):
        Registry([app("one", composer=Composer()), app("two", composer=Composer())])


def test_a_preference_carries_the_name_of_its_app() -> None:
    assert "one.choice" in Registry([app("one", pref_pages=(page("one.choice"),))]).prefs
    with pytest.raises(ImproperlyConfigured, match=r"'other\.choice' of the app 'one' must begin with 'one'"):
        Registry([app("one", pref_pages=(page("other.choice"),))])


def test_a_misspelt_field_is_an_error_at_once() -> None:
    with pytest.raises(TypeError, match="navs"):
        app("one", navs=())


def test_declarations_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        app("one").title = "Two"
    with pytest.raises(TypeError):
        Registry([app("one")]).blocks["x"] = block("x")


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, portal_py: str | None) -> object:
    """An app in a package of its own, as pip would have put it there."""
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").touch()
    if portal_py is not None:
        (package / "portal.py").write_text(portal_py)
    monkeypatch.syspath_prepend(tmp_path)
    return modify_settings(INSTALLED_APPS={"append": [name]})


@pytest.mark.parametrize(
    ("portal_py", "error", "words"),
    [
        ("import no_such_module_anywhere", ImportError, "no_such_module_anywhere"),
        ("raise RuntimeError('half written')", RuntimeError, "half written"),
        ("", ImproperlyConfigured, r"_app/portal\.py must define PORTAL_APP"),
        ("PORTAL_APP = 'mail'", ImproperlyConfigured, r"_app/portal\.py must define PORTAL_APP"),
    ],
)
def test_a_broken_app_never_vanishes_quietly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portal_py: str, error: type[Exception], words: str
) -> None:
    name = f"broken_{abs(hash(portal_py))}_app"
    with installed(tmp_path, monkeypatch, name, portal_py), pytest.raises(error, match=words):
        discover()


def test_an_app_that_only_knows_django_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [a.id for a in discover().apps]
    with installed(tmp_path, monkeypatch, "plain_django_app", None):
        assert [a.id for a in discover().apps] == before


def test_a_test_can_stand_apps_up_for_a_while() -> None:
    before = get_registry()
    with with_apps(app("guest")) as changed:
        assert get_registry() is changed
        assert changed.get("guest") is not None
        with override_registry(app("alone")):
            assert [a.id for a in get_registry().apps] == ["alone"]
    assert get_registry() is before
