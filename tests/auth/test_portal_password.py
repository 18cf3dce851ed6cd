"""The portal's own password, set and changed by its owner."""

from __future__ import annotations

from django.test import Client

from apps.auth.audit.models import AuditEvent
from apps.auth.factors import invitations
from apps.auth.factors.models import Rule
from apps.auth.models import User
from tests.auth.proving import carol, first, patient, second
from tests.auth.world import sign_in, user_of, world
from tests.support.people import PASSWORD

__all__ = ["carol", "patient", "world"]  # the fixtures
PAGE, NEW = "/auth/security/password/", "felt over willow poles"


def test_somebody_of_a_mail_server_sets_one_and_comes_in_with_it(carol: User) -> None:
    Rule.objects.create(title="everybody", needs="password")
    client = Client()
    assert first(client, "invitation", invitations.invite(carol)).status_code == 302
    second(client)
    page = client.get("/letter/", follow=True).content.decode()
    assert f'href="{PAGE}"' in page and "/auth/security/app/" not in page
    assert client.post(PAGE, {"new": NEW, "again": NEW}).status_code == 302
    assert client.get("/letter/").status_code == 200, "enrolled, and still signed in"
    later = Client()
    assert first(later, "password", "wrong").status_code == 403
    assert first(later, "password", NEW).status_code == 302
    assert second(later, NEW).status_code == 403, "it does not open the mailbox"
    assert second(later).status_code == 302
    assert later.post(PAGE, {"remove": "1"}, follow=True).status_code == 200
    carol.refresh_from_db()
    assert carol.has_usable_password(), "she could not come in again"
    Rule.objects.all().delete()
    later.post(PAGE, {"remove": "1"})
    carol.refresh_from_db()
    assert not carol.has_usable_password()


def test_a_changed_password_ends_the_other_sessions_and_is_told(alice: User) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        sign_in(client, "alice", PASSWORD)
    assert f'href="{PAGE}"' in here.get("/auth/security/").content.decode()
    assert here.post(PAGE, {"new": NEW, "again": NEW}).status_code == 302
    assert here.get("/auth/security/").status_code == 200
    assert elsewhere.get("/auth/security/").status_code == 302
    assert AuditEvent.objects.filter(kind="password_changed", user=alice).count() == 1
    here.post(PAGE, {"remove": "1"})
    assert sign_in(other := Client(), "alice", NEW).status_code == 302, "it is all that she has"
    assert user_of(other) == str(alice.pk)
    assert sign_in(Client(), "alice", PASSWORD).status_code == 403


def test_what_is_refused(alice: User) -> None:
    client = Client()
    sign_in(client, "alice", PASSWORD)
    for new, again in (("short", "short"), (NEW, NEW + "x"), ("", ""), ("password1234", "password1234"), (NEW, "")):
        answer = client.post(PAGE, {"new": new, "again": again})
        assert answer.status_code == 422, new
        assert 'class="err"' in answer.content.decode()
        assert f'value="{new}"' not in answer.content.decode()
    session = client.session
    session["auth.passed"] = {}
    session.save()
    assert client.post(PAGE, {"new": NEW, "again": NEW})["Location"].startswith("/auth/prove/")
    assert sign_in(Client(), "alice", PASSWORD).status_code == 302


def test_it_stands_among_the_preferences_only_where_it_counts(client: Client, carol: User) -> None:
    sign_in(client)
    assert PAGE not in client.get("/auth/security/").content.decode()
    Rule.objects.create(title="house", needs="password", networks="192.0.2.0/24")
    assert PAGE in client.get("/auth/security/").content.decode()
