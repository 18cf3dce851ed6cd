"""The fault matrix of sending (tests/vectors/send_faults.json): every line of it is run."""

from __future__ import annotations

import pytest

from tests.mail.desk import Writer
from tests.mail.send_faults import senders, servers  # noqa: F401
from tests.mail.send_faults.stage import FAULTS, Stage


@pytest.fixture
def stage(writer: Writer, settings) -> Stage:
    return Stage(writer, settings)


def test_every_line_is_run() -> None:
    assert {item["id"] for item in FAULTS.items} == FAULTS.runs.keys()


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
@pytest.mark.parametrize("line", [item["id"] for item in FAULTS.items])
def test_vector(line: str, stage: Stage, request: pytest.FixtureRequest) -> None:
    run = FAULTS.runs[line]
    names = run.__code__.co_varnames[1 : run.__code__.co_argcount]
    run(stage, **{name: request.getfixturevalue(name) for name in names})
