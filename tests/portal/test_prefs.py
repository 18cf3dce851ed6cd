from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from django.contrib.auth.models import AnonymousUser
from hypothesis import given
from hypothesis import strategies as st

from portal.contracts import Json, Override
from portal.prefs import (
    BadValue,
    LockedPref,
    Prefs,
    bool_pref,
    choice_pref,
    int_pref,
    json_pref,
    text_pref,
)
from portal.registry import get_registry

SIZE = int_pref("mail.page_size", "Messages on a page", 50, minimum=10, maximum=200)
SOUND = bool_pref("mail.sound", "Play a sound", default=False)
ORDER = choice_pref("mail.order", "Order", "newest", choices=[("newest", "Newest first"), ("oldest", "Oldest first")])
SIGNATURE = text_pref("mail.signature", "Signature", multiline=True, max_length=500)


class Person:
    pk = 7
    is_authenticated = True


class Store:
    """Keeps values in memory, as a store may."""

    def __init__(self, own: dict[str, Json] | None = None, overrides: dict[str, Override] | None = None) -> None:
        self.own = own or {}
        self.given = overrides or {}
        self.loads = 0

    def load(self, user: object) -> Mapping[str, Json]:
        self.loads += 1
        return dict(self.own)

    def save(self, user: object, changes: Mapping[str, Json]) -> None:
        self.own.update(changes)

    def reset(self, user: object, keys: Collection[str]) -> None:
        for key in keys:
            self.own.pop(key, None)

    def overrides(self, user: object) -> Mapping[str, Override]:
        return self.given


def prefs(own: dict[str, Json] | None = None, **overrides: Override) -> Prefs:
    return Prefs(Person(), Store(own, {key.replace("__", "."): value for key, value in overrides.items()}))


def test_the_declared_default_holds_when_nobody_says_more() -> None:
    assert prefs()[SIZE] == 50


def test_the_site_default_stands_over_the_declared_one() -> None:
    assert prefs(mail__page_size=Override(100))[SIZE] == 100


def test_the_persons_choice_stands_over_the_site_default() -> None:
    assert prefs({"mail.page_size": 20}, mail__page_size=Override(100))[SIZE] == 20


def test_a_lock_stands_over_everything() -> None:
    mine = prefs({"mail.page_size": 20}, mail__page_size=Override(100, locked=True, reason="Slow line"))
    assert mine[SIZE] == 100
    assert mine.lock(SIZE).reason == "Slow line"
    assert mine.lock(SOUND) is None


@pytest.mark.parametrize("bad", [9, 201, "50", None, True, 50.0, [50], {"x": 1}])
def test_a_stored_value_that_does_not_fit_counts_as_absent(bad: Json) -> None:
    assert prefs({"mail.page_size": bad})[SIZE] == 50
    assert prefs({"mail.page_size": bad}, mail__page_size=Override(100))[SIZE] == 100


def test_a_lock_with_a_value_that_does_not_fit_gives_the_declared_default() -> None:
    assert prefs({"mail.page_size": 20}, mail__page_size=Override("many", locked=True))[SIZE] == 50


def test_everything_is_loaded_once() -> None:
    mine = prefs()
    assert (mine[SIZE], mine[SOUND], mine[ORDER], mine[SIGNATURE]) == (50, False, "newest", "")
    assert mine.store.loads == 1


def test_saving_stores_what_changed_and_reads_it_back() -> None:
    mine = prefs({"mail.sound": True})
    mine.save({SIZE: 25})
    assert mine[SIZE] == 25
    assert mine.store.own == {"mail.sound": True, "mail.page_size": 25}
    mine.reset([SIZE])
    assert mine[SIZE] == 50
    assert mine.is_default(SIZE)
    assert not mine.is_default(SOUND)


def test_a_locked_preference_cannot_be_saved_and_takes_nothing_else_along() -> None:
    mine = prefs(mail__page_size=Override(100, locked=True))
    with pytest.raises(LockedPref) as raised:
        mine.save({SOUND: True, SIZE: 25})
    assert raised.value.keys == {"mail.page_size"}
    assert mine.store.own == {}


def test_a_lock_set_meanwhile_holds_on_save() -> None:
    mine = prefs()
    assert mine[SIZE] == 50
    mine.store.given = {"mail.page_size": Override(100, locked=True)}
    with pytest.raises(LockedPref):
        mine.save({SIZE: 25})


def test_a_value_that_does_not_fit_is_not_saved_and_takes_nothing_else_along() -> None:
    mine = prefs()
    with pytest.raises(BadValue):
        mine.save({SOUND: True, SIZE: 5})
    assert mine.store.own == {}


def test_who_is_not_signed_in_has_defaults_and_saves_nothing() -> None:
    store = Store({"mail.page_size": 20})
    nobody = Prefs(AnonymousUser(), store)
    assert nobody[SIZE] == 50
    with pytest.raises(LockedPref):
        nobody.save({SIZE: 25})
    assert store.loads == 0


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_stored_value_ever_breaks_a_page(value: Json) -> None:
    for pref in (SIZE, SOUND, ORDER, SIGNATURE):
        found = prefs({pref.key: value})[pref]
        assert type(found) is type(pref.default)
        assert pref.read(pref.write(found)) == found


def test_form_fields_give_what_read_takes() -> None:
    assert SIZE.read(SIZE.form_field().clean("25")) == 25
    assert SOUND.read(SOUND.form_field().clean("on")) is True
    assert SOUND.read(SOUND.form_field().clean(None)) is False
    assert ORDER.read(ORDER.form_field().clean("oldest")) == "oldest"
    assert SIGNATURE.read(SIGNATURE.form_field().clean("a\r\nb\r\n")) == "a\nb\n"
    assert SIZE.form_field().initial == 50
    assert SIZE.form_field().label == "Messages on a page"


def test_a_structured_value() -> None:
    def read(value: Json) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BadValue("a list of names")
        return tuple(value)

    blocks = json_pref("portal.blocks", "Blocks", ("a", "b"), read=read, write=list)
    mine = prefs({"portal.blocks": ["c"]})
    assert mine[blocks] == ("c",)
    mine.save({blocks: ("d", "e")})
    assert mine.store.own == {"portal.blocks": ["d", "e"]}
    assert prefs({"portal.blocks": "c"})[blocks] == ("a", "b")
    with pytest.raises(TypeError):
        blocks.form_field()


def test_every_declared_default_of_every_app_is_a_value_of_its_preference() -> None:
    for key, pref in get_registry().prefs.items():
        assert pref.read(pref.write(pref.default)) == pref.default, key
