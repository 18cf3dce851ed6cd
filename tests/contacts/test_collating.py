"""Names stand where readers of a language look for them: as Chromium's collations say (ECMA-402, CLDR)."""

from __future__ import annotations

import random

import pytest
from django.test import Client
from playwright.sync_api import Browser

from apps.auth.models import User
from apps.contacts import tasks
from apps.contacts.collating import ALPHABETS, LANGUAGES, NATIVE, SCRIPTS, rules
from apps.contacts.models import Sorting
from apps.contacts.prefs import SORTING
from apps.contacts.services import sorting
from portal.prefs import for_user
from tests.contacts.test_people import names
from tests.contacts.world import add

WORDS = 60


def words(language: str, chance: random.Random) -> list[str]:
    """Made of the letters of this language, no two alike."""
    if language in NATIVE:
        letters = ALPHABETS.get(language) or SCRIPTS[NATIVE[language]].replace(" ", "")
    else:
        letters = "abcdefghijklmnopqrstuvwxyz" + "".join(rules(language).codes) * 2
    found = {"".join(chance.choice(letters) for _ in range(chance.randint(1, 4))) for _ in range(WORDS)}
    return sorted(found)


@pytest.mark.browser
def test_two_names_stand_as_in_a_browser(browser: Browser) -> None:
    """Where the browser holds two words for the same letters, nothing is asked."""
    page = browser.new_page()
    asked, wrong = 0, []
    for language in LANGUAGES:
        order = page.evaluate(
            """([language, words]) => {
              const by = new Intl.Collator(language, { sensitivity: "base", ignorePunctuation: true });
              if (by.resolvedOptions().locale.split("-")[0] !== language) return null;
              return words.map((one) => words.map((other) => Math.sign(by.compare(one, other))));
            }""",
            [language, known := words(language, random.Random(7))],
        )
        if order is None:
            continue
        asked += 1
        keys = [rules(language).key(word) for word in known]
        for at, one in enumerate(known):
            for beside, other in enumerate(known):
                if order[at][beside] < 0 and keys[at] > keys[beside]:
                    wrong.append(f"{language}: {one} {other}")
    page.close()
    assert asked > 20
    assert not wrong, " | ".join(wrong)


@pytest.mark.parametrize(
    ("language", "text", "letter"),
    [
        ("sv", "Åsa", "Å"),
        ("sv", "Zoë", "Z"),
        ("da", "Aaberg", "Å"),
        ("cs", "Chytil", "Ch"),
        ("cs", "Čapek", "Č"),
        ("pl", "Łukasz", "Ł"),
        ("de", "Östberg", "O"),
        ("ru", "Ёлкин", "Е"),
        ("ru", "Adams", "A"),
        ("ar", "أحمد", "ا"),
        ("el", "Άννα", "Α"),
        ("ko", "김", "가"),
        ("ka", "ანა", "ა"),
        ("tr", "İnci", "İ"),
        ("sv", "555", "#"),
        ("", "立", "L"),
    ],
)
def test_a_name_stands_under_its_letter(language: str, text: str, letter: str) -> None:
    by = rules(language)
    assert by.letter_of(by.key(text)) == letter
    assert letter == "#" or letter in [each.text for each in by.letters]


def wish(user: User, language: str) -> None:
    for_user(user).save({SORTING: language})


SWEDES = ["Örjan", "Åke", "Bo", "Zara", "Ärla", "Anna"]


@pytest.mark.django_db
def test_who_chooses_a_language_has_its_order_at_once(as_alice: Client, alice: User) -> None:
    for name in SWEDES:
        add(alice, name)
    assert names(as_alice) == ["Åke", "Anna", "Ärla", "Bo", "Örjan", "Zara"]
    wish(alice, "sv")
    assert names(as_alice) == ["Anna", "Bo", "Zara", "Åke", "Ärla", "Örjan"]
    add(alice, "Åsa")
    assert names(as_alice)[3:5] == ["Åke", "Åsa"]
    wish(alice, "")
    assert names(as_alice) == ["Åke", "Anna", "Ärla", "Åsa", "Bo", "Örjan", "Zara"]


@pytest.mark.django_db
def test_a_long_list_is_turned_to_letters_of_that_language(as_alice: Client, alice: User) -> None:
    for number in range(60):
        add(alice, f"Bo {number:02}")
        add(alice, f"Åsa {number:02}")
    wish(alice, "sv")
    page = as_alice.get("/contacts/").content.decode()
    assert 'letter=zb">Å</a>' in page
    assert as_alice.get("/contacts/?in=all&letter=zb")["Location"] == "/contacts/"
    wish(alice, "ru")
    add(alice, "Жанар")
    assert names(as_alice)[0] == "Жанар"


@pytest.mark.django_db
def test_many_are_put_in_place_by_the_worker(as_alice: Client, alice: User, monkeypatch) -> None:
    later: list[int] = []
    monkeypatch.setattr(sorting, "AT_ONCE", 3)
    monkeypatch.setattr(sorting, "BATCH", 4)
    monkeypatch.setattr(tasks.sort_anew, "delay", later.append)
    for name in SWEDES:
        add(alice, name)
    wish(alice, "sv")
    assert names(as_alice) == ["Åke", "Anna", "Ärla", "Bo", "Örjan", "Zara"]  # as they stood
    assert names(as_alice) and later == [alice.pk]  # asked for once
    tasks.sort_anew(alice.pk)
    assert names(as_alice) == ["Anna", "Bo", "Zara", "Åke", "Ärla", "Örjan"]
    assert not Sorting.objects.get().stale


@pytest.mark.django_db
def test_what_no_worker_did_is_done_by_night(as_alice: Client, alice: User) -> None:
    add(alice, "Åke")
    add(alice, "Bo")
    Sorting.objects.create(owner=alice, language="sv", stale=True)
    wish(alice, "sv")
    tasks.forget_old()
    assert names(as_alice) == ["Bo", "Åke"]
