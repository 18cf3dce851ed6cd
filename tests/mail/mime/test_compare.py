"""An answer beside the message that it answers."""

from __future__ import annotations

import random

import pytest

from apps.mail.mime import compare, flowed
from apps.mail.mime.compare import Block, Kind

ORIGINAL = """Dear all,

The two vehicles cost 5,400 for the season, fuel not included.
The first one is free from the 10th of May until the 30th of June,
the second one from the 1st of June.

Could you tell me until Friday whether we take them?
Who drives the second one?

There is a third vehicle, an older one, for 1,200.

José"""


def compared(answer: str, original: str = ORIGINAL) -> list[Block]:
    return compare.compare(list(flowed.fixed(answer)), list(flowed.fixed(original)))


def quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))


def kinds(blocks: list[Block]) -> list[str]:
    return [block.kind.value for block in blocks]


def pieces(blocks: list[Block]) -> list[tuple[str, str]]:
    return [(piece.what, piece.text) for block in blocks for line in block.changes for piece in line]


def test_what_is_quoted_as_it_was_is_the_same_however_it_is_broken() -> None:
    again = quoted(ORIGINAL).replace("fuel not included", "fuel not\n> included")
    blocks = compared(f"Fine.\n\nOn Thursday José wrote:\n{again}\n")
    assert kinds(blocks) == ["written", "intro", "same"]
    assert blocks[0].text == "Fine."


def test_a_changed_word_is_found() -> None:
    blocks = compared(quoted(ORIGINAL.replace("5,400", "4,500").replace(", fuel not included", "")))
    assert kinds(blocks) == ["same", "changed", "same"]
    told = [piece for piece in pieces(blocks) if piece[0] != "same"]
    assert told == [("gone", "5,400"), ("new", "4,500"), ("gone", "season, fuel not included."), ("new", "season.")]


def test_words_put_into_somebodys_mouth_are_found() -> None:
    blocks = compared(quoted(ORIGINAL.replace("José", "I pay for all of it.\nJosé")))
    assert [block.text for block in blocks if block.kind == Kind.ADDED] == ["I pay for all of it."]
    assert kinds(compared(quoted("Dear all,\nWho drives the second one?\nDear all,"))).count("added") == 0


def test_answers_in_between_stand_out_and_what_is_left_out_is_said() -> None:
    blocks = compared(
        quoted(ORIGINAL[: ORIGINAL.index("\nWho")]) + "\nYes.\n" + quoted("Who drives the second one?") + "\nI do."
    )
    assert [(block.text, block.inline) for block in blocks if block.kind == Kind.WRITTEN] == [
        ("Yes.", True),
        ("I do.", False),
    ]
    (left_out,) = (block for block in blocks if block.kind == Kind.LEFT_OUT)
    assert left_out.lines == ("There is a third vehicle, an older one, for 1,200.", "José")


def test_a_quote_without_marks_is_found() -> None:
    below = ORIGINAL.replace("Friday", "Monday").replace("Who drives", "I do, if nobody else wants to.\nWho drives")
    blocks = compared(f"See below.\n\n-----Original Message-----\nFrom: José\nSent: Thursday\n\n{below}")
    assert kinds(blocks) == ["written", "intro", "same", "changed", "written", "same"]
    assert blocks[4].inline
    assert ("new", "Monday") in pieces(blocks)
    assert kinds(compared("Nothing of it.\nNot a word.")) == ["written"]


def test_scripts_without_blanks_are_compared_by_their_characters() -> None:
    told = pieces(compared("> 会议在星期五下午三点举行", "会议在星期四下午三点举行"))
    assert told == [("same", "会议在星期"), ("gone", "四"), ("new", "五"), ("same", "下午三点举行")]


def test_html_quotes_are_quotes() -> None:
    html = ORIGINAL.replace("\n", "<br>").replace("5,400", "5,500")
    answer = compare.lines_of_html(f"<p>Fine</p><div>On Thursday:</div><blockquote>{html}</blockquote><p>Ann</p>")
    blocks = compare.compare(answer, list(flowed.fixed(ORIGINAL)))
    assert kinds(blocks) == ["written", "intro", "same", "changed", "same", "written"]
    assert compare.text_of_html("<p>Yes</p><blockquote>Come?<br>Now?</blockquote>") == "Yes\n\n> Come?\n> Now?"


@pytest.mark.parametrize(("lines", "words"), [(2000, 1), (2000, 10), (30, 190), (1, 1490)])
def test_hostile_texts_cost_little(lines: int, words: int) -> None:
    """Few words, many times: what comparing is slow with. Counted in comparisons of lines, this has an end."""
    dice = random.Random(7)
    one, other = ("\n".join(" ".join(dice.choices("abcd", k=words)) for _ in range(lines)) for _ in range(2))
    assert compared(quoted(one), other)
