"""Who is who: one account for each source, server and canonical login, and rights that never follow from a name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from hypothesis import given
from hypothesis import strategies as st

from apps.auth.models import User
from portal.accounts import canonical_login, external_user
from tests.support.people import PASSWORD

SERVER = "mail.example.test"


@pytest.mark.parametrize("login", ["alice", "Alice", "ALICE", "alice ", " \talice", "ａｌｉｃｅ", "Ａlice\u00a0"])
def test_all_spellings_are_one_login(login: str) -> None:
    assert canonical_login(login) == "alice"


@pytest.mark.parametrize("login", ["", "  ", "al ice", "alice\nbob", "a\0", "a\u200bb", "a\u202eb", "x" * 191])
def test_what_can_be_nobodys_login(login: str) -> None:
    with pytest.raises(ValueError, match="login"):
        canonical_login(login)


@given(st.text(min_size=1, max_size=40))
def test_the_canonical_spelling_is_its_own(login: str) -> None:
    try:
        canonical = canonical_login(login)
    except ValueError:
        return
    assert canonical_login(canonical) == canonical
    assert canonical_login(f" {login} ") == canonical


@pytest.mark.django_db
def test_a_mail_account_is_one_however_it_is_spelt() -> None:
    users = {external_user(source="imap", server=SERVER, login=login).pk for login in ("Alice", "alice", "alice ")}
    assert len(users) == 1
    assert User.objects.get().login == "alice"


@pytest.mark.django_db
def test_another_server_or_kind_is_another_account() -> None:
    accounts = [("imap", SERVER), ("imap", "other.test"), ("oidc", SERVER)]
    assert len({external_user(source=source, server=server, login="alice").pk for source, server in accounts}) == 3


@pytest.mark.django_db
def test_logins_that_differ_by_an_accent_are_two_people() -> None:
    first = external_user(source="imap", server=SERVER, login="jose")
    second = external_user(source="imap", server=SERVER, login="josé")
    assert first.pk != second.pk


def test_a_mail_sign_in_never_becomes_a_local_account(admin_user) -> None:
    guest = external_user(source="imap", server=SERVER, login=admin_user.login)
    assert guest.pk != admin_user.pk
    assert not guest.is_staff
    assert not guest.is_superuser
    assert not guest.has_usable_password()
    assert authenticate(None, username="root", password="") is None


@pytest.mark.parametrize(("source", "server"), [("local", SERVER), ("local", ""), ("", SERVER), ("imap", "")])
def test_an_external_account_cannot_pose_as_a_local_one(db, source: str, server: str) -> None:
    with pytest.raises(ValueError, match="external"):
        external_user(source=source, server=server, login="root")
    assert not User.objects.exists()


def test_address_and_name_fill_what_is_empty_and_overwrite_nothing(carol) -> None:
    User.objects.filter(pk=carol.pk).update(email="chosen@example.test")
    again = external_user(source="imap", server=SERVER, login="Carol", email="derived@example.test", name="Carol Chen")
    again.refresh_from_db()
    assert (again.pk, again.email, again.display_name) == (carol.pk, "chosen@example.test", "Carol Chen")


@pytest.mark.django_db(transaction=True)
def test_eight_first_sign_ins_at_once_make_one_account() -> None:
    def sign_in(_number: int) -> int:
        try:
            return external_user(source="imap", server=SERVER, login="dora").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(sign_in, range(8)))) == 1


def test_the_database_holds_to_it_too(alice) -> None:
    with pytest.raises(IntegrityError):
        User.objects.create(source="local", server="", login="alice")


# --- the local backend ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["alice", "Alice ", "ALICE"])
def test_the_right_password_of_a_local_account(alice, login: str) -> None:
    assert authenticate(None, username=login, password=PASSWORD) == alice


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), f"{PASSWORD} "])
def test_a_wrong_password(alice, password: str) -> None:
    assert authenticate(None, username="alice", password=password) is None


def test_who_is_not_active_is_not_let_in(alice) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert authenticate(None, username="alice", password=PASSWORD) is None


@pytest.mark.django_db
def test_an_unknown_login_costs_a_hash_like_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    assert authenticate(None, username="nobody", password="guess") is None
    assert authenticate(None, username="no body", password="guess") is None
    assert hashed == ["guess", "guess"]


def test_passwords_are_kept_as_argon2id() -> None:
    from portal.hashers import Argon2idHasher

    encoded = Argon2idHasher().encode("x", "saltsaltsalt")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


# --- grantadmin ----------------------------------------------------------------------------------------------------


def test_a_mail_user_becomes_an_administrator_and_stops_being_one(carol, capsys) -> None:
    call_command("grantadmin", "Carol")
    carol.refresh_from_db()
    assert (carol.is_staff, carol.is_superuser) == (True, True)
    call_command("grantadmin", "carol", revoke=True)
    carol.refresh_from_db()
    assert (carol.is_staff, carol.is_superuser) == (False, False)
    assert "no longer" in capsys.readouterr().out


def test_a_name_alone_does_not_decide_between_two(carol) -> None:
    User.objects.create_user("carol", PASSWORD)
    with pytest.raises(CommandError, match="several accounts"):
        call_command("grantadmin", "carol")
    call_command("grantadmin", "carol", local=True)
    carol.refresh_from_db()
    assert not carol.is_staff
    assert User.objects.local("carol").is_staff


@pytest.mark.django_db
def test_nobody_is_made_up() -> None:
    with pytest.raises(CommandError, match="Nobody has signed in as ghost"):
        call_command("grantadmin", "ghost")
