"""The self-test says what is the case with each directory, and which index it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.directory import diagnostics
from portal.contracts import Finding, Level
from scripts.servers.staff import INDEXES, Staff
from tests.directory.test_times import closed_port
from tests.directory.world import needs, running, source, use

pytestmark = needs


@pytest.fixture(scope="module", params=["measured", "told"])
def poor(request: pytest.FixtureRequest) -> Iterator[Staff]:
    """Enough people that a look at all of them takes its time, and no index for titles and rooms. One tells its
    settings, the other does not."""
    tells = request.param == "told"
    with running(
        people=20 if tells else 4000, tells=tells, indexes=INDEXES.replace("title,", "").replace(",roomNumber", "")
    ) as server:
        yield server


def findings() -> list[Finding]:
    return list(diagnostics.check())


def test_all_is_well(staff: Staff, settings: Any) -> None:
    use(settings, source(staff))
    found = findings()
    assert {each.level for each in found} == {Level.OK}
    words = " ".join(str(each.message) for each in found)
    assert "staff: localhost answers in" in words
    assert "300 people are shown." in words


def test_an_index_that_is_missing_is_named_with_the_command(
    poor: Staff, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "SECONDS", 120.0)  # however busy the machine is
    use(settings, source(poor))
    [found] = [each for each in findings() if each.level is not Level.OK]
    named = set(str(found.message).rstrip(".").partition("for ")[2].split(", "))
    assert named == {"title", "roomNumber"}
    assert f"olcDbIndex: {named.pop()} eq,sub\n" in found.command
    assert found.command.startswith("ldapmodify -Y EXTERNAL -H ldapi:///")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["objectClass eq", "cn,sn eq,sub"], {"objectclass": {"eq"}, "cn": {"eq", "sub"}, "sn": {"eq", "sub"}}),
        (["{0}default eq", "{1}uid", "{2}mail pres,subany"], {"uid": {"eq"}, "mail": {"pres", "sub"}}),
        (["title eq", "title sub"], {"title": {"eq", "sub"}}),
        ([], {}),
    ],
)
def test_what_a_server_says_of_its_indexes(lines: list[str], found: dict[str, set[str]]) -> None:
    assert diagnostics.indexes(lines) == found


@pytest.mark.parametrize(
    ("other", "says", "cure"),
    [
        ({"bind_password": "wrong"}, "cannot be asked", "DIRECTORY_STAFF_BIND_DN"),
        ({"ca_file": ""}, "no safe connection", "DIRECTORY_STAFF_TLS_CA_FILE"),
        ({"base": "o=nowhere"}, "cannot be asked", "DIRECTORY_STAFF_BASE"),
        ({"person_filter": "(uid=nobody)"}, "nobody is found", "DIRECTORY_STAFF_FILTER"),
        ({"url": f"ldap://localhost:{closed_port()}"}, "cannot be asked", "DIRECTORY_STAFF_URL"),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(
    staff: Staff, settings: Any, other: dict[str, str], says: str, cure: str
) -> None:
    use(settings, source(staff, **other))
    last = findings()[-1]
    assert last.level is Level.ERROR
    assert says in str(last.message)
    assert cure in str(last.cure)


def test_one_that_is_asked_as_people_says_so(staff: Staff, settings: Any) -> None:
    use(settings, source(staff, as_user=True))
    [found] = findings()
    assert "own passwords" in str(found.message)
