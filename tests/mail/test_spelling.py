"""Spelling on the writing page, without scripts: what is shown, what is asked before a message goes, its absence."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.contrib.auth import get_user_model

from apps.mail.models import remember
from portal.contracts import Address
from portal.prefs import Prefs
from portal.registry import PortalApp, get_registry
from portal.testing import override_registry
from tests.mail.conftest import letter
from tests.mail.desk import Desk, Writer
from tests.support.receiver import PostOffice, arrived, read, text_of
from tests.support.spelling import word_lists

there = pytest.mark.needs_app("spellcheck")
pytestmark = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # the server is asked nothing
TEXT = "I have recieved it.\r\nAll is wierd, and wierd again.\r\n\r\n> quoted recieved\r\n"


@pytest.fixture(autouse=True)
def lists() -> Iterator[None]:
    there = any(app.id == "spellcheck" for app in get_registry().apps)
    with word_lists(en="recieved wierd Kraplach Thansk", de="nähmlich") if there else contextlib.nullcontext():
        yield


def prefer(writer: Writer, **values: object) -> None:
    known = get_registry().prefs
    user = get_user_model().objects.get(login=writer.person.login)
    Prefs(user).save({known[f"spellcheck.{name}"]: value for name, value in values.items()})


def shown(page: Desk) -> list[str]:
    return [unescape(word) for word in re.findall(r'<mark class="misspelt">(.*?)</mark>', page.html)]


def choices(page: Desk) -> dict[str, list[str]]:
    """What each wrong word can become."""
    found = re.findall(r'name="spell_word" value="([^"]*)".*?<select[^>]*>(.*?)</select>', page.html, re.S)
    return {unescape(word): re.findall(r'<option value="([^"]*)"', select) for word, select in found}


@there
def test_the_text_is_shown_with_its_mistakes_and_corrected_by_a_form(writer: Writer, post: PostOffice) -> None:
    from apps.spellcheck.models import Word

    page = writer.new().press("spell", to="bob@example.test", text=TEXT + "Kraplach for me.\r\n")
    assert page.status == 200 and shown(page) == ["recieved", "wierd", "wierd", "Kraplach"]
    assert "=received" in choices(page)["recieved"] and "=weird" in choices(page)["wierd"]
    assert page.value("text") == TEXT + "Kraplach for me.\r\n" and page.value("to") == "bob@example.test"
    given = {"recieved": "=received", "wierd": "-", "Kraplach": "+"}
    fields = {**page.fields, "spell_word": list(given), "spell_to": list(given.values())}
    answer = writer.person.client.post("/mail/@/compose/", {**fields, "action": "correct"})
    page = Desk(writer.person)._stand(answer)
    assert page.value("text") == TEXT.replace("have recieved", "have received") + "Kraplach for me.\r\n"
    assert shown(page) == [] and page.value("spell_ignored") == "wierd"
    assert Word.objects.get().word == "Kraplach"
    assert page.press("spell").tips == ["No misspelt words were found."]


@there
def test_what_is_left_is_asked_about_once_before_it_goes(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    user = get_user_model().objects.get(login=writer.person.login)
    remember(user.pk, [Address("z@example.test", "Zhanara Tokoeva")])
    text = "Zhanara, I have recieved it. Regards\n\n> wrogn\n"
    assert writer.new().press(to=f"{bob}@example.test", text=text).questions == []  # nobody has wished it
    assert len(arrived(post, bob)) == 1
    prefer(writer, before_sending=True)
    page = writer.new().press(to=f"{bob}@example.test", text=text)
    assert page.questions == ["This word may be misspelt: recieved"]
    page = page.press(text=text + "Teh\n")
    assert page.questions == ["These words may be misspelt: Teh, recieved"]
    page = page.press(spell_ignored="Teh recieved")
    assert page.questions == [] and text_of(read(arrived(post, bob)[-1])).startswith("Zhanara, I have recieved")
    rich = {"format": "html", "html": "<div>Teh plan</div><div>Wrogn wrote:</div><blockquote>wrogn</blockquote>"}
    assert writer.new().press(to=f"{bob}@example.test", **rich).questions == ["This word may be misspelt: Teh"]


@there
def test_the_language_of_the_message_is_kept_while_it_is_written(writer: Writer) -> None:
    prefer(writer, languages=["de", "en"])
    page = writer.new().press("spell", text="Die Maschine ist nähmlich neu", spell_language="en")
    assert "Maschine" in shown(page)
    assert re.search(r'<option value="en" lang="en" selected', page.html)
    assert shown(page.press("spell", spell_language="")) == ["nähmlich"]
    assert shown(page.press("spell", spell_language="xx")) == ["nähmlich"]


def test_without_the_app_nothing_of_it_stands_there(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    apps = [app for app in get_registry().apps if app.id not in ("spellcheck", "portal")]
    with override_registry(*apps):
        page = writer.new()
        assert "data-spelling" not in page.html and "spell_" not in page.html
        assert page.press("spell", text="teh").tips == ["No misspelt words were found."]  # an old page's button
        page.press(to=f"{bob}@example.test", text="teh")
    assert len(arrived(post, bob)) == 1


def test_a_checker_that_fails_costs_nothing(writer: Writer, post: PostOffice) -> None:
    class Broken:
        id = "broken.words"

        def __getattr__(self, name: str) -> object:
            raise OSError(name)

    bob = post.new_login()
    apps = [app for app in get_registry().apps if app.id not in ("spellcheck", "portal")]
    with override_registry(*apps, PortalApp(id="broken", title="Broken", spell_checkers=(Broken(),))):
        page = writer.new().press("correct", text="teh")
        assert page.value("text") == "teh"
        page.press(to=f"{bob}@example.test")
    assert len(arrived(post, bob)) == 1


@there
def test_a_reply_is_checked_without_what_it_quotes(writer: Writer) -> None:
    writer.person.receive(letter(text="Teh orignal wrods", subject="Hi"))
    page = writer.on("reply", 1)
    assert shown(page.press("spell", text=f"Thansk\n{page.value('text')}")) == ["Thansk"]
