"""Dictionaries and what is done with them: without Django, without a database."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.spellcheck.engines import hunspell, language, likeness, speller, words
from apps.spellcheck.engines.helper import Helper
from apps.spellcheck.engines.speller import Speller

NO_HUNSPELL = "chunspell is not installed (requirements-hunspell.txt)"
AFF = "SET UTF-8\nTRY esianrtolcdugmphbyfvkwz\nSFX S Y 1\nSFX S 0 s .\n"
DIC = "4\nglacier/S\ncamp/S\nweather\nOslo\n"


@pytest.fixture(scope="module")
def plain() -> Iterator[Speller]:
    """With pyspellchecker's dictionaries alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hunspell, "dictionaries", dict)
        yield Speller()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("en_US", "en_GB", "nb_NO"):
        (tmp_path / f"{name}.aff").write_text(AFF)
        (tmp_path / f"{name}.dic").write_text(DIC)
    (tmp_path / "en_NZ.aff").symlink_to(tmp_path / "en_GB.aff")
    (tmp_path / "en_NZ.dic").symlink_to(tmp_path / "en_GB.dic")
    (tmp_path / "de_DE.dic").write_text(DIC)  # and no rules
    (tmp_path / "hyph_en_US.dic").write_text("")
    return tmp_path


def wrong(checker: Speller, text: str, *languages: str, known: frozenset[str] = frozenset(), **how: bool) -> list[str]:
    found = checker.check(text, languages or ("en", "de"), known=lambda asked: known & set(asked), **how)
    assert all(text[each.word.offset : each.word.end] == each.word.text for each in found)
    return [each.word.text for each in found]


def looked_at(text: str, *, capitals: bool = False) -> list[str]:
    return [word.text for part in words.paragraphs(text, capitals=capitals) for word in part.words]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("They don’t, it's Ève's", ["They", "don’t", "it's", "Ève's"]),
        ("well-known ‘quoted’ (so)", ["well-known", "quoted", "so"]),
        ("cafe\u0301 na\u00adive", ["cafe\u0301", "na\u00adive"]),
        ("مرحبا بالعالم، שלום", ["مرحبا", "بالعالم", "שלום"]),
        ("می\u200cخواهم हिन्दी", ["می\u200cخواهم", "हिन्दी"]),
        ("at https://example.org/a-b or jo@example.org, see example.org/x.", ["at", "or", "see"]),
        ("/etc/hosts C:\\temp ~/notes and/or a/b/c #tag $HOME", ["and", "or"]),
        ("run `git pusch` now\n```\nteh\n```\nend", ["run", "now", "end"]),
        ("B2B x_y 3rd 12h NATO JavaScript iPhone getName O'Brien’s", ["O'Brien’s"]),
        ("end.The next", ["end", "The", "next"]),
        ("own\n> quoted\n>> twice\nOn Monday Jo wrote:\n> deep\nmore", ["own", "more"]),
        ("text\n\n-- \nJo Signature", ["text"]),
        ("text\n-------- Original message --------\nFrom: Jo\n\nold words", ["text"]),
        ("a I x", []),
    ],
)
def test_only_ones_own_words_are_looked_at(text: str, found: list[str]) -> None:
    assert looked_at(text) == found


def test_capitals_are_looked_at_where_that_is_wished() -> None:
    assert looked_at("READ THIS Now", capitals=True) == ["READ", "THIS", "Now"]


def test_wrong_words_of_two_languages_are_found_where_they_stand(plain: Speller) -> None:
    english = "I have recieved the files, they're arranjed 😀 wierd."
    text = f"{english}\n\nDie Maschiene ist nähmlich neu, und das Entgelt ist da.\n\nBest regards"
    assert wrong(plain, text) == ["recieved", "arranjed", "wierd", "Maschiene", "nähmlich"]
    assert [each.language for each in plain.check(text, ("de", "en"), known=lambda _asked: ())] == ["en"] * 3 + [
        "de"
    ] * 2
    assert wrong(plain, text, known=frozenset({"recieved"})) == ["arranjed", "wierd", "Maschiene", "nähmlich"]
    assert wrong(plain, text, "xx") == []


