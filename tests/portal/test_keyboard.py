"""Keys are declared, shown, changed, and brought back; the palette names where one can go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect

from apps.auth.models import User
from apps.prefs.models import Preference
from portal import shortcuts
from portal.contracts import Place, Shortcut
from portal.registry import PortalApp, get_registry
from portal.testing import with_apps
from tests.support import axe
from tests.support.browsing import page_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = "/preferences/keyboard/"
DEMO = PortalApp(
    id="demo",
    title="Demo",
    shortcuts=(
        Shortcut(key="e", label="Put away", roundcube="Shift+Y"),
        Shortcut(key="g d", label="Drawer"),
        Shortcut(key="x", label="Tick"),
    ),
    places=lambda request: [Place("Bottom drawer", "/help/", "folder")],
)


@pytest.fixture
def demo() -> Iterator[None]:
    with with_apps(DEMO):
        yield


def declared(app: str) -> set[str]:
    """Keys that pages of this app may name."""
    frame = {"/", "z", "?", "Ctrl+K", *(item.key for item in get_registry().nav)}
    return frame | {shortcut.key for each in get_registry().apps if each.id == app for shortcut in each.shortcuts}


def named(app: str) -> set[str]:
    scripts = ROOT / "portal" / "static" / "portal" if app == "portal" else ROOT / "apps" / app / "static"
    found: set[str] = set()
    for path in (*(ROOT / "templates" / app).rglob("*.html"), *scripts.rglob("*.js")):
        if path.suffix == ".html":
            found |= set(re.findall(r'data-key="([^"{]+)"', path.read_text()))
        elif path.name != "keys.js":
            found |= set(re.findall(r'register\(\s*"([^"]+)"', path.read_text()))
    return found


@pytest.mark.parametrize(
    "app",
    ["portal", *(pytest.param(app, marks=pytest.mark.needs_app(app)) for app in ("mail", "contacts"))],
)
def test_every_key_that_a_page_names_is_declared(app: str) -> None:
    by_the_page = {"c"} if app == "portal" else set()  # writing to somebody: as in mail
    assert named(app) - declared(app) - by_the_page == set()
    assert len(named(app)) > 2


def form_of(client: Client) -> dict[str, str]:
    html = client.get(PAGE).content.decode()
    fields = re.findall(r'<input class="in kin"[^>]* name="([^"]+)" value="([^"]*)"', html)
    preset = re.search(r'name="preset" value="(\w+)" checked', html)
    assert preset is not None
    return {"preset": preset[1], **{unescape(name): unescape(value) for name, value in fields}}


def meta(client: Client, path: str = "/") -> dict[str, str]:
    found = re.search(r'<meta name="keys" content="([^"]*)">', client.get(path).content.decode())
    return json.loads(unescape(found[1])) if found else {}


@pytest.mark.django_db
def test_keys_are_changed_and_brought_back(as_alice: Client, demo: None) -> None:
    form = form_of(as_alice)
    assert form["key-demo e"] == "e" and form["key-portal z"] == "z" and meta(as_alice) == {}
    assert as_alice.post(PAGE, form | {"key-demo e": "y", "key-portal z": ""}).status_code == 302
    assert form_of(as_alice)["key-demo e"] == "y"
    assert meta(as_alice) == {"z": ""}  # pages of the app alone have its keys
    assert "usually e" in as_alice.get(PAGE).content.decode()
    as_alice.post(PAGE, {"reset": "yes"})
    assert form_of(as_alice) == form and meta(as_alice) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("keys", ["x", "g", "/", "g d", "Ctrl+W", "Hyper+y", "a b c", "g h"])
def test_keys_that_cannot_be_are_refused_beside_their_field(as_alice: Client, demo: None, keys: str) -> None:
    form = form_of(as_alice)
    answer = as_alice.post(PAGE, form | {"key-demo e": keys})
    assert answer.status_code == 400
    html = answer.content.decode()
    assert 'aria-invalid="true"' in html and f'value="{keys}"' in html  # as typed
    assert not Preference.objects.filter(key="portal.keymap").exists()


@pytest.mark.django_db
def test_a_preset_brings_its_own_keys(as_alice: Client, demo: None) -> None:
    form = form_of(as_alice)
    as_alice.post(PAGE, form | {"key-demo x": "y"})
    as_alice.post(PAGE, form_of(as_alice) | {"preset": "roundcube"})
    usual = {f"key-{line.id}": line.usual for line in shortcuts.lines({}, shortcuts.ROUNDCUBE, {})}
    assert form_of(as_alice) == {"preset": "roundcube", **{name: usual[name] for name in form if name != "preset"}}
    assert meta(as_alice) == {"/": "s", "z": "Shift+Z"}
    as_alice.post(PAGE, form_of(as_alice) | {"preset": "arrows"})
    assert 'data-keys="off"' in as_alice.get("/").content.decode() and meta(as_alice) == {}


@pytest.mark.parametrize("preset", [shortcuts.YURT, shortcuts.ROUNDCUBE])
def test_no_preset_has_keys_that_hide_others(preset: str) -> None:
    clashes = shortcuts.clashes(shortcuts.lines({}, preset, {}))
    assert {key: other.id for key, other in clashes.items()} == {}


@pytest.mark.django_db
def test_what_is_stored_and_makes_no_sense_counts_for_nothing(as_alice: Client, alice: User) -> None:
    Preference.objects.create(user=alice, key="portal.keymap", value={"portal z": "no keys at all"})
    assert meta(as_alice) == {}


@pytest.mark.django_db
def test_the_palette_names_pages_places_and_preferences(as_alice: Client, demo: None) -> None:
    html = as_alice.get("/palette/").content.decode()
    assert "<html" not in html
    for name, url in (("Bottom drawer", "/help/"), ("Home", "/"), ("Keyboard", PAGE)):
        assert re.search(rf'<a class="it" role="option" tabindex="-1" href="{url}">.*?{name}</span>', html), name


@pytest.mark.django_db
def test_a_place_that_cannot_be_asked_costs_no_other(as_alice: Client) -> None:
    def broken(request: object) -> list[Place]:
        raise OSError("no such server")

    with with_apps(PortalApp(id="broken", title="Broken", places=broken)):
        html = as_alice.get("/palette/").content.decode()
    assert "Home" in html and "Broken" not in html


def test_strangers_are_told_nothing(client: Client, db: None) -> None:
    assert client.get("/palette/").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_the_palette_and_changed_keys_in_a_browser(browser: Browser, live_server, as_alice: Client, demo: None) -> None:
    errors: list[str] = []
    page = page_of(as_alice, browser, live_server.url, errors, viewport={"width": 1440, "height": 900})
    page.goto("/")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Find an action, a folder or a person")
    field = palette.get_by_role("combobox")
    expect(field).to_be_focused()
    assert axe.violations(page) == []
    field.fill("bott")
    expect(palette.get_by_role("option")).to_have_count(1)
    expect(palette.get_by_role("option", name="Bottom drawer")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/help/")
    page.keyboard.press("Control+k")
    field.fill("no such thing")
    expect(palette.get_by_text("Nothing is called like that.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    page.goto(PAGE)
    assert axe.violations(page) == []
    undo = page.get_by_label("Undo")
    undo.focus()
    page.keyboard.press("Shift+Y")
    expect(undo).to_have_value("Shift+Y")
    search = page.locator("[name='key-portal /']")
    search.focus()
    page.keyboard.press("Backspace")
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(search).to_have_value("g q")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto("/help/")
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(PAGE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.context.close()
    assert errors == []
