"""Signatures in a text: exchanged where they stand as they were put in, and nowhere else."""

from __future__ import annotations

import pytest

from apps.mail.mime.signature import Signature, exchange, written

ANN, LAB, NONE = Signature("Ann"), Signature("Ann Lee\n\nThe (lab)"), Signature()
NEW = "Hello\n\n-- \nAnn\n"
ABOVE = "\n\n-- \nAnn\n\nOn Monday, Bob wrote:\n> Hello\n> -- \n> Ann\n"
BELOW = "On Monday, Bob wrote:\n> Hello\n\n\n\n-- \nAnn\n"
FORWARD = "\n\n-- \nAnn\n\n---------- Forwarded message ----------\nFrom: Bob\n\n-- \nBob\n"


@pytest.mark.parametrize(("text", "above"), [(NEW, False), (ABOVE, True), (BELOW, False), (FORWARD, True)])
def test_there_and_back_is_nothing(text: str, above: bool) -> None:
    other = exchange(text, ANN, LAB, above=above)
    assert other == text.replace("-- \nAnn\n", "-- \nAnn Lee\n\nThe (lab)\n", 1)
    assert exchange(other, LAB, ANN, above=above) == text
    without = exchange(text, ANN, NONE, above=above)
    assert without.replace("\n", "") == text.replace("-- \nAnn\n", "", 1).replace("\n", "")
    assert exchange(without, NONE, ANN, above=above) == text


@pytest.mark.parametrize(
    "text",
    [
        "Hello\n\n-- \nAnn B.\n",
        "Hello\n\n-- \nAnn\nlab\n",
        "Hello\n\n- \nAnn\n",
        "Hello\n",
        "Hello -- \nAnn\n",
        "> -- \n> Ann\n",
    ],
)
def test_what_was_changed_stays(text: str) -> None:
    assert exchange(text, ANN, LAB, above=False) == text
    assert exchange(text, ANN, NONE, above=False) == text


def test_each_form_is_made_of_the_other() -> None:
    assert Signature.of("", "<b>Ann</b><br>Lab").text == "Ann\nLab"
    assert Signature.of("A & B\n").html_block == '<div dir="auto">-- <br>A &amp; B</div>'
    assert Signature.of("", "").block == Signature.of("", "").html_block == ""
    assert "<b>Ann</b>" in Signature.of("Ann", "<b>Ann</b>").html_block


@pytest.mark.parametrize(
    ("text", "above", "expected"),
    [
        (ABOVE.replace("\n\n--", "mine\n\n--", 1), True, ["mine", "On Monday, Bob wrote:"]),
        (FORWARD.replace("\n\n--", "mine\n\n--", 1), True, ["mine"]),
        ("mine\n\n-- \nAnn, changed\nattached\n\nbelow", True, ["mine", "below"]),
        (BELOW + "more", False, ["On Monday, Bob wrote:"]),
    ],
)
def test_what_the_writer_has_written(text: str, above: bool, expected: list[str]) -> None:
    assert [line for line in written(text, ANN, above=above).split("\n") if line] == expected
