"""Words of one's own, of the site and of people's names; what the page of a writer asks for; other apps absent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.auth.models import User
from apps.spellcheck import prefs
from apps.spellcheck.models import SiteWord, Word
from apps.spellcheck.services import checking, dictionaries
from portal.contracts import Address
from portal.prefs import Prefs, for_user
from portal.registry import get_registry
from portal.testing import override_registry
from tests.support.books import ScriptedBook, shelf
from tests.support.spelling import word_lists

PAGE = "/spellcheck/dictionary/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def lists() -> Iterator[None]:
    with word_lists(en="recieved"):
        yield


def marks(client: Client, text: str, **fields: str) -> list[str]:
    answer = client.post("/spellcheck/check/", {"text": text, **fields})
    assert answer.status_code == 200
    units = text.encode("utf-16-le")
    found = json.loads(answer.content)["marks"]
    return [units[2 * at : 2 * (at + length)].decode("utf-16-le") for at, length, _language in found]


def added(client: Client, word: str) -> tuple[int, str]:
    answer = client.post("/spellcheck/add/", {"word": word})
    return answer.status_code, json.loads(answer.content)["text"]


def test_words_come_and_go_by_the_page(as_alice: Client, alice: User, bob: User) -> None:
    assert as_alice.post(PAGE, {"words": "Kraplach zeugma-ish"}).status_code == 302
    html = unescape(as_alice.get(PAGE).content.decode())
    assert "2 words are new." in html and "Kraplach" in html and "zeugma-ish" in html
    assert as_alice.post(PAGE, {"words": "fine x1y"}).status_code == 422
    assert as_alice.post(PAGE, {"words": "  "}).status_code == 422
    listed = SimpleUploadedFile(
        "a.dic", b"3\n# no word\nglop/S\nkraplach\nSnurf\tX\npersonal_ws-1.1 en 2\n", "text/plain"
    )
    assert as_alice.post(PAGE, {"file": listed}).status_code == 302
    export = as_alice.get("/spellcheck/dictionary/export/")
    assert sorted(export.content.decode().split()) == ["Snurf", "glop", "kraplach", "zeugma-ish"]
    assert "dictionary.txt" in export["Content-Disposition"]
    Word.objects.create(user=bob, word="bobword", key="k")
    every = [str(pk) for pk in Word.objects.values_list("pk", flat=True)]
    assert as_alice.post(PAGE, {"remove": every}).status_code == 302
    assert [row.word for row in Word.objects.all()] == ["bobword"]  # nobody removes another's
    assert as_alice.post(PAGE, {"file": SimpleUploadedFile("x", b"a" * 600_000)}).status_code == 422


def test_words_are_right_with_a_capital_but_names_only_so(as_alice: Client) -> None:
    text = "glopp Glopp GLOPP snurff Snurff"
    assert marks(as_alice, text) == ["glopp", "Glopp", "snurff", "Snurff"]
    assert added(as_alice, "glopp") == (200, "“glopp” is in your dictionary now.")
    SiteWord(word="Snurff").save()
    assert marks(as_alice, text) == ["snurff"]
    assert marks(as_alice, text, spell_ignored="snurff") == []
    assert added(as_alice, "two words")[0] == added(as_alice, "x" * 500)[0] == added(as_alice, "")[0] == 422


def test_a_dictionary_has_an_end(as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionaries, "MOST", 3)
    assert dictionaries.add(alice, ["aaaa", "bbbb", "cccc", "dddd"]) == 3
    assert added(as_alice, "eeee") == (422, "Your dictionary is full: it takes 3 words.")
    assert added(as_alice, "aaaa")[0] == 422 and Word.objects.count() == 3


def test_names_of_contacts_are_known_and_books_elsewhere_are_not_asked(as_alice: Client) -> None:
    near = ScriptedBook(id="demo.near", remote=False, people=[Address("z@x.test", "Zhanaraa Tokoevva")])
    far = ScriptedBook(id="demo.far", people=[Address("q@x.test", "Quixtor")])
    dead = ScriptedBook(id="demo.dead", remote=False, dead=True)
    apps = [app for app in get_registry().apps if app.id != "portal"]
    with override_registry(*apps, shelf(near, far, dead)):
        assert marks(as_alice, "Zhanaraa and Tokoevva and Quixtor met a wrod") == ["Quixtor", "wrod"]
    assert far.calls == []


@pytest.mark.needs_app("contacts")
def test_names_of_ones_own_contacts_are_known(as_alice: Client, alice: User) -> None:
    as_alice.post("/contacts/new/", {"given": "Żaneta", "family": "Wójcikowska"})
    from apps.contacts.offers import PersonalBooks

    assert set(PersonalBooks().names(alice, ["Żaneta", "zaneta", "Nobody"])) <= {"Żaneta", "zaneta"}


def test_offsets_are_those_of_scripts(as_alice: Client) -> None:
    answer = as_alice.post("/spellcheck/check/", {"text": "😀 wrod\r\n\r\nthe 😀😀 teh"})
    assert json.loads(answer.content)["marks"] == [[3, 4, "en"], [18, 3, "en"]]  # of the text with \n alone


def test_suggestions_keep_their_budget_and_come_the_next_time(as_alice: Client) -> None:
    answer = json.loads(as_alice.post("/spellcheck/suggest/", {"word": "recieved", "language": "en"}).content)
    assert answer["words"][0] == "received" and answer["whole"]
    for word, language in (("x" * 100_000, "en"), ("", "en"), ("teh", "../../etc"), ("teh", "xx")):
        answer = as_alice.post("/spellcheck/suggest/", {"word": word, "language": language})
        assert json.loads(answer.content)["words"] == []


@pytest.mark.django_db(transaction=True)  # in a transaction nothing has a thread of its own
def test_a_search_that_hangs_holds_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(checking.SPELLER, "suggest", lambda *_asked, **_how: over.wait())
    answer = checking.suggest("teh", "en")
    assert not over.is_set() and answer == checking.Suggested(whole=False)
    over.set()


def test_languages_are_those_that_one_writes(as_alice: Client, alice: User) -> None:
    text = "Das ist nicht gut für uns und die anderen"
    assert marks(as_alice, "Das ist gut")  # the pages are in English
    assert marks(as_alice, text) == []  # so much that is unknown is another language
    page = as_alice.post("/preferences/spellcheck.page/", {prefs.LANGUAGES.key: ["de", "en"], prefs.CAPITALS.key: "on"})
    assert page.status_code == 302
    assert for_user(alice)[prefs.LANGUAGES] == ("de", "en") and for_user(alice)[prefs.CAPITALS]
    assert marks(as_alice, text) == []
    assert marks(as_alice, text, spell_language="en")
    html = as_alice.get("/preferences/spellcheck.page/").content.decode()
    assert html.count("checked") >= 3 and "Deutsch" in html
    Prefs(alice).save({prefs.LANGUAGES: ("xx",)})  # one that is not there any more
    assert marks(as_alice, "This is wrod") == ["wrod"]
    with pytest.raises(Exception, match="list"):
        Prefs(alice).save({prefs.LANGUAGES: ["a" * 50]})  # type: ignore[dict-item]


def test_the_site_has_a_dictionary_in_the_administration(as_admin: Client) -> None:
    add = "/admin/spellcheck/siteword/add/"
    assert as_admin.get(add).status_code == 200
    assert as_admin.post(add, {"words": "Yurtia\nglacierette Snowcat"}).status_code == 302
    assert as_admin.post(add, {"words": "Yurtia newword"}).status_code == 302
    assert sorted(row.word for row in SiteWord.objects.all()) == ["Snowcat", "Yurtia", "glacierette", "newword"]
    assert as_admin.post(add, {"words": "x1"}).status_code == 200
    row = SiteWord.objects.get(word="Snowcat")
    change = f"/admin/spellcheck/siteword/{row.pk}/change/"
    assert as_admin.post(change, {"words": "Snowcats"}).status_code == 302
    assert as_admin.post(change, {"words": "Yurtia"}).status_code == 200  # is there already
    assert SiteWord.objects.get(pk=row.pk).word == "Snowcats"
    assert "glacierette" in as_admin.get("/admin/spellcheck/siteword/?q=glac").content.decode()


def test_hostile_requests_are_bounded_and_answered(as_alice: Client) -> None:
    for text in ("", "\0", "a" * 1_000_000, "\ud7ff\uffff wrod", "<script>alert(1)</script>"):
        assert as_alice.post("/spellcheck/check/", {"text": text, "spell_ignored": "x " * 50_000}).status_code == 200
    assert Client().post("/spellcheck/check/", {"text": "teh"}).status_code in (302, 401)
    assert as_alice.get("/spellcheck/check/").status_code == 405
    assert checking.replaced("teh wrod-teh\n> teh", {"teh": "the"}) == "the wrod-the\n> teh"
