"""The settings of directories: each is typed, a wrong one is named with its cure, and the table is the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from portal import conf
from portal.ldap import sources
from portal.ldap.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]
NONE = {
    "LDAP_URL": "",
    "LDAP_BASE": "",
    "LDAP_TLS_CA_FILE": "",
    "LDAP_BIND_DN": "",
    "LDAP_BIND_PASSWORD": "",
    "LDAP_USER_FILTER": "(uid={login})",
    "LDAP_DISABLED_FILTER": "",
    "LDAP_LOGIN_ATTRIBUTE": "uid",
    "LDAP_MAIL_ATTRIBUTE": "mail",
    "LDAP_NAME_ATTRIBUTE": "cn",
}
RIGHT = {"DIRECTORIES": "staff", "DIRECTORY_STAFF_URL": "ldaps://a.test", "DIRECTORY_STAFF_BASE": "o=x"}
WRONG = {
    "URL": "http://a.test",
    "TLS_CA_FILE": "/no/such/file.pem",
    "BASE": "o=x\ny",
    "BIND": "nobody",
    "BIND_DN": "cn=x\ny",
    "BIND_PASSWORD": "a\nb",
    "USER_DN": "uid=login",
    "PRESET": "novell",
    "FILTER": "uid=*",
    "ATTRIBUTES": "shoes=shoeSize",
    "OWN": "Badge",
    "EDITABLE": "mail",
    "TITLE": "two\nlines",
    "GROUP_BASE": "o=x\ny",
    "GROUP_FILTER": "cn=*",
}


def read(values: dict[str, str], sign_in: dict[str, str] | None = None) -> tuple[tuple[sources.Source, ...], list[str]]:
    env = conf.Environment(values)
    found = sources.read(env, sign_in=NONE | (sign_in or {}), allow_plain=False)
    return found, [problem.name for problem in env.problems]


def test_every_wrong_value_is_named() -> None:
    assert set(WRONG) == set(sources.DEFAULTS)
    for name, value in WRONG.items():
        setting = f"DIRECTORY_STAFF_{name}"
        assert setting in read(RIGHT | {setting: value})[1], name


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("DIRECTORIES", {"DIRECTORIES": "staff staff"}),
        ("DIRECTORIES", {"DIRECTORIES": "The Staff"}),
        ("DIRECTORY_STAFF_URL", {"DIRECTORY_STAFF_URL": ""}),
        ("DIRECTORY_STAFF_URL", {"DIRECTORY_STAFF_URL": "ldap://a.test"}),
        ("DIRECTORY_STAFF_BASE", {"DIRECTORY_STAFF_BASE": ""}),
        ("DIRECTORY_STAFF_BIND_PASSWORD", {"DIRECTORY_STAFF_BIND_DN": "cn=portal"}),
        ("DIRECTORY_STAFF_USER_DN", {"DIRECTORY_STAFF_BIND": "user"}),
        ("DIRECTORY_STAFF_TITEL", {"DIRECTORY_STAFF_TITEL": "Staff"}),
        ("DIRECTORY_STAF_TITLE", {"DIRECTORY_STAF_TITLE": "Staff"}),
    ],
)
def test_what_no_site_can_mean(name: str, values: dict[str, str]) -> None:
    problems = set(read(RIGHT | values)[1])
    assert name in problems or (name == "DIRECTORIES" and problems >= {name}), problems


def test_what_is_right_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    found, problems = read(
        {
            "DIRECTORIES": "staff, partners",
            "DIRECTORY_STAFF_URL": "ldap+starttls://ldap.test",
            "DIRECTORY_STAFF_BASE": "ou=people,o=x",
            "DIRECTORY_STAFF_BIND_DN": "cn=portal,o=x",
            "DIRECTORY_STAFF_BIND_PASSWORD_FILE": str(tmp_path / "password"),
            "DIRECTORY_STAFF_ATTRIBUTES": "mail=mail|alias, room=physicalDeliveryOfficeName, notes=",
            "DIRECTORY_STAFF_OWN": "Badge=employeeNumber",
            "DIRECTORY_STAFF_EDITABLE": "mobile room",
            "DIRECTORY_PARTNERS_URL": "ldap://localhost",
            "DIRECTORY_PARTNERS_BASE": "dc=p",
            "DIRECTORY_PARTNERS_PRESET": "ad",
            "DIRECTORY_PARTNERS_BIND": "user",
            "DIRECTORY_PARTNERS_USER_DN": "{login}@p.test",
        }
    )
    assert problems == []
    staff, partners = found
    assert (staff.bind_password, staff.group_base) == ("hunter2", "ou=people,o=x")
    assert staff.attributes["mail"] == ("mail", "alias")
    assert staff.attributes["notes"] == ()
    assert staff.attributes["phone"] == ("telephoneNumber",)
    assert (staff.own, staff.editable) == ((("Badge", "employeeNumber"),), ("mobile", "room"))
    assert partners.as_user
    assert partners.person_filter == PRESETS["ad"].person_filter
    assert "hunter2" not in repr(staff)


def test_a_site_that_signs_in_with_a_directory_has_it_without_more_settings() -> None:
    sign_in = {"LDAP_URL": "ldaps://a.test", "LDAP_BASE": "o=x", "LDAP_BIND_DN": "cn=p", "LDAP_BIND_PASSWORD": "x"}
    [found], problems = read({}, sign_in | {"LDAP_DISABLED_FILTER": "(shadowExpire=1)"})
    assert problems == []
    assert (found.name, found.url, found.bind_dn) == ("ldap", "ldaps://a.test", "cn=p")
    assert found.person_filter == "(&(objectClass=inetOrgPerson)(uid=*)(!(shadowExpire=1)))"
    [ad], _problems = read({}, sign_in | {"LDAP_LOGIN_ATTRIBUTE": "sAMAccountName"})
    assert ad.preset is PRESETS["ad"]
    [closer], problems = read({"DIRECTORIES": "staff", "DIRECTORY_STAFF_PRESET": "kolab"}, sign_in)
    assert problems == []
    assert (closer.url, closer.base, closer.bind_password) == ("ldaps://a.test", "o=x", "x")


def test_the_documented_table_is_the_code() -> None:
    page = (ROOT / "docs" / "administration.md").read_text()
    table = page.partition("<!-- directory settings -->")[2].partition("<!-- /directory settings -->")[0]
    rows: Any = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| ", table, re.MULTILINE)
    assert dict(rows) == {name: f"`{value}`" if value else "" for name, value in sources.DEFAULTS.items()}
