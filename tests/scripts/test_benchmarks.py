"""What `make bench` is told."""

from __future__ import annotations

from benchmarks.__main__ import words


def test_quick_is_what_nothing_else_was_said_of() -> None:
    assert (words(["--quick"]).sizes, words(["--quick"]).rounds) == ("1000", 10)
    chosen = words(["--quick", "--sizes", "5000", "--rounds=40"])
    assert (chosen.sizes, chosen.rounds, chosen.formats) == ("5000", 40, "maildir")
    assert words([]).formats == "maildir,sdbox"
