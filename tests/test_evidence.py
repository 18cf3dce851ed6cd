"""What docs/security.md, docs/asvs.md and docs/parity.md point to is there: a wrong pointer is worse than none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("docs/security.md", "docs/asvs.md", "docs/parity.md", "SECURITY.md")
_POINTER = re.compile(
    r"`((?:tests|docs|deploy|portal|apps|scripts|templates)/[\w./@-]*|[\w.-]+\.(?:md|toml|txt))(?:::(\w+))?`"
)


def wrong(page: str) -> list[str]:
    found = []
    for path, name in _POINTER.findall(page):
        target = ROOT / path
        if not target.exists():
            found.append(f"{path} is not there")
        elif name and f"def {name}(" not in target.read_text():
            found.append(f"{path} has no {name}")
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_test_that_is_named_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    assert _POINTER.search(text)
    assert wrong(text) == []
    links = re.findall(r"\]\((?!https:)([^)#]+)", text)
    assert [path for path in links if not ((ROOT / page).parent / path).exists()] == []


def test_a_wrong_pointer_is_found() -> None:
    assert wrong("`tests/no_such.py`, `tests/test_evidence.py::test_nothing`, `tests/test_evidence.py`") == [
        "tests/no_such.py is not there",
        "tests/test_evidence.py has no test_nothing",
    ]


def test_the_table_is_whole_and_counts_right() -> None:
    """Levels 1 and 2 of ASVS 5.0.0 in V1 to V8 and V11 to V16 are 61 and 149 requirements, in V9 4 and 3, and of
    level 2 in V10 9 without what resource servers, authorization servers and providers are asked."""
    text = (ROOT / "docs/asvs.md").read_text()
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| [^|]+ \| \**([a-z ]+)\** \|", text, re.MULTILINE)
    assert len({number for number, _level, _verdict in rows}) == len(rows) == text.count("\n| ") - text.count("\n| id")
    assert [sum(level == wanted for _number, level, _verdict in rows) for wanted in "12"] == [61 + 4, 149 + 3 + 9]
    verdicts = [verdict for _number, _level, verdict in rows]
    counted = (verdicts.count(word) for word in ("met", "partly", "not yet", "does not apply"))
    assert "Verdicts: {} met, {} partly, {} not yet, {} do not apply.".format(*counted) in text