def test_a_paragraph_in_a_language_that_nobody_has_chosen_is_left_alone(plain: Speller) -> None:
    german = "Das Zelt bleibt morgen leider stehen, weil niemand es abholen möchte."
    assert wrong(plain, f"{german}\n\nThe weathr is fine up here today.", "en") == ["weathr"]
    assert wrong(plain, "Thiss weathr", "en") == ["Thiss", "weathr"]  # too few words to say so


def test_what_hyphens_join_is_wrong_where_a_part_is(plain: Speller) -> None:
    assert wrong(plain, "a well-knwon and self-made thing", "en") == ["knwon"]


@pytest.mark.parametrize(
    ("code", "word", "meant"),
    [
        ("en", "recieved", "received"),
        ("en", "Definately", "Definitely"),
        ("en", "ACCOMODATE", "ACCOMMODATE"),
        ("en", "wierd", "weird"),
        ("en", "alot", "a lot"),
        ("de", "vorraussetzung", "voraussetzung"),
        ("de", "fuer", "für"),
        ("fr", "apartement", "appartement"),
    ],
)
def test_what_was_meant_is_among_the_first_and_keeps_its_capitals(
    plain: Speller, code: str, word: str, meant: str
) -> None:
    assert meant in plain.suggest(code, word, budget=60).words[:3]


def test_what_was_found_is_kept(plain: Speller) -> None:
    first = plain.suggest("en", "seperately", budget=60)
    assert plain.suggest("en", "seperately", budget=0) is first
    assert not plain.suggest("en", "abcdefg", budget=-1).whole  # no time for two edits; asked again, it is searched
    assert plain.suggest("en", "abcdefg", budget=60).whole


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Please send me the files when you can", "en"),
        ("Bitte schicken Sie mir die Dateien", "de"),
        ("Merci de nous envoyer les fichiers", "fr"),
        ("Por favor, envíe los archivos cuando pueda", "es"),
        ("Per favore, mandami i documenti quando puoi", "it"),
        ("Por favor, envie os arquivos quando você puder, não há pressa", "pt"),
        ("Stuur ons de bestanden als het kan", "nl"),
        ("أرسل لي الملفات من فضلك", "ar"),
        ("Пришлите, пожалуйста, файлы", "ru"),
    ],
)
def test_the_language_of_a_paragraph_is_told_among_many(text: str, code: str) -> None:
    every = ["en", "de", "fr", "es", "it", "pt", "nl", "ar", "ru"]
    assert language.detect(text.replace(",", "").split(), every, lambda *_asked: False) == (code, True)


def test_where_small_words_say_nothing_the_dictionaries_do() -> None:
    def knows(code: str, word: str) -> bool:
        return code == "de" and word in {"Gletscher", "Radar", "Lager"}

    assert language.detect(["Gletscher", "Radar", "Lager", "Oslo"], ["en", "de"], knows) == ("de", True)
    assert language.detect(["Radar"], ["en", "de"], knows) == ("de", False)  # one word alone is not sure
    assert language.detect([], ["en", "de"], knows)[1] is False


def test_mistakes_that_people_make_cost_less() -> None:
    def cost(one: str, other: str) -> float:
        return likeness.cost(one, other, 3.0)

    assert cost("fur", "für") < cost("accomodate", "accommodate") < cost("recieve", "receive") < cost("cat", "cap")
    assert cost("cat", "cot") < cost("cat", "cap") and cost("abc", "xyzuvw") > 3.0
    assert likeness.skeleton("definately") == likeness.skeleton("definitely")


