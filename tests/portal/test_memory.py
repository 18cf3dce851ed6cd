"""What a process has freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.test import Client

from portal.memory import Keeper, keeper

_RESIDENT = """
import re, sys
from portal.memory import keeper
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
_LARGE = """
if sys.argv[1] == "yes":
    keeper.limit()
pieces = [b""] * 100  # made first: a list that grows among its pieces would keep those below it
for octets in (30_000_000, 20_000_000):  # glibc holds back as much as the largest piece it has seen
    large = b"x" * octets
    del large
before = resident()
for at in range(100):
    pieces[at] = b"%d" % (100 + at) * 100_000
pieces.clear()
print(resident() - before)
"""
_BETWEEN = """
pieces = [b"%d" % (at % 10) * (1000 + at % 7000) for at in range(20_000)]
del pieces[::2], pieces[::3], pieces[::5]
before = resident()
if sys.argv[1] == "yes":
    keeper.tidy_up()
print(before - resident())
"""


def printed(program: str, wanted: str) -> int:
    arguments = [sys.executable, "-c", _RESIDENT + program, wanted]
    return int(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)


def test_what_was_large_is_given_back() -> None:
    assert printed(_LARGE, "yes") < 3_000  # kB
    assert printed(_LARGE, "no") > 6_000, "the C library has changed: this is not needed any more"


def test_what_is_free_between_other_pieces_is_given_back() -> None:
    assert printed(_BETWEEN, "yes") > 5_000
    assert printed(_BETWEEN, "no") < 1_000


def test_it_happens_after_a_request_but_not_after_each(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed: list[int] = []

    class Library:
        @staticmethod
        def malloc_trim(kept: int) -> int:
            trimmed.append(kept)
            return 1

    monkeypatch.setattr(keeper, "_library", Library)
    monkeypatch.setattr(keeper, "_next", 0.0)
    for _ in range(3):
        Client().get("/healthz")
    assert trimmed == [0]


def test_nothing_is_asked_of_another_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    other = Keeper()
    other.limit()
    other.tidy_up()
