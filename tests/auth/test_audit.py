"""Every try is in the audit log; strangers cannot fill a disk with it, and it betrays no password."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.contrib.auth.models import Permission
from django.core.signing import Signer
from django.test import Client, RequestFactory
from django.utils import timezone

from apps.auth.audit import record
from apps.auth.audit.admin import harmless
from apps.auth.audit.models import AuditEvent
from apps.auth.tasks import forget_old_events
from portal.accounts import external_user
from portal.countries import country
from portal.models import Notice
from portal.security_events import security_event, tell
from tests.auth.world import sign_in, world
from tests.support import atlas as atlas_file
from tests.support.people import PASSWORD

__all__ = ["world"]  # the fixture
LIST = "/admin/portal_auth/auditevent/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def kinds() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", flat=True))


def request_from(address: str = "192.0.2.7"):
    request = RequestFactory().post("/", headers={"user-agent": FIREFOX})
    request.client_address = address
    request.COOKIES[site.DEVICE_COOKIE_NAME] = Signer(salt="portal.device").sign("the same browser")
    return request


def everything() -> str:
    return json.dumps(list(AuditEvent.objects.values()), default=str)


# --- what is written ------------------------------------------------------------------------------------------------


def test_a_day_of_somebody_is_written_down(alice) -> None:
    client = Client(HTTP_USER_AGENT=FIREFOX)
    sign_in(client, "alice", "guess")
    sign_in(client, "Alice", PASSWORD)
    client.post("/sign-out/")
    assert kinds() == ["sign_in_refused", "signed_in", "signed_out"]
    refused, came, went = AuditEvent.objects.order_by("pk")
    assert {row.user_id for row in (refused, came, went)} == {alice.pk}
    assert {row.login for row in (refused, came, went)} == {"alice"}
    assert (refused.outcome, came.outcome) == ("refused", "done")
    assert (came.address, came.browser) == ("127.0.0.1", "Firefox/Linux")
    assert came.session and came.session == went.session and not refused.session
    assert came.session != client.cookies  # a reference, never a key


def test_a_password_that_was_typed_as_a_name_is_not_written(client: Client, alice, caplog) -> None:
    with caplog.at_level("DEBUG"):
        for typed in ("Tr0ub4dor&3", "correct horse battery staple", "Tr0ub4dor&3"):
            sign_in(client, typed, "x")
    assert AuditEvent.objects.count() == 2  # what can be nobody's login is not even tried
    first, second = AuditEvent.objects.values_list("login", flat=True)
    assert first == second and first.startswith("?")
    for word in ("r0ub4", "R0UB4", "horse"):
        assert word not in everything() and word not in caplog.text


def test_an_administrator_who_asks_for_a_name_finds_it(client: Client, as_admin: Client) -> None:
    sign_in(client, "JDeo", "x")
    sign_in(client, "somebody", "x")
    assert as_admin.get(LIST, {"q": "jdeo"}).context["cl"].result_count == 1
    assert as_admin.get(LIST, {"q": "JDeo"}).context["cl"].result_count == 1
    assert as_admin.get(LIST, {"q": "jd"}).context["cl"].result_count == 0


def test_facts_are_short_and_no_secrets(alice) -> None:
    tell(None, kind="factor_added", user=alice, way="totp", name="x" * 1000, secret="JBSWY3DP", number=3)
    row = AuditEvent.objects.get()
    assert row.facts == {"name": "x" * 200, "number": "3"} and row.way == "totp"
    tell(None, kind="x" * 99, user=alice, **{f"fact{number}": number for number in range(50)})
    assert len(AuditEvent.objects.first().facts) == record.MOST_FACTS


def test_a_listener_that_fails_stops_nobody(client: Client, alice) -> None:
    def fail(**_signal: object) -> None:
        raise ConnectionError("the audit log is away")

    security_event.connect(fail)
    try:
        assert sign_in(client, "alice", PASSWORD).status_code == 302
    finally:
        security_event.disconnect(fail)


def test_what_happened_outlives_the_account(alice) -> None:
    tell(None, kind="signed_in", user=alice)
    alice.delete()
    assert list(AuditEvent.objects.values_list("user", "login")) == [(None, "alice")]


def test_a_session_that_is_over_and_one_that_is_ended_are_written(alice, as_admin: Client, settings) -> None:
    settings.SESSION_IDLE_MINUTES = 1
    client = Client()
    sign_in(client, "alice", PASSWORD)
    session = client.session
    session["portal.seen"] -= 120
    session.save()
    client.get("/")
    assert kinds()[-1] == "session_expired"
    sign_in(client, "alice", PASSWORD)
    as_admin.post("/admin/portal_auth/user/", {"action": "sign_out", "_selected_action": [str(alice.pk)]})
    ended = AuditEvent.objects.first()
    assert (ended.kind, ended.user_id, ended.facts) == ("sessions_ended", alice.pk, {"count": "1", "by": "root"})


# --- disks do not fill ----------------------------------------------------------------------------------------------


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now().replace(second=1)
    monkeypatch.setattr(record.timezone, "now", lambda: now)


def refuse(times: int, *, addresses: list[str] = ["192.0.2.7"]) -> None:  # noqa: B006 - read only
    for number in range(times):
        tell(request_from(addresses[number % len(addresses)]), kind="sign_in_refused", login=f"guess{number}")


def test_ten_thousand_tries_from_one_address_are_a_handful_of_rows(db, one_minute) -> None:
    """A tenth of them, which is as good: a row each up to the twentieth, then one that counts."""
    refuse(1000)
    assert AuditEvent.objects.count() == record.EACH + 1
    assert sum(AuditEvent.objects.values_list("count", flat=True)) == 1000
    many = AuditEvent.objects.get(count__gt=1)
    assert (many.address, many.login, many.user_id, many.facts) == ("192.0.2.7", "", None, {})


@pytest.mark.soak
def test_ten_thousand_tries_in_full(db, one_minute) -> None:
    refuse(10_000)
    assert AuditEvent.objects.count() == record.EACH + 1
    assert sum(AuditEvent.objects.values_list("count", flat=True)) == 10_000


def test_many_addresses_do_not_fill_it_either(db, one_minute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "ALL", 30)
    refuse(200, addresses=[f"192.0.2.{number}" for number in range(200)])
    assert AuditEvent.objects.count() == 31
    assert AuditEvent.objects.get(count=170).address == ""


def test_neighbours_in_an_ipv6_network_are_one(db, one_minute) -> None:
    refuse(100, addresses=[f"2001:db8::{number:x}" for number in range(100)])
    assert AuditEvent.objects.count() == record.EACH + 1


def test_nor_does_somebody_who_guesses_at_a_factor(alice, one_minute) -> None:
    for _ in range(100):
        tell(request_from(), kind="factor_refused", user=alice, way="totp")
    assert AuditEvent.objects.count() == record.EACH + 1
    assert sum(AuditEvent.objects.values_list("count", flat=True)) == 100


def test_those_who_are_signed_in_are_written_one_by_one(alice, one_minute) -> None:
    for _ in range(50):
        tell(request_from(), kind="signed_in", user=alice)
    assert AuditEvent.objects.count() == 50


def test_old_events_go(alice, settings) -> None:
    settings.AUDIT_DAYS = 30
    for days in (29, 31):
        tell(None, kind=f"days{days}", user=alice)
        AuditEvent.objects.filter(kind=f"days{days}").update(time=timezone.now() - timedelta(days=days))
    forget_old_events()
    assert kinds() == ["days29"]


# --- alerts ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def atlas(tmp_path: Path, settings) -> None:
    file = atlas_file.write(
        tmp_path / "countries.mmdb", {"192.0.2.0/24": "DE", "198.51.100.0/24": "FR", "2001:db8::/32": "JP"}
    )
    settings.GEOIP_DATABASE = str(file)


def test_an_address_has_a_country(atlas) -> None:
    found = [country(address) for address in ("192.0.2.7", "198.51.100.1", "2001:db8::1", "10.0.0.1", "", "unix")]
    assert found == ["DE", "FR", "JP", "", "", ""]


def test_a_sign_in_from_another_country_is_told(alice, atlas) -> None:
    for address in ("10.0.0.1", "192.0.2.7", "192.0.2.8", "10.0.0.1"):
        tell(request_from(address), kind="signed_in", user=alice)
    assert not Notice.objects.exists(), "nor is the first country at all"
    tell(request_from("198.51.100.1"), kind="signed_in", user=alice)
    notice = Notice.objects.get()
    assert notice.user_id == alice.pk and "198.51.100.1 (FR)" in notice.text
    assert "new_country" in kinds()
    tell(request_from("198.51.100.1"), kind="signed_in", user=alice)
    assert Notice.objects.count() == 1


def test_without_a_database_there_are_no_countries(alice) -> None:
    tell(request_from(), kind="signed_in", user=alice)
    assert AuditEvent.objects.get().country == ""


@pytest.mark.parametrize("kind", ["factor_disabled", "factor_removed", "recovery_code_used", "password_changed"])
def test_what_weakens_an_account_is_told_to_its_owner(alice, bob, kind: str) -> None:
    tell(request_from(), kind=kind, user=alice, way="totp", name="My old phone")
    notice = Notice.objects.get()
    assert notice.user_id == alice.pk and "My old phone · Firefox on Linux · 192.0.2.7" in notice.text


def test_it_is_told_in_the_language_of_its_owner(alice) -> None:
    from apps.prefs.models import Preference

    Preference.objects.create(user=alice, key="portal.language", value="de")
    tell(request_from(), kind="new_device", user=alice)
    assert "." in Notice.objects.get().text.rpartition("· ")[2], "the date as German writes it"


# --- the person's own page ------------------------------------------------------------------------------------------


def test_people_see_their_own_and_nobody_elses(alice, bob) -> None:
    client = Client(HTTP_USER_AGENT=FIREFOX)
    sign_in(client, "alice", "guess")
    sign_in(client, "alice", PASSWORD)
    tell(request_from("192.0.2.99"), kind="signed_in", user=bob)
    page = client.get("/auth/activity/").content.decode()
    assert "Sign-in refused" in page and "Signed in" in page and "Firefox on Linux" in page
    assert "192.0.2.99" not in page
    assert 'href="/auth/activity/"' in client.get("/sessions/").content.decode()


def test_a_try_at_a_login_of_two_accounts_is_shown_to_both(alice) -> None:
    other = external_user(source="imap", server="mail.example.test", login="alice")
    sign_in(Client(), "alice", "guess")
    assert AuditEvent.objects.get().user is None
    for user in (alice, other):
        client = Client()
        client.force_login(user)
        assert "Sign-in refused" in client.get("/auth/activity/").content.decode()


def test_the_page_goes_back_90_days_in_parts(as_alice: Client, alice) -> None:
    for number in range(60):
        tell(request_from(), kind="factor_added", user=alice, name=f"key number {number}!")
    tell(request_from(), kind="factor_added", user=alice, name="long ago")
    AuditEvent.objects.filter(facts__name="long ago").update(time=timezone.now() - timedelta(days=91))
    first = as_alice.get("/auth/activity/")
    page = first.content.decode()
    assert "number 59!" in page and "number 10!" in page and "number 9!" not in page
    rest = as_alice.get("/auth/activity/", {"before": first.context["more"]})
    assert "number 9!" in rest.content.decode() and "long ago" not in rest.content.decode()
    assert as_alice.get("/auth/activity/?before=x").status_code == 200


def test_where_an_administrator_acts_from_is_not_shown(as_alice: Client, alice) -> None:
    tell(request_from("192.0.2.99"), kind="sessions_ended", user=alice, by="root")
    page = as_alice.get("/auth/activity/").content.decode()
    assert "root" in page and "192.0.2.99" not in page


# --- for administrators ---------------------------------------------------------------------------------------------


def exported(client: Client, **query: str) -> list[dict[str, str]]:
    answer = client.get(f"{LIST}export/", query)
    assert answer.streaming and answer["Content-Type"].startswith("text/csv") and "attachment" in str(answer.headers)
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


@pytest.fixture
def some_events(alice, bob) -> None:
    tell(request_from(), kind="signed_in", user=alice)
    tell(request_from(), kind="factor_removed", user=bob, way="totp", name="=HYPERLINK(1)")
    tell(request_from("198.51.100.1"), kind="sign_in_refused", login="alice")


def test_the_log_is_filtered_and_what_is_exported_is_what_is_shown(as_admin: Client, some_events, alice) -> None:
    for query, expected in (
        ({}, ["sign_in_refused", "factor_removed", "signed_in"]),
        ({"kind": "signed_in"}, ["signed_in"]),
        ({"outcome__exact": "refused"}, ["sign_in_refused"]),
        ({"q": "bob"}, ["factor_removed"]),
        ({"q": "198.51"}, ["sign_in_refused"]),
        ({"user__id__exact": str(alice.pk)}, ["sign_in_refused", "signed_in"]),
        ({"time__gte": "2099-01-01 00:00:00+00:00"}, []),
    ):
        shown = as_admin.get(LIST, query)
        assert [row.kind for row in shown.context["cl"].result_list] == expected, query
        assert [row["kind"] for row in exported(as_admin, **query)] == expected, query
    assert "Export as CSV" in as_admin.get(LIST).content.decode()


def test_a_table_holds_no_formula(as_admin: Client, some_events) -> None:
    cells = [cell for row in exported(as_admin) for cell in row.values()]
    assert "name=" in " ".join(cells) and not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    for cell in ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "  =1", "\r=1", "\n=1"):
        assert harmless(cell) == f"'{cell}"
    assert [harmless(cell) for cell in ("a=1", 3, None)] == ["a=1", "3", ""]


def test_more_than_a_page_is_exported_once_each(as_admin: Client, alice) -> None:
    now = timezone.now()
    AuditEvent.objects.bulk_create(AuditEvent(time=now, kind=f"k{number}", user=alice) for number in range(1201))
    rows = exported(as_admin)
    assert [row["kind"] for row in rows] == [f"k{number}" for number in range(1200, -1, -1)]


def test_nobody_changes_it(as_admin: Client, some_events) -> None:
    row = AuditEvent.objects.first()
    assert as_admin.get(f"{LIST}{row.pk}/change/").status_code == 200
    for path in (f"{row.pk}/change/", f"{row.pk}/delete/", "add/"):
        assert as_admin.post(f"{LIST}{path}", {"kind": "x", "post": "yes"}).status_code == 403
    assert AuditEvent.objects.count() == 3


def test_who_may_not_see_it_does_not_get_it(client: Client, bob, some_events) -> None:
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    assert client.get(f"{LIST}export/").status_code == 403
    bob.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    assert len(exported(client)) == 3