HOSTILE = {
    "one word": "a" * 1_000_000,
    "combining storm": "e" + "\u0301" * 500_000,
    "storms": ("a" + "\u0301" * 40 + " ") * 20_000,
    "apostrophes": "a'" * 300_000,
    "hyphens": "a-" * 300_000,
    "dots": "a.b." * 200_000,
    "rules": "-" * 500_000,
    "rules in between": ("---" + "x" * 80 + "\n") * 10_000,
    "backticks": "`a " * 200_000,
    "lines": "\n" * 500_000,
    "quotes": "a:\n>" * 200_000,
    "brackets": "(" * 500_000,
    "directions": "\u202e\u200d\u2066" * 100_000,
    "surrogate": "\ud800 wrod \ud800a" * 1000,
    "nul": "a\0b " * 50_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_text_can_hold_a_worker(plain: Speller, text: str) -> None:
    began = time.thread_time()
    plain.check(text, ("en", "de"), known=lambda _asked: ())
    assert time.thread_time() - began < 3  # of this thread's own time: seconds would be minutes, were it not linear


def test_a_hundred_thousand_wrong_words_are_cut_short(plain: Speller) -> None:
    many = " ".join(
        f"the wr{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676 % 26)}qx" for n in range(100_000)
    )
    asked: list[int] = []
    began = time.thread_time()
    found = plain.check(many, ("en",), known=lambda words: asked.append(len(words)) or ())  # type: ignore[func-returns-value]
    assert len(found) == speller.MOST_MARKS and len(asked) == 1
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    "word", ["q" * 48, "donaudampfschifffahrtsgeselschaftskapitaen", "ä" * 48, "x" * 1_000_000, "aeiouae"]
)
def test_no_word_takes_long(plain: Speller, word: str) -> None:
    plain.suggest("de", "wrm", budget=60)  # reads the dictionary
    began = time.thread_time()
    plain.suggest("de", word, budget=0.3)
    assert time.thread_time() - began < 1.5


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_and_each_word_stands_where_it_says(text: str) -> None:
    for part in words.paragraphs(text, capitals=True):
        for word in part.words:
            assert text[word.offset : word.end] == word.text and 1 < len(word.text) <= words.LONGEST
            assert words.plain(words.plain(word.text)) == words.plain(word.text)


# --- Hunspell ---------------------------------------------------------------------------------------------------------


def test_dictionaries_are_found_by_themselves_each_once(folder: Path, tmp_path: Path) -> None:
    found = hunspell.found([folder, tmp_path / "nowhere"])
    assert {code: path.name for code, path in found.items()} == {"en": "en_US", "en-gb": "en_GB", "nb": "nb_NO"}


def test_hunspell_checks_and_suggests(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hunspell", reason=NO_HUNSPELL)
    monkeypatch.setattr(hunspell, "dictionaries", lambda: hunspell.found([folder]))
    monkeypatch.setattr("apps.spellcheck.engines.helper.PATIENCE", 240)  # of a busy machine
    checker = Speller()
    assert {"nb", "en-gb"} <= set(checker.languages())
    assert wrong(checker, "Glaciers glacier oslo Oslo wether camps", "nb") == ["oslo", "wether"]
    assert "weather" in checker.suggest("nb", "wether", budget=60).words
    assert (
        checker.suggest("en", "glaciar", budget=60).words[0] == "glacier"
    )  # and ranked by how often words are written


def test_a_helper_that_hangs_or_dies_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.spellcheck.engines.helper.PATIENCE", 0.5)
    for code in ("import time; time.sleep(600)", "raise SystemExit", "print('no JSON', flush=True); input(); input()"):
        helper = Helper((sys.executable, "-c", code))
        ticket = helper.ask(Path("/x"), "word")
        assert ticket.wait(0.0) == []
        assert ticket.done.wait(60) and not ticket.answered and ticket.found == []
    gate = Helper((sys.executable, "-c", "import time; time.sleep(600)"))
    waiting = [gate.ask(Path("/x"), "word") for _ in range(30)]
    assert sum(each.refused for each in waiting) >= 20  # told at once


def test_the_helper_sees_nothing_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    helper = Helper(
        (sys.executable, "-c", "import os, json; input(); print(json.dumps(sorted(os.environ)), flush=True)")
    )
    ticket = helper.ask(Path("/x"), "word")
    assert ticket.done.wait(60) and "PATH" in ticket.found and "SECRET_KEY" not in ticket.found


def test_many_threads_may_ask_at_once(plain: Speller) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(wrong(plain, "teh wrod and the word", "en"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2] * 8
