"""Accounts for many at once, before anybody has signed in."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from apps.auth.models import User
from scripts.servers.slapd import PEOPLE, Slapd
from tests.auth.directory import sign_in, signed_in, site

__all__ = ["site"]  # a fixture
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def servers(settings) -> None:
    settings.IMAP_URL, settings.SIGN_IN = "imaps://mail.example.test", ["imap"]


def run(*words: str, fails: bool = False) -> list[str]:
    out = StringIO()
    if fails:
        with pytest.raises(CommandError):
            call_command("importpeople", *words, stdout=out)
    else:
        call_command("importpeople", *words, stdout=out)
    return out.getvalue().splitlines()


def written(folder: Path, text: str) -> str:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_500_people_in_one_command(tmp_path: Path) -> None:
    rows = [f"u{n},u{n}@example.test,Person {n},staff|team{n % 5}" for n in range(500)]
    file = written(tmp_path, "\n".join(["login,email,name,groups", *rows]))
    assert run("csv", file)[-1] == "500 new, 0 changed, 0 as it was, 0 wrong."
    assert User.objects.count() == 500
    assert {group.user_set.count() for group in Group.objects.exclude(name="staff")} == {100}
    person = User.objects.get(login="u7")
    assert (person.source, person.server, person.email) == ("imap", "mail.example.test", "u7@example.test")
    assert not person.has_usable_password()
    assert not person.is_staff
    again = written(tmp_path, "\n".join(["login,email,name,groups", *rows[:20]]))
    assert run("csv", again)[-1] == "0 new, 0 changed, 20 as it was, 0 wrong."


def test_each_row_is_told(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        '\ufeffName;Login;Email\n"Doe; Jane";JDoe;jane@example.test\n'
        "Two Words;two words;\nNo Mail;nomail;no mail\nEscape;\x1b[2J;\n;last;",
    )
    told = run("csv", file, fails=True)
    assert told[0] == "line 2: JDoe: new"
    assert told[1].startswith("line 3: two words: wrong: ")
    assert told[2].startswith("line 4: nomail: wrong: ")
    assert told[3].startswith(r"line 5: '\x1b[2J': wrong: "), "a terminal obeys such characters"
    assert told[4:] == ["line 6: last: new", "2 new, 0 changed, 0 as it was, 3 wrong."]
    assert list(User.objects.values_list("login", "display_name")) == [("jdoe", "Doe; Jane"), ("last", "")]


def test_what_is_there_is_filled_up_and_never_overwritten(tmp_path: Path) -> None:
    run("csv", written(tmp_path, "login,name,groups\njdoe,Jane,a\n"))
    told = run("csv", written(tmp_path, "login,email,name,groups\njdoe,jane@example.test,Other,b\n"), "--group", "c")
    assert told[0] == "line 2: jdoe: changed"
    jane = User.objects.get()
    assert (jane.email, jane.display_name) == ("jane@example.test", "Jane")
    assert set(jane.groups.values_list("name", flat=True)) == {"a", "b", "c"}


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    told = run("csv", written(tmp_path, "login,groups\njdoe,a\n"), "--dry-run")
    assert told == ["line 2: jdoe: new", "1 new, 0 changed, 0 as it was, 0 wrong. Nothing was changed."]
    assert not User.objects.exists()
    assert not Group.objects.exists()


@pytest.mark.parametrize(
    "text", ["", "email\nx@example.test\n", "login,shoe size\na,42\n", "login\na,b\n", 'login\n"a\n']
)
def test_a_file_that_is_none_is_refused_whole(tmp_path: Path, text: str) -> None:
    assert run("csv", written(tmp_path, text), fails=True) == []
    assert run("csv", str(tmp_path / "absent"), fails=True) == []
    (tmp_path / "octets").write_bytes(b"login\n\xff\n")
    assert run("csv", str(tmp_path / "octets"), fails=True) == []
    assert not User.objects.exists()


def test_the_whole_directory(site: Slapd) -> None:
    gone = site.new_user(userAccountControl="514")
    told = run("ldap", "--group", "staff")
    assert "directory: jdoe: new" in told
    logins = set(User.objects.values_list("login", flat=True))
    assert set(PEOPLE) <= logins
    assert gone not in logins
    jane = signed_in(sign_in("jdoe"))
    assert jane == User.objects.get(login="jdoe")
    assert (jane.display_name, jane.groups.get().name) == ("Jane Doe", "staff")


def test_where_their_accounts_are_has_to_be_known(tmp_path: Path, settings) -> None:
    file = written(tmp_path, "login\njdoe\n")
    assert run("csv", file, "--source", "ldap", fails=True) == []
    settings.LDAP_URL = "ldaps://ldap.example.test"
    run("csv", file, "--source", "ldap")
    assert [(user.source, user.server) for user in User.objects.all()] == [("ldap", "ldap.example.test")]
