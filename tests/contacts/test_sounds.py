"""Spellings of one name, in whatever script and language; and names that only look like it."""

from __future__ import annotations

import pytest

from apps.auth.models import User
from apps.contacts import nicknames, sounds
from apps.contacts.models import Contact
from apps.contacts.services import likeness
from tests.contacts.world import add

SPELLINGS = (
    "Жанар Zhanar Schanar Janar",
    "محمد Muhammad Mohamed Mohammed",
    "حسين Hussein Husayn",
    "فاطمة Fatima",
    "مروان Marwan",
    "محمود Mahmoud",
    "الحسن Hassan",
    "Müller Mueller Muller",
    "Юлия Julia Yulia Iuliia",
    "Екатерина Jekaterina Ekaterina Yekaterina",
    "Алексей Aleksej Alexei Aleksey",
    "Dmitri Dimitrij Дмитрий",
    "Чернышёв Tschernyschow Chernyshev",
    "Шевченко Schewtschenko Shevchenko",
    "Ходжаев Khodjaev Khodzhaev",
    "Γιώργος Giorgos",
    "Жумабек Dschumabek Jumabek",
    "خالد Khaled Khalid",
)
OTHERS = (
    "Mario Maria",
    "Tim Tom",
    "Anna Hanna",
    "Alexander Alexandra",
    "Jan Jana",
    "Oleg Olga",
    "Omar Amir",
    "Salim Salma",
    "Dana Dina",
    "Hasan Hussein",
    "منى مريم",
    "Юлиана Ульяна",
    "张 郑",
)


def pairs(line: str) -> list[tuple[sounds.Word, sounds.Word]]:
    first, *others = (sounds.words(name)[0] for name in line.split())
    return [(first, other) for other in others]


@pytest.mark.parametrize("line", SPELLINGS)
def test_spellings_of_one_name_sound_alike(line: str) -> None:
    assert [pair for pair in pairs(line) if not sounds.alike(*pair)] == []


@pytest.mark.parametrize("line", OTHERS)
def test_other_names_do_not(line: str) -> None:
    assert [pair for pair in pairs(line) if sounds.alike(*pair)] == []


def test_nicknames_of_several_languages() -> None:
    for one, other in (("william", "bill"), ("aleksandr", "sasha"), ("jose", "pepe"), ("katharina", "kathe")):
        assert nicknames.related(one, other) and nicknames.related(other, one), (one, other)
    assert not nicknames.related("bill", "bob") and not nicknames.known("zzz")


def test_numbers_with_and_without_their_country() -> None:
    same = [("555010142", "555010142"), ("455512345", "55512345"), ("545551234", "5551234")]
    assert all(likeness.same_number(*pair) and likeness.same_number(*reversed(pair)) for pair in same)
    other = [("555010142", "555010143"), ("123456789", "6789"), ("12345678", "2345678")]
    assert not any(likeness.same_number(*pair) for pair in other)


@pytest.mark.django_db
def test_the_search_finds_arabic_names_by_how_others_write_them(alice: User) -> None:
    add(alice, "محمد الحسن")
    add(alice, "Mahmut Hason")
    found = [[each.name for each in Contact.objects.of(alice.pk).matching(query)] for query in
             ("muhammad", "Mohamed hassan", "محمد", "mahmut", "hans")]  # fmt: skip
    assert found == [["محمد الحسن"], ["محمد الحسن"], ["محمد الحسن"], ["Mahmut Hason"], []]
