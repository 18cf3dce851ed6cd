"""What people and administrators see of certificates, without scripts."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client

from apps.auth.audit.models import AuditEvent
from apps.auth.certificates import services, store
from apps.auth.certificates.authority import fingerprint
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.factors.models import RememberedBrowser
from apps.auth.models import User

PAGE = "/auth/certificates/"
ADMIN = "/admin/portal_auth/issuedcertificate/"
PASSWORD = re.compile(r">((?:[a-z2-9]{4}-){3}[a-z2-9]{4})<")


@pytest.fixture(autouse=True)
def proved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who they are, a moment ago."""
    monkeypatch.setattr("apps.auth.views.proving.gate.is_recent", lambda request: True)


def password_in(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    [password] = set(PASSWORD.findall(answer.content.decode()))
    return password


def owner_of_file(answer: HttpResponse, password: str) -> User | None:
    assert answer["Content-Type"] == "application/x-pkcs12" and "no-store" in answer["Cache-Control"]
    bundle = pkcs12.load_pkcs12(answer.content, password.encode())
    assert bundle.cert is not None and bundle.key is not None
    return services.owner_of(bundle.cert.certificate.public_bytes(Encoding.PEM).decode())


def test_the_page_is_there_while_the_site_has_an_authority(data: Path, as_alice: Client) -> None:
    def linked() -> list[bool]:
        return [PAGE in as_alice.get(path).content.decode() for path in ("/preferences/", "/preferences/portal.look/")]

    assert linked() == [False, False]
    for path in ("", "authority/"):
        assert as_alice.get(PAGE + path).status_code == 404
    assert as_alice.post(PAGE + "make/").status_code == 404
    services.init()
    assert linked() == [True, True]
    assert PAGE in as_alice.get("/preferences/?q=certif", headers={"HX-Request": "true"}).content.decode()
    assert PAGE in as_alice.get("/search/?q=certif").content.decode()
    assert as_alice.get(PAGE).status_code == 200
    assert as_alice.get("/preferences/auth.certificates/")["Location"] == PAGE


def test_the_authority_for_a_device(authority: x509.Certificate, as_alice: Client) -> None:
    assert fingerprint(authority) in as_alice.get(PAGE).content.decode()
    answer = as_alice.get(PAGE + "authority/")
    assert answer["Content-Type"] == "application/x-x509-ca-cert"
    assert answer["Content-Disposition"] == 'attachment; filename="yurt-authority.crt"'
    assert x509.load_pem_x509_certificate(answer.content) == authority
    assert b"PRIVATE" not in answer.content


def test_one_makes_a_certificate_fetches_and_revokes_it(
    authority: x509.Certificate, as_alice: Client, alice: User
) -> None:
    password = password_in(as_alice.post(PAGE + "make/", {"device": "  Grüner \n Laptop"}))
    row = IssuedCertificate.objects.get()
    assert (row.user, row.device, row.kind) == (alice, "Grüner Laptop", "client")
    answer = as_alice.post(PAGE + "file/")
    assert answer["Content-Disposition"] == 'attachment; filename="alice-gruner-laptop.p12"'
    assert owner_of_file(answer, password) == alice
    page = as_alice.get(PAGE).content.decode()
    assert "Grüner Laptop" in page and password not in page
    assert password not in str(dict(as_alice.session))
    assert as_alice.post(f"{PAGE}{row.pk}/revoke/")["Location"] == PAGE
    assert owner_of_file(answer, password) is None
    page = as_alice.get(PAGE).content.decode()
    assert "Revoked" in page and f"{row.pk}/revoke/" not in page


def test_the_file_is_for_the_session_that_asked(authority: x509.Certificate, as_alice: Client, bob: User) -> None:
    as_alice.post(PAGE + "make/")
    other = Client()
    other.force_login(bob)
    assert other.post(PAGE + "file/")["Location"] == PAGE
    again = Client()
    again.force_login(User.objects.get(login="alice"))
    assert again.post(PAGE + "file/").status_code == 302


def test_nobody_revokes_somebody_elses(authority: x509.Certificate, as_alice: Client, bob: User) -> None:
    row = services.issue_client(user=bob).row
    assert as_alice.post(f"{PAGE}{row.pk}/revoke/").status_code == 404
    assert row.serial[:8] not in as_alice.get(PAGE).content.decode()
    row.refresh_from_db()
    assert row.revoked is None


def test_one_has_a_few_certificates_at_a_time(authority: x509.Certificate, as_alice: Client) -> None:
    for _ in range(services.MOST_AT_ONCE):
        assert as_alice.post(PAGE + "make/").status_code == 200
    answer = as_alice.post(PAGE + "make/", follow=True)
    assert "Revoke one that you do not need" in answer.content.decode()
    IssuedCertificate.objects.update(expires=datetime.now(UTC) - timedelta(days=1))
    assert as_alice.post(PAGE + "make/").status_code == 200


def test_only_forms_change_something(authority: x509.Certificate, as_alice: Client, alice: User) -> None:
    row = services.issue_client(user=alice).row
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    for path in ("make/", "file/", f"{row.pk}/revoke/"):
        assert as_alice.get(PAGE + path).status_code == 405
        assert strict.post(PAGE + path).status_code == 403
        assert Client().post(PAGE + path).status_code in (302, 401)
    assert IssuedCertificate.objects.filter(revoked=None).count() == 1


def test_making_one_wants_a_fresh_proof(
    authority: x509.Certificate, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.auth.views.proving.gate.is_recent", lambda request: False)
    assert as_alice.post(PAGE + "make/")["Location"].startswith("/auth/prove/")
    assert not IssuedCertificate.objects.exists()


def test_without_the_key_one_is_told(authority: x509.Certificate, as_alice: Client) -> None:
    as_alice.post(PAGE + "make/")
    (store.folder() / "root.key").unlink()
    assert "key is not here" in as_alice.post(PAGE + "make/", follow=True).content.decode()
    row = IssuedCertificate.objects.get()
    assert "key is not here" in as_alice.post(f"{PAGE}{row.pk}/revoke/", follow=True).content.decode()
    row.refresh_from_db()
    assert row.revoked is not None


def test_an_administrator_issues_to_a_person(authority: x509.Certificate, as_admin: Client, alice: User) -> None:
    assert as_admin.get(ADMIN).status_code == 200
    assert "this field is required" in as_admin.post(ADMIN + "add/", {"device": "x"}).content.decode().lower()
    form = as_admin.get(ADMIN + "add/")
    assert not PASSWORD.search(form.content.decode())
    password = password_in(as_admin.post(ADMIN + "add/", {"user": alice.pk, "device": "Phone"}))
    assert owner_of_file(as_admin.post(PAGE + "file/"), password) == alice
    assert LogEntry.objects.get().change_message == "issued"
    assert password not in as_admin.get(ADMIN).content.decode()


def test_an_administrator_revokes_and_changes_nothing_else(
    authority: x509.Certificate, as_admin: Client, alice: User
) -> None:
    rows = [services.issue_client(user=alice).row for _ in range(3)]
    chosen = {"action": "revoke", "_selected_action": [row.pk for row in rows[:2]]}
    assert "Revoked." in as_admin.post(ADMIN, chosen, follow=True).content.decode()
    assert {row.pk for row in IssuedCertificate.objects.exclude(revoked=None)} == {row.pk for row in rows[:2]}
    crl = x509.load_pem_x509_crl(store.crl_file().read_bytes())
    assert {f"{entry.serial_number:x}" for entry in crl} == {row.serial for row in rows[:2]}
    assert as_admin.post(f"{ADMIN}{rows[2].pk}/delete/", {"post": "yes"}).status_code == 403
    assert as_admin.post(f"{ADMIN}{rows[2].pk}/change/", {"subject": "bob"}).status_code == 403
    assert as_admin.get(f"{ADMIN}{rows[2].pk}/change/").status_code == 200


def test_who_may_only_look_neither_issues_nor_revokes(
    authority: x509.Certificate, as_alice: Client, alice: User
) -> None:
    alice.is_staff = True
    alice.save()
    alice.user_permissions.add(Permission.objects.get(codename="view_issuedcertificate"))
    row = services.issue_client(user=alice).row
    assert as_alice.get(ADMIN).status_code == 200
    assert as_alice.post(ADMIN + "add/", {"user": alice.pk}).status_code == 403
    as_alice.post(ADMIN, {"action": "revoke", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.revoked is None


@pytest.mark.django_db
def test_a_site_without_an_authority_issues_nothing(data: Path, as_admin: Client) -> None:
    assert as_admin.get(ADMIN).status_code == 200
    assert as_admin.get(ADMIN + "add/").status_code == 403


def test_who_came_in_with_a_certificate_that_is_revoked_is_out(
    authority: x509.Certificate, as_alice: Client, alice: User, as_admin: Client
) -> None:
    def signed_in() -> Client:
        client = Client()
        client.force_login(alice)
        RememberedBrowser.objects.create(user=alice, digest="x", expires=datetime.now(UTC) + timedelta(days=1))
        assert client.get("/").status_code == 200
        return client

    elsewhere = signed_in()
    as_alice.post(f"{PAGE}{services.issue_client(user=alice).row.pk}/revoke/")
    assert as_alice.get("/").status_code == 200, "where it was revoked"
    assert elsewhere.get("/").status_code == 302
    assert not RememberedBrowser.objects.exists()
    assert AuditEvent.objects.filter(kind="factor_removed", user=alice, way="certificate").exists()

    elsewhere, row = signed_in(), services.issue_client(user=alice, device="Laptop").row
    as_admin.post(ADMIN, {"action": "revoke", "_selected_action": [row.pk]})
    assert elsewhere.get("/").status_code == 302

    elsewhere, row = signed_in(), services.issue_client(user=alice, device="Laptop").row
    as_admin.post("/admin/portal_auth/user/", {"action": "take_away_proofs", "_selected_action": [alice.pk]})
    row.refresh_from_db()
    assert row.revoked is not None
    assert elsewhere.get("/").status_code == 302

    elsewhere, row = signed_in(), services.issue_client(user=alice).row
    call_command("ca", "revoke", row.serial, stdout=io.StringIO())
    assert elsewhere.get("/").status_code == 302
    elsewhere = signed_in()
    services.revoke(row)
    assert elsewhere.get("/").status_code == 200, "it counted no more before"


def test_a_new_certificate_is_told_to_its_owner(
    authority: x509.Certificate, as_alice: Client, alice: User, as_admin: Client
) -> None:
    as_alice.post(PAGE + "make/", {"device": "Laptop"})
    as_admin.post(ADMIN + "add/", {"user": alice.pk, "device": "Phone"})
    told = AuditEvent.objects.filter(kind="factor_added", user=alice, way="certificate").order_by("pk")
    assert [row.facts["name"] for row in told] == ["Laptop", "Phone"]
