"""What is proved before a password is asked for, and before any server is."""

from __future__ import annotations

import base64
import re
import time
from datetime import timedelta
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from django.conf import settings as site
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from apps.auth.certificates import services
from apps.auth.factors import codes, gate, invitations, policy
from apps.auth.factors.models import CodeDevice, RecoveryCode, RememberedBrowser, Rule
from apps.auth.models import User
from portal import sessions
from portal.accounts import external_user
from tests.auth.proving import app_of, asked, carol, code_now, first, patient, second
from tests.auth.world import MAIL_PASSWORD, SIGN_IN, MailBackend, sign_in, user_of, world

__all__ = ["asked", "carol", "patient", "world"]  # the fixtures


@pytest.fixture
def contacted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom the second level was asked about."""
    asked_about: list[str] = []
    before = MailBackend.authenticate

    def recording(self, request, username=None, password=None, **kwargs):
        asked_about.append(username)
        return before(self, request, username, password, **kwargs)

    monkeypatch.setattr(MailBackend, "authenticate", recording)
    return asked_about


# --- without rules, and with them -----------------------------------------------------------------------------------


def test_without_rules_signing_in_is_one_form(client: Client, db: None) -> None:
    page = client.get(SIGN_IN).content.decode()
    assert 'name="password"' in page
    assert "first_level" not in page
    assert sign_in(client).status_code == 302


def test_a_code_then_the_mail_password(client: Client, carol: User, asked: Rule, contacted: list[str]) -> None:
    app_of(carol)
    page = client.get(SIGN_IN).content.decode()
    assert 'name="code"' in page
    assert 'id="id_password"' not in page
    answer = first(client, next="/search/")
    assert (answer.status_code, contacted) == (302, [])
    page = client.get(answer["Location"]).content.decode()
    assert "Open your mail" in page
    assert "carol" in page
    assert second(client, next="/search/")["Location"] == "/search/"
    assert user_of(client) == str(carol.pk)
    assert client.session[gate.PASSED]["ways"] == ["code"]
    assert gate.ON_THE_WAY not in client.session
    assert contacted == ["carol"]


def test_a_wrong_mail_password_leaves_the_first_level_passed(client: Client, carol: User, asked: Rule) -> None:
    app_of(carol)
    first(client)
    assert "is wrong" in second(client, "guess").content.decode()
    assert second(client).status_code == 302


def test_the_password_alone_opens_nothing(client: Client, carol: User, asked: Rule, contacted: list[str]) -> None:
    app_of(carol)
    assert sign_in(client).status_code == 403
    assert second(client).status_code == 403
    assert client.post(f"{SIGN_IN}?inplace=1", {"portal_username": "carol", "portal_password": "x"}).status_code == 422
    answer = client.post(
        "/letter/", {"text": "x", "portal_username": "carol", "portal_password": MAIL_PASSWORD["carol"]}
    )
    assert answer.status_code == 401
    assert user_of(client) is None
    assert contacted == []


def test_one_persons_code_does_not_open_another_persons_mail(client: Client, carol: User, asked: Rule) -> None:
    app_of(carol)
    dora = external_user(source="test", server="mail.example.test", login="dora")
    app_of(dora, b"another key of twenty")
    MAIL_PASSWORD["dora"] = "dora's"
    try:
        first(client, login="dora", proof=code_now(key=b"another key of twenty"))
        assert second(client, username="carol").status_code == 403
        assert user_of(client) is None
    finally:
        del MAIL_PASSWORD["dora"]


def test_known_and_unknown_names_get_the_same_answer(carol: User, asked: Rule, contacted: list[str]) -> None:
    app_of(carol)

    def answer(login: str, way: str) -> str:
        page = first(Client(), way, "000000", login)
        text = re.sub(r'(csrf[\w-]*"[^>]*(?:value|content)=")[^"]*', "", page.content.decode())
        return f"{page.status_code} {text.replace(login, 'LOGIN')}"

    for way in ("code", "password", "recovery", "invitation", "passkey", "certificate", "nonsense", ""):
        assert answer("carol", way) == answer("nobody", way)
    assert contacted == []


def test_what_a_browser_knew_before_is_worth_nothing_afterwards(client: Client, carol: User, asked: Rule) -> None:
    app_of(carol)
    first(client, proof="000000")
    client.get(SIGN_IN)
    session = client.session
    session["planted"] = "x"
    session.save()
    client.cookies[site.SESSION_COOKIE_NAME] = before = session.session_key
    first(client)
    assert client.cookies[site.SESSION_COOKIE_NAME].value != before


def test_the_first_level_is_good_for_a_while_only(client: Client, carol: User, asked: Rule) -> None:
    app_of(carol)
    first(client)
    session = client.session
    session[gate.ON_THE_WAY] |= {"at": int(time.time()) - gate.PATIENCE - 1}
    session.save()
    assert 'name="code"' in client.get(SIGN_IN).content.decode()
    assert second(client).status_code == 403


def test_somebody_else_can_start_over(client: Client, carol: User, asked: Rule) -> None:
    app_of(carol)
    first(client)
    client.post(SIGN_IN, {"start_over": "1"})
    assert 'name="code"' in client.get(SIGN_IN).content.decode()


# --- rules ----------------------------------------------------------------------------------------------------------


def test_two_proofs_together(client: Client, carol: User) -> None:
    Rule.objects.create(title="both", needs="code+password")
    app_of(carol)
    carol.set_password("portal password")
    carol.save()
    first(client)
    page = client.get(SIGN_IN).content.decode()
    assert "One more proof is needed." in page
    assert second(client).status_code == 403
    assert first(client, "password", "wrong").status_code == 403
    first(client, "password", "portal password")
    assert second(client).status_code == 302


def test_a_group_needs_more_than_the_others(client: Client, carol: User) -> None:
    staff = Group.objects.create(name="staff")
    Rule.objects.create(title="staff", needs="code", group=staff, order=1)
    app_of(carol)
    assert first(client, proof="").status_code == 302, "carol is in no group: nothing is asked of her"
    assert second(client).status_code == 302
    carol.groups.add(staff)
    client = Client()
    assert first(client, proof="").status_code == 403
    first(client)
    assert second(client).status_code == 302


def test_inside_the_house_nothing_is_asked(client: Client, carol: User) -> None:
    Rule.objects.create(title="house", needs="", networks="10.0.0.0/8 192.0.2.0/24", order=1)
    Rule.objects.create(title="outside", needs="code", order=2)
    inside = Client(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.9")
    outside = policy.demand(carol, address="198.51.100.7")
    assert (outside.needs, policy.demand(carol, address="192.0.2.9").needs) == ((frozenset({"code"}),), ())
    assert "first_level" in inside.get(SIGN_IN).content.decode(), "the header of a stranger counts for nothing"


def test_rules_that_cannot_be_read_are_refused() -> None:
    for wrong in (Rule(title="x", needs="code, magic"), Rule(title="x", needs="code", networks="10.0.0.0/8 here")):
        with pytest.raises(ValidationError, match=r"magic|here"):
            wrong.clean()


# --- recovery codes, invitations, remembered browsers ---------------------------------------------------------------


def test_recovery_codes_are_good_once_and_stand_in_no_row(carol: User, asked: Rule) -> None:
    made = codes.new_sheet(carol)
    assert len(set(made)) == codes.SHEET
    assert not any(code.replace("-", "") in str(list(RecoveryCode.objects.values())) for code in made)
    assert first(Client(), "recovery", made[0].upper().replace("-", " ")).status_code == 302
    assert first(Client(), "recovery", made[0]).status_code == 403
    codes.new_sheet(carol)
    assert first(Client(), "recovery", made[1]).status_code == 403, "the sheet from before is void"


def test_an_invitation_leads_to_enrolling_and_nowhere_else(client: Client, carol: User, asked: Rule) -> None:
    code = invitations.invite(carol)
    assert first(client, "invitation", code).status_code == 302
    assert second(client).status_code == 302
    assert client.get("/")["Location"] == "/auth/enrol/"
    assert client.get("/letter/")["Location"] == "/auth/enrol/"
    assert client.post("/auth/security/app-password/", {"name": "x"})["Location"] == "/auth/enrol/"
    answer = client.post("/auth/security/app/", follow=True)
    key = re.search(r'<code dir="ltr"[^>]*>([A-Z2-7]+)</code>', answer.content.decode())[1]
    octets = base64.b32decode(key + "=" * (-len(key) % 8))
    assert client.post(answer.request["PATH_INFO"], {"code": "000000"}).status_code == 422
    page = client.post(answer.request["PATH_INFO"], {"code": code_now(key=octets), "name": "phone"}).content.decode()
    assert len(re.findall(r"<li>\w{4}-\w{4}-\w{4}</li>", page)) == codes.SHEET, "recovery codes come with it"
    assert client.get("/letter/").status_code == 200
    assert first(Client(), "invitation", code).status_code == 403, "it was good once"
    assert first(Client(), proof=code_now(1, octets)).status_code == 302


def test_an_invitation_ends(carol: User, asked: Rule) -> None:
    code = invitations.invite(carol, lifetime=timedelta(seconds=-1))
    assert first(Client(), "invitation", code).status_code == 403
    assert first(Client(), "invitation", invitations.invite(carol)).status_code == 302


def test_until_a_day_people_enrol_by_themselves(client: Client, carol: User, asked: Rule) -> None:
    Rule.objects.update(enrol_by=timezone.now() + timedelta(days=1))
    assert first(client, proof="").status_code == 302
    assert second(client).status_code == 302
    assert client.get("/letter/")["Location"] == "/auth/enrol/"
    app_of(carol)
    assert first(Client(), proof="").status_code == 403, "who has an app has to use it"
    CodeDevice.objects.all().delete()
    Rule.objects.update(enrol_by=timezone.now() - timedelta(days=1))
    assert first(Client(), proof="").status_code == 403


def test_ones_own_computer_is_asked_again_after_a_while(client: Client, carol: User, asked: Rule) -> None:
    app_of(carol)
    first(client, remember="yes")
    second(client)
    cookie = client.cookies[site.REMEMBERED_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["max-age"] == 30 * 24 * 3600
    assert cookie.value not in str(list(RememberedBrowser.objects.values()))

    def again(login: str = "carol") -> int:
        later = Client()
        later.cookies[site.REMEMBERED_COOKIE_NAME] = cookie.value
        return first(later, proof="", login=login).status_code

    assert again() == 302
    external_user(source="test", server="mail.example.test", login="dora")
    assert again("dora") == 403, "it is carol's"
    RememberedBrowser.objects.update(expires=timezone.now())
    assert again() == 403


def test_a_rule_without_days_remembers_nothing(client: Client, carol: User, asked: Rule) -> None:
    Rule.objects.update(remember_days=0)
    app_of(carol)
    first(client, remember="yes")
    second(client)
    assert site.REMEMBERED_COOKIE_NAME not in client.cookies


# --- accounts of the portal's own, and the administration pages -----------------------------------------------------


def test_an_account_of_the_portal_needs_its_password_too(alice: User, asked: Rule) -> None:
    from tests.support.people import PASSWORD

    app_of(alice)
    client = Client()
    first(client, login="alice")
    assert user_of(client) is None, "a code alone is no account"
    assert second(client, PASSWORD).status_code == 302
    assert user_of(client) == str(alice.pk)


def test_the_portals_password_as_first_level_is_all_that_such_an_account_has(alice: User, db: None) -> None:
    from tests.support.people import PASSWORD

    Rule.objects.create(title="x", needs="password")
    client = Client()
    assert first(client, "password", PASSWORD, "alice")["Location"] == "/"
    assert user_of(client) == str(alice.pk)


def test_administration_asks_for_more(client: Client, carol: User) -> None:
    Rule.objects.create(title="admin", needs="code", scope=policy.ADMIN)
    User.objects.filter(pk=carol.pk).update(is_staff=True, is_superuser=True)
    app_of(carol)
    sign_in(client)
    answer = client.get("/admin/")
    assert answer["Location"] == "/auth/prove/?next=%2Fadmin%2F"
    assert client.post("/auth/prove/", {"next": "/admin/", "way": "code", "code": "000000"}).status_code == 403
    assert client.post("/auth/prove/", {"next": "/admin/", "way": "code", "code": code_now()})["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


# --- certificates -----------------------------------------------------------------------------------------------------


def test_a_certificate_counts_from_the_front_only(carol: User, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    Rule.objects.create(title="everybody", needs="certificate")
    monkeypatch.setattr("apps.auth.views.sign_in.store.exists", lambda: True)
    monkeypatch.setattr(
        "apps.auth.views.sign_in.certificates.owner_of", lambda pem: carol if pem == "-----CAROL'S-----\n" else None
    )
    header = {"HTTP_X_CLIENT_CERT": "-----CAROL'S-----%0A"}
    asked = {"first_level": "1", "username": "", "way": "certificate"}
    assert "showed no certificate" in Client(**header).post(SIGN_IN, asked).content.decode(), "a stranger's header"
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    client = Client(HTTP_X_CLIENT_CERT="nonsense", HTTP_X_FORWARDED_PROTO="https")
    assert client.post(SIGN_IN, asked, secure=True).status_code == 403
    client = Client(**header, HTTP_X_FORWARDED_PROTO="https")
    assert client.post(SIGN_IN, asked, secure=True).status_code == 302
    answer = client.post(SIGN_IN, {"password": MAIL_PASSWORD["carol"]}, secure=True)
    assert answer.status_code == 302
    assert user_of(client) == str(carol.pk)


def test_who_needs_a_certificate_enrols_with_one(client: Client, carol: User, settings, tmp_path) -> None:
    """An app would not let them in the next time."""
    settings.DATA_DIR = tmp_path
    Rule.objects.create(title="everybody", needs="certificate")
    services.init()
    first(client, "invitation", invitations.invite(carol))
    second(client)
    page = client.get("/letter/", follow=True).content.decode()
    assert 'href="/auth/certificates/"' in page
    assert "/auth/security/app/" not in page
    assert client.get("/auth/certificates/").status_code == 200
    assert client.post("/auth/certificates/make/", {"device": "Laptop"}).status_code == 200
    assert client.get("/letter/").status_code == 200
    assert client.post("/auth/certificates/file/")["Content-Type"] == "application/x-pkcs12"


def test_administration_by_certificate(carol: User, settings, tmp_path) -> None:
    """Where the rule for the administration asks for one and that for signing in does not, it is shown in between."""
    settings.DATA_DIR = tmp_path
    services.init()
    made = services.issue_client(user=carol)
    other = external_user(source="test", server="mail.example.test", login="dora")
    Rule.objects.create(title="admin", needs="certificate", scope=policy.ADMIN)
    User.objects.filter(pk=carol.pk).update(is_staff=True, is_superuser=True)
    settings.TRUSTED_PROXIES = ["127.0.0.1"]

    def showing(packed: services.Packed | None) -> Client:
        bundle = pkcs12.load_pkcs12(packed.file, packed.password.encode()) if packed else None
        pem = bundle.cert.certificate.public_bytes(Encoding.PEM).decode() if bundle else ""
        client = Client(HTTP_X_CLIENT_CERT=quote(pem), HTTP_X_FORWARDED_PROTO="https")
        client.post(SIGN_IN, {"username": "carol", "password": MAIL_PASSWORD["carol"]}, secure=True)
        return client

    values = {"next": "/admin/", "way": "certificate"}
    client = showing(made)
    assert client.get("/admin/", secure=True).status_code == 302
    assert "of-certificate" not in client.get("/auth/prove/", secure=True).content.decode(), "it is the only way"
    assert client.post("/auth/prove/", values, secure=True)["Location"] == "/admin/"
    assert client.get("/admin/", secure=True).status_code == 200
    for stranger in (showing(None), showing(services.issue_client(user=other))):
        assert stranger.post("/auth/prove/", values, secure=True).status_code == 403
        assert stranger.get("/admin/", secure=True).status_code == 302
    assert 'name="mailbox"' in showing(None).get("/auth/prove/", secure=True).content.decode()


def test_a_removed_proof_ends_the_other_sessions(carol: User) -> None:
    device = app_of(carol)
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        sign_in(client)
        assert client.get("/letter/").status_code == 200
    RememberedBrowser.objects.create(user=carol, digest="x", expires=timezone.now() + timedelta(days=1))
    here.post(f"/auth/security/device/{device.pk}/", {"remove": "1"})
    assert not CodeDevice.objects.exists()
    assert not RememberedBrowser.objects.exists()
    assert here.get("/letter/").status_code == 200
    assert elsewhere.get("/letter/").status_code == 302


def test_who_did_not_say_that_it_is_their_own_computer_has_a_short_session(carol: User, asked: Rule) -> None:
    app_of(carol)
    public, own = Client(), Client()
    first(public)
    second(public)
    first(own, proof=code_now(1), remember="yes")
    second(own)
    assert (public.session[sessions.TRUSTED], own.session[sessions.TRUSTED]) == (False, True)


def test_who_is_signed_in_does_not_open_the_mail_of_somebody_who_has_to_prove_more(carol: User, monkeypatch) -> None:
    """Under a name that the mail server takes for hers and nobody here knows."""
    staff = Group.objects.create(name="staff")
    carol.groups.add(staff)
    Rule.objects.create(title="staff", needs="code", group=staff)
    external_user(source="test", server="mail.example.test", login="dora")
    monkeypatch.setitem(MAIL_PASSWORD, "dora", "dora's")
    before = MailBackend.authenticate

    def with_aliases(self, request, username=None, password=None, **kwargs):
        return before(self, request, {"c.arol": "carol"}.get(username, username), password, **kwargs)

    monkeypatch.setattr(MailBackend, "authenticate", with_aliases)
    client = Client()
    first(client, proof="", login="dora")
    second(client, "dora's")
    dora = user_of(client)
    assert dora
    assert first(client, proof="", login="c.arol").status_code == 302, "nobody here is called that"
    assert second(client).status_code == 403
    assert user_of(client) == dora


def test_strangers_leave_nothing_behind_for_long(client: Client, carol: User, asked: Rule) -> None:
    app_of(carol)
    first(client)
    assert client.session.get_expiry_age() <= gate.PATIENCE
    second(client)
    assert client.session.get_expiry_age() > gate.PATIENCE
