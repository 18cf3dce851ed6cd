from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from apps.prefs.models import Preference, PreferenceDefault
from portal import core_prefs, preferences
from portal.prefs import Pref, PrefPage, bool_pref, choice_pref, int_pref, text_pref
from portal.registry import PortalApp
from portal.testing import with_apps

pytestmark = pytest.mark.django_db

SIZE = int_pref("demo.size", "Messages per page", 50, minimum=10, maximum=200, help="More takes longer to load")
IMAGES = bool_pref("demo.images", "Remote images", False, words="pictures xylophones")
SIGN = text_pref("demo.sign", "Signature", multiline=True, max_length=20)
ORDER = choice_pref("demo.order", "Order", "new", choices=[("new", "Newest first"), ("old", "Oldest first")])
HIDDEN = bool_pref("demo.expert", "Raw headers", False, advanced=True)
PAGE = PrefPage(id="demo.reading", title="Lesen", prefs=(SIZE, IMAGES, SIGN, ORDER, HIDDEN))
VALUES = {"demo.size": "50", "demo.sign": "", "demo.order": "new"}


@pytest.fixture(autouse=True)
def demo() -> Iterator[None]:
    with with_apps(PortalApp(id="demo", title="Demo", pref_pages=(PAGE,))):
        yield


def url(page: PrefPage = PAGE) -> str:
    return reverse("portal:preferences_page", args=[page.id])


def stored() -> dict[str, object]:
    return dict(Preference.objects.values_list("key", "value"))


def send(client: Client, **values: str) -> str:
    data = VALUES | {key.replace("_", ".", 1): value for key, value in values.items()}
    return client.post(url(), data, follow=True).content.decode()


def test_what_changes_is_kept_and_nothing_else(as_alice) -> None:
    page = send(as_alice, demo_size="100", demo_images="on")
    assert stored() == {"demo.size": 100, "demo.images": True}
    assert "Saved." in page and 'value="100"' in page
    assert "Nothing was changed." in send(as_alice, demo_size="100", demo_images="on")


def test_a_wrong_value_is_said_at_its_field_and_nothing_is_kept(as_alice) -> None:
    response = as_alice.post(url(), VALUES | {"demo.size": "9", "demo.images": "on"})
    assert response.status_code == 400
    assert "greater than or equal to 10" in response.content.decode()
    assert stored() == {}


def test_line_ends_of_browsers_do_not_count_as_text(as_alice) -> None:
    send(as_alice, demo_sign="Alice\r\nAdams")
    assert stored()["demo.sign"] == "Alice\nAdams"


def test_one_preference_or_the_page_goes_back_to_the_default(as_alice) -> None:
    send(as_alice, demo_size="100", demo_images="on")
    response = as_alice.post(url(), {"reset": "demo.size"})
    assert response.url.endswith("#pref-demo-size")
    assert stored() == {"demo.images": True}
    as_alice.post(url(), {"reset": ""})
    assert stored() == {}
    assert as_alice.post(url(), {"reset": "portal.theme"}).status_code == 404


def test_a_locked_preference_shows_its_reason_and_cannot_be_changed(as_alice) -> None:
    PreferenceDefault.objects.create(key="demo.images", value=True, locked=True, reason="Security policy of 2026")
    page = as_alice.get(url()).content.decode()
    assert "Set by your administrator" in page and "Security policy of 2026" in page
    send(as_alice, demo_size="20")  # the switch is off in what is sent
    assert stored() == {"demo.size": 20}
    as_alice.post(url(), {"reset": "demo.images"})
    assert "demo.images" not in stored()


def test_a_lock_that_came_since_the_page_was_drawn_is_said(as_alice, monkeypatch) -> None:
    as_alice.get(url())
    from portal.prefs import LockedPref, Prefs

    def locked_meanwhile(self, changes):
        raise LockedPref(["demo.size"])

    monkeypatch.setattr(Prefs, "save", locked_meanwhile)
    response = as_alice.post(url(), VALUES | {"demo.size": "100"})
    assert response.status_code == 400
    assert "Set by your administrator meanwhile" in response.content.decode()


def found(query: str) -> list[Pref]:
    return [hit.pref for hit in preferences.find(query)]


def test_preferences_are_found_by_any_word_without_accents(as_alice) -> None:
    assert IMAGES in found("IMAG") and SIZE not in found("IMAG")
    assert found("xylo rémote") == [IMAGES]
    assert SIZE in found("load")
    assert preferences.find("xyzzy") == [] and preferences.find("  ") == []
    fragment = as_alice.get("/preferences/?q=imag", headers={"HX-Request": "true"}).content.decode()
    assert f"{url()}#pref-demo-images" in fragment and "<html" not in fragment
    assert "1 preference matches" in as_alice.get("/preferences/?q=xylo").content.decode()
    assert f"{url()}#pref-demo-images" in as_alice.get("/search/?q=imag").content.decode()


def test_advanced_ones_stand_behind_a_fold(as_alice) -> None:
    page = as_alice.get(url()).content.decode()
    assert page.index('<details class="mt4"') < page.index('id="pref-demo-expert"')
    assert page.index('id="pref-demo-size"') < page.index('<details class="mt4"')


def test_each_kind_has_its_own_control(as_alice) -> None:
    page = as_alice.get(url()).content.decode()
    assert re.search(r'type="checkbox" name="demo.images" [^>]*class="sw"', page)
    assert page.count('type="radio" name="demo.order"') == 2
    assert '<textarea name="demo.sign"' in page and 'type="number" name="demo.size"' in page
    assert '<select name="portal.time_zone"' in as_alice.get("/preferences/portal.look/").content.decode()


def test_language_and_time_zone_hold_from_the_next_page_on(as_alice) -> None:
    values = {"portal.language": "de", "portal.time_zone": "Asia/Bishkek", "portal.theme": "dark"}
    response = as_alice.post("/preferences/portal.look/", values, follow=True)
    page = response.content.decode()
    assert '<html lang="de" dir="ltr" data-theme="dark">' in page
    assert response["Content-Language"] == "de"
    assert stored() == {core_prefs.LANGUAGE.key: "de", core_prefs.TIME_ZONE.key: "Asia/Bishkek", "portal.theme": "dark"}
    assert (
        '<html lang="ar" dir="rtl"'
        in as_alice.post("/preferences/portal.look/", values | {"portal.language": "ar"}, follow=True).content.decode()
    )


def test_an_unknown_page_is_not_there_and_strangers_have_none(as_alice, client) -> None:
    assert as_alice.get("/preferences/no.such/").status_code == 404
    assert client.get(url()).url.startswith(reverse("portal:sign_in"))


def test_a_page_makes_four_queries(as_alice, django_assert_num_queries) -> None:
    with django_assert_num_queries(4):  # session, user, own preferences, site defaults
        as_alice.get(url())
