"""What others wrote for browsers stands here as they shipped it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

VENDOR = Path(__file__).parents[2] / "portal/static/portal/vendor"
ENTRIES = [
    line.split() for line in (VENDOR / "VERSIONS").read_text("utf-8").splitlines() if line and not line.startswith("#")
]


@pytest.mark.parametrize(("name", "version", "licence", "path", "checksum"), ENTRIES, ids=lambda value: str(value)[:40])
def test_a_vendored_file_is_the_one_that_was_reviewed(
    name: str, version: str, licence: str, path: str, checksum: str
) -> None:
    assert path.startswith(f"{name}-{version}/")
    assert hashlib.sha256((VENDOR / path).read_bytes()).hexdigest() == checksum


def test_every_vendored_file_is_listed_and_has_its_licence_beside_it() -> None:
    there = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()} - {"VERSIONS"}
    assert there == {entry[3] for entry in ENTRIES}
    assert {path.parent for path in map(Path, there)} == {
        path.parent for path in map(Path, there) if path.name == "LICENSE"
    }
