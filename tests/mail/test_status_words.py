"""Codes of delivery in words."""

from __future__ import annotations

from apps.mail.services.status_words import words


def test_the_detail_first_then_the_subject_else_nothing() -> None:
    assert words("5.1.1") == words("4.1.1") == "There is no such mailbox."
    assert words("5.1.99") == "Something is wrong with the address."
    assert words("5.7.1") == words("5.7.0") == "The receiving system refuses the message by its rules."
    assert words("5.7.26") == "The receiving system could not make sure that the message is really from your domain."
    assert (words("5.0.0"), words("")) == ("", "")
