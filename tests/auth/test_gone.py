"""Who is gone from the directory, or disabled there, is out: within a quarter of an hour, and by one command."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.auth import tasks
from apps.auth.ldap import directory, people
from apps.auth.models import User
from portal import delegations, sessions
from portal.accounts import external_user
from portal.ldap import session
from portal.ldap.connection import Unavailable
from portal.models import Delegation, Session
from scripts.servers import slapd as ldap
from scripts.servers.slapd import Slapd
from tests.auth.directory import sign_in, signed_in, site

__all__ = ["site"]  # a fixture


def at_work(site: Slapd) -> tuple[str, list[Client]]:
    """Somebody in two browsers, with a message that waits to be sent."""
    login = site.new_user()
    browsers = [sign_in(login), sign_in(login)]
    user = signed_in(browsers[0])
    delegations.grant(user_id=user.pk, kind="mail.outbox", task=login, account=login, secret="x")[0].save()
    return login, browsers


@pytest.mark.parametrize("how", ["gone", "disabled"])
def test_a_person_who_has_left_is_out(site: Slapd, how: str) -> None:
    login, browsers = at_work(site)
    _other, others = at_work(site)
    site.delete(login) if how == "gone" else site.change(login, userAccountControl="514")
    assert people.check() == people.Changes(asked=2, gone=[login], back=[])
    assert [signed_in(browser) for browser in (*browsers, *others)][:2] == [None, None]
    assert all(signed_in(browser) for browser in others)
    assert Session.objects.count() == 2
    assert Delegation.objects.count() == 1
    user = User.objects.get(login=login)
    assert not user.is_active
    assert user.gone_since is not None
    assert signed_in(sign_in(login)) is None
    assert people.check() == people.Changes(asked=2, gone=[], back=[])


def test_a_filter_that_finds_nobody_at_all_shuts_nobody_out(site: Slapd, settings) -> None:
    login, browsers = at_work(site)
    settings.LDAP_USER_FILTER = "(&(uid={login})(o=a mistake))"
    with pytest.raises(Unavailable, match="nobody at all"):
        people.check()
    tasks.check_people()
    assert signed_in(browsers[0]).login == login
    assert Delegation.objects.count() == 1


def test_who_comes_back_is_let_in_again(site: Slapd) -> None:
    login, _browsers = at_work(site)
    site.change(login, userAccountControl="514")
    people.check()
    site.change(login, userAccountControl="512")
    assert people.check().back == [login]
    assert signed_in(sign_in(login)).gone_since is None


def test_whom_an_administrator_has_locked_out_stays_so(site: Slapd) -> None:
    login, _browsers = at_work(site)
    User.objects.update(is_active=False)
    assert people.check() == people.Changes(asked=1, gone=[], back=[])
    assert signed_in(sign_in(login)) is None


def test_other_accounts_are_not_the_directorys_business(site: Slapd, admin_user: User, carol: User) -> None:
    external_user(source="ldap", server="other.example.test", login="nobody")
    assert people.check() == people.Changes(asked=0, gone=[], back=[])
    assert not User.objects.filter(is_active=False).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"LDAP_URL": "ldaps://localhost:1"},
        {"LDAP_BASE": "ou=typo,dc=example,dc=test"},
        {"LDAP_BIND_PASSWORD": "wrong"},
        {"LDAP_TLS_CA_FILE": ""},
    ],
)
def test_a_directory_that_does_not_answer_locks_nobody_out(site: Slapd, settings, wrong: dict[str, str]) -> None:
    _login, browsers = at_work(site)
    for name, value in wrong.items():
        setattr(settings, name, value)
    with pytest.raises(Unavailable):
        people.check()
    tasks.check_people()
    assert all(signed_in(browser) for browser in browsers)


def test_a_rule_with_an_unknown_attribute_disables_nobody(site: Slapd, settings) -> None:
    _login, browsers = at_work(site)
    settings.LDAP_DISABLED_FILTER = "(noSuchAttribute=x)"
    assert people.check().gone == []
    assert all(signed_in(browser) for browser in browsers)


def test_many_are_asked_for_at_once(site: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "AT_ONCE", 3)
    monkeypatch.setattr(session, "PAGE", 2)
    here = [site.new_user() for _ in range(7)]
    for login in (*here, "left1", "left2"):
        external_user(source="ldap", server="localhost", login=login)
    site.change(here[3], userAccountControl="514")
    assert sorted(people.check().gone) == sorted(["left1", "left2", here[3]])


def test_the_command_says_who(site: Slapd, settings) -> None:
    login, _browsers = at_work(site)
    site.delete(login)
    out = StringIO()
    call_command("checkpeople", stdout=out)
    assert out.getvalue() == f"{login}: locked out\n1 accounts, 1 locked out, 0 back.\n"
    site.add(ldap.person(login, "Came Back"))
    call_command("checkpeople", stdout=out)
    assert out.getvalue().endswith(f"{login}: back\n1 accounts, 0 locked out, 1 back.\n")
    settings.LDAP_URL = ""
    with pytest.raises(CommandError, match="LDAP_URL"):
        call_command("checkpeople")


def test_the_task_does_the_same(site: Slapd) -> None:
    login, browsers = at_work(site)
    site.delete(login)
    tasks.check_people()
    assert signed_in(browsers[0]) is None


@pytest.mark.parametrize(("url", "seconds"), [("ldaps://ldap.example.test", "600.0"), ("", "")])
def test_the_workers_clock_calls_it_every_ten_minutes(url: str, seconds: str) -> None:
    code = (
        "from portal.celery import app; app.loader.import_default_modules(); app.finalize();"
        "print(app.conf.beat_schedule.get('auth.check_people', {}).get('schedule', ''))"
    )
    environment = os.environ | {"ENV_FILE": "", "LDAP_URL": url, "LDAP_BASE": "o=x"}
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == (seconds, 0), done.stderr


def test_all_sessions_of_one_person_end(client: Client, alice: User, bob: User) -> None:
    browsers = {user: [Client(), Client()] for user in (alice, bob)}
    for user, those in browsers.items():
        for browser in those:
            browser.force_login(user)
    client.get("/sign-in/")
    assert sessions.end_all(user_id=alice.pk) == 2
    assert sessions.end_all(user_id=alice.pk) == 0
    assert [bool(signed_in(browser)) for browser in (*browsers[alice], *browsers[bob])] == [False, False, True, True]
