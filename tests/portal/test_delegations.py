"""A delegation opens for its task, its person and its time, and under the site's key; for nothing else."""

from __future__ import annotations

import stat
from datetime import timedelta

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from portal import backup, delegations
from portal.delegations import CannotRevoke, Opened, Over
from portal.models import Delegation
from portal.registry import DelegationKind, PortalApp
from portal.security_events import security_event
from portal.tasks import clean_up
from portal.testing import with_apps

pytestmark = pytest.mark.django_db
SECRET = "pw-Kestrel"


@pytest.fixture
def granted() -> tuple[Delegation, Opened]:
    user = get_user_model().objects.create_user("alice", None)
    row, opened = delegations.grant(user_id=user.pk, kind="test.work", task="1", account="alice@x.test", secret=SECRET)
    row.save()
    return Delegation.objects.get(), opened


def test_it_opens(granted: tuple[Delegation, Opened]) -> None:
    row, opened = granted
    again = delegations.unseal(row)
    assert (again.secret, again.key) == (SECRET, opened.key)
    assert SECRET.encode() not in bytes(row.sealed)
    assert SECRET not in repr(again) and repr(again.key) not in repr(again)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "2"},
        {"kind": "test.other"},
        {"account": "bob@x.test"},
        {"expires": timezone.now() + timedelta(days=30)},
        {"user_id": 99},
        {"sealed": b""},
        {"sealed": b"x" * 200},
    ],
)
def test_a_changed_row_opens_nothing(granted: tuple[Delegation, Opened], change: dict[str, object]) -> None:
    row = granted[0]
    for name, value in change.items():
        setattr(row, name, value)
    with pytest.raises(Over):
        delegations.unseal(row)


def test_its_time_ends(granted: tuple[Delegation, Opened]) -> None:
    row = granted[0]
    delegations.unseal(row, now=row.expires - timedelta(seconds=1))
    with pytest.raises(Over):
        delegations.unseal(row, now=row.expires)
    with pytest.raises(Over):
        delegations.unseal(None)


def test_without_the_key_nothing_opens(granted: tuple[Delegation, Opened], settings) -> None:
    settings.DELEGATION_KEY = "another key " * 8
    with pytest.raises(Over):
        delegations.unseal(granted[0])


def test_a_new_password_keeps_what_was_laid_down(granted: tuple[Delegation, Opened]) -> None:
    row, opened = granted
    box = opened.seal(b"octets", purpose="a")
    delegations.renew(row, secret="another")
    again = delegations.unseal(Delegation.objects.get())
    assert again.secret == "another"
    assert again.unseal(box, purpose="a") == b"octets"
    with pytest.raises(Over):
        again.unseal(box, purpose="b")


def test_the_key_lies_in_a_file_of_its_own() -> None:
    path = site.DATA_DIR / "delegation_key"
    assert path.read_text().strip() == site.DELEGATION_KEY != site.SECRET_KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_has_expired_is_cleaned_up(granted: tuple[Delegation, Opened]) -> None:
    clean_up()
    assert Delegation.objects.count() == 1
    Delegation.objects.update(expires=timezone.now())
    clean_up()
    assert not Delegation.objects.exists()


def test_no_backup_holds_it() -> None:
    assert "portal.delegation" not in backup.tables()
    assert "portal.delegation" in backup.transient()


def test_it_is_listed_and_can_be_revoked(granted: tuple[Delegation, Opened], client: Client) -> None:
    client.force_login(get_user_model().objects.get())
    revoked: list[str] = []

    def revoke(_request: object, task: str) -> None:
        if not revoked:
            revoked.append(task)
            raise CannotRevoke("Not while it runs.")
        revoked.append(task)

    kind = DelegationKind(id="test.work", label="Some work", revoke=revoke)
    with with_apps(PortalApp(id="test", title="Test", delegations=(kind,))):
        page = client.get("/sessions/").content.decode()
        assert "Some work" in page and "alice@x.test" in page and SECRET not in page
        address = f"/sessions/{granted[0].pk}/revoke/"
        assert client.get(address).status_code == 405
        assert "Not while it runs." in client.post(address, follow=True).content.decode()
        assert Delegation.objects.exists()
        client.post(address)
        assert not Delegation.objects.exists()
        assert client.post(address).status_code == 302  # the same again does no harm
    assert revoked == ["1", "1"]


def test_one_of_an_app_that_is_gone_can_be_revoked_too(granted: tuple[Delegation, Opened], client: Client) -> None:
    client.force_login(get_user_model().objects.get())
    assert "test.work" in client.get("/sessions/").content.decode()
    told: list[str] = []
    listen = lambda event, **_signal: told.append(f"{event.kind} {event.facts['what']}")  # noqa: E731
    security_event.connect(listen)
    client.post(f"/sessions/{granted[0].pk}/revoke/")
    security_event.disconnect(listen)
    assert told == ["delegation_revoked test.work"]
    assert not Delegation.objects.exists()


def test_nobody_elses_is_listed_or_revoked(granted: tuple[Delegation, Opened], client: Client) -> None:
    client.force_login(get_user_model().objects.create_user("bob", None))
    assert "test.work" not in client.get("/sessions/").content.decode()
    assert client.post(f"/sessions/{granted[0].pk}/revoke/").status_code == 404
    assert Delegation.objects.exists()
