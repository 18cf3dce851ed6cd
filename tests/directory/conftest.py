"""What the directory tests have in common."""

from __future__ import annotations

import pytest

TIMED = ("test_times", "test_many")


@pytest.fixture(autouse=True)
def unhurried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page shows is no matter of how busy the machine is; how long it waits is tested where it is the matter."""
    from apps.directory.services import people, shown

    if request.module.__name__.endswith(TIMED):
        return
    for ask in (people.search, people.get, people.named, people.reports, people.listed, people.photo):
        monkeypatch.setitem(ask.__kwdefaults__, "seconds", 20.0)  # type: ignore[arg-type]
    monkeypatch.setattr(shown, "AROUND", 20.0)
