"""Templates drawn once and filled, and queries built once."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.utils import translation
from django.utils.safestring import mark_safe

from apps.auth.models import User
from portal.prepared import Prepared
from portal.stencil import Stencil, hole


def test_what_fills_a_hole_is_escaped_and_is_no_hole_itself() -> None:
    stencil = Stencil(f"<b title='{hole('a')}'>100% {hole('b')} {hole('a')}</b>")
    filled = stencil.fill({"a": "<'&>", "b": f"{hole('a')}%(a)s"})
    assert filled.startswith("<b title='&lt;&#x27;&amp;&gt;'>100% ")
    assert filled.endswith("%(a)s &lt;&#x27;&amp;&gt;</b>")
    assert filled.count("&lt;") == 2


@pytest.mark.parametrize("mark", ["\ue000a\ue001", "\ue001", "\ue000"])
def test_our_marks_in_somebodys_words_are_words(mark: str) -> None:
    stencil = Stencil(f"{hole('a')}|{hole('b')}")
    assert stencil.fill({"a": f"<{mark}>", "b": "<b>"}) == f"&lt;{mark}&gt;|&lt;b&gt;"


def test_what_is_safe_stays_as_it_is() -> None:
    assert Stencil(f"{hole('a')}{hole('b')}").fill({"a": mark_safe("<i>"), "b": "<i>"}) == "<i>&lt;i&gt;"


def test_a_fixed_part_speaks_the_language_of_the_page_and_keeps_nobodys_token() -> None:
    page = Template('{% load portal %}{% fixed "portal/_languages.html" frame=frame %}')
    frame = ("en",)  # hashable, as all that is given

    class Request:
        def get_full_path(self) -> str:
            return "/somewhere/?a=1&b=2"

    def drawn(language: str, token: str) -> str:
        with translation.override(language):
            return page.render(Context({"frame": frame, "csrf_token": token, "request": Request()}))

    assert "Language" in drawn("en", "t1")
    assert "Sprache" in drawn("de", "t1")
    assert 'value="t2"' in drawn("en", "t2")
    assert 'value="t1"' not in drawn("en", "t2")
    assert 'value="/somewhere/?a=1&amp;b=2"' in drawn("en", "t2")


def test_a_prepared_query_finds_what_the_query_finds(db: None) -> None:
    people = [User.objects.create_user(name, "a long pass phrase") for name in ("ann", "bert")]
    by_pk = Prepared(lambda pk: User.objects.filter(pk=pk))
    assert [by_pk.objects(person.pk) for person in people] == [[person] for person in people]
    found = by_pk.objects(people[0].pk)[0]
    for field in User._meta.concrete_fields:  # booleans and times as the model gives them
        assert getattr(found, field.attname) == getattr(User.objects.get(pk=found.pk), field.attname)
    assert by_pk.rows(0) == []


def test_a_prepared_query_takes_several_values_and_keeps_those_of_its_own(db: None) -> None:
    person = User.objects.create_user("ann", "a long pass phrase")
    query = Prepared(lambda pk, login: User.objects.filter(pk=pk, login=login, is_active=True).values_list("pk"), 2)
    assert query.rows(person.pk, "ann") == [(person.pk,)]
    assert query.rows(person.pk, "bert") == []
    person.is_active = False
    person.save()
    assert query.rows(person.pk, "ann") == []
