"""What administrators do for people: cards, enrolment codes, taking proofs away."""

from __future__ import annotations

import csv
import io
import re
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from apps.auth.factors import app_passwords, cards, codes, invitations, ways
from apps.auth.factors.models import AppPassword, CodeDevice, Invitation, Passkey, RecoveryCode, RememberedBrowser
from apps.auth.models import User
from portal.accounts import external_user
from portal.models import Session

KEY = b"12345678901234567890"
CSV = f"serial,key,counter,digits,login\nF-1,{KEY.hex()},7,6,carol\nF-2,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,,8,\n"
PSKC = """<?xml version="1.0"?>
<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"><KeyPackage>
 <DeviceInfo><Manufacturer>maker</Manufacturer><SerialNo>987654321</SerialNo></DeviceInfo>
 <Key Id="1" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:hotp">
  <AlgorithmParameters><ResponseFormat Length="8" Encoding="DECIMAL"/></AlgorithmParameters>
  <Data><Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>
   <Counter><PlainValue>3</PlainValue></Counter></Data><UserId>carol</UserId></Key>
</KeyPackage></KeyContainer>"""


@pytest.fixture
def carol(db: None) -> User:
    return external_user(source="test", server="mail.example.test", login="carol")


@pytest.fixture
def admin(db: None, admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def test_a_list_of_cards_as_csv(carol: User) -> None:
    assert cards.keep(cards.read(CSV.encode())) == (2, [])
    first, second = CodeDevice.objects.order_by("serial")
    assert (first.user, first.counter, first.digits) == (carol, 7, 6)
    assert (second.user, second.counter, second.digits) == (None, 0, 8)
    assert first.key() == second.key() == KEY
    assert codes.accept(first, codes.code_at(KEY, 7))
    assert cards.keep(cards.read(CSV.encode())) == (0, ["F-1", "F-2"]), "known ones stay as they are"
    assert CodeDevice.objects.get(serial="F-1").counter == 8


def test_a_list_of_cards_as_pskc(carol: User) -> None:
    (card,) = cards.read(PSKC.encode())
    assert (card.serial, card.key, card.counter, card.digits, card.login) == ("987654321", KEY, 3, 8, "carol")
    cards.keep([card])
    assert codes.accept(CodeDevice.objects.get(), codes.code_at(KEY, 3, digits=8))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("serial,key\nF-1,!!\n", "Line 2: the key is neither"),
        ("serial,key\nF-1,abcd\n", "shorter than 128 bits"),
        (f"serial,key\n,{KEY.hex()}\n", "no serial number"),
        (f"serial,key,digits\nF-1,{KEY.hex()},nine\n", "is no number"),
        (f"serial,key,digits\nF-1,{KEY.hex()},9\n", "out of range"),
        (f"serial,key\nF-1,{KEY.hex()}\nF-1,{KEY.hex()}\n", "twice"),
        ("", "lists no card"),
        ("<nonsense", "no well-formed XML"),
        (PSKC.replace("?>", '?><!DOCTYPE x [<!ENTITY e "x">]>'), "document type"),
        (PSKC.replace("PlainValue>MTIz", "EncryptedValue>MTIz").replace("OTA=</Plain", "OTA=</Encrypted"), "encrypted"),
        (PSKC.replace(":hotp", ":totp"), "none for codes by count"),
        (b"\xff\xfe\x00", "neither CSV"),
    ],
)
def test_what_is_wrong_with_a_list_is_told_and_nothing_of_it_is_kept(db: None, content: str | bytes, said: str) -> None:
    with pytest.raises(cards.BadFile) as caught:
        cards.keep(cards.read(content if isinstance(content, bytes) else content.encode()))
    assert said in str(caught.value)
    assert not CodeDevice.objects.exists()


def test_cards_in_the_administration_pages(admin: Client, carol: User) -> None:
    page = admin.get("/admin/portal_auth/codedevice/").content.decode()
    assert "/admin/portal_auth/codedevice/cards/" in page
    bad = admin.post(
        "/admin/portal_auth/codedevice/cards/", {"file": SimpleUploadedFile("c.csv", b"serial,key\nx,y\n")}
    )
    assert "neither hexadecimal" in bad.content.decode()
    good = admin.post(
        "/admin/portal_auth/codedevice/cards/", {"file": SimpleUploadedFile("c.csv", CSV.encode())}, follow=True
    )
    assert "2 cards were read in." in good.content.decode()
    card = CodeDevice.objects.get(serial="F-1")
    page = admin.get(f"/admin/portal_auth/codedevice/{card.pk}/change/").content.decode()
    assert KEY.decode() not in page
    assert f"/admin/portal_auth/codedevice/{card.pk}/resync/" in page
    where = f"/admin/portal_auth/codedevice/{card.pk}/resync/"
    wrong = admin.post(where, {"first": "000000", "second": "000000"})
    assert "no two codes" in wrong.content.decode()
    admin.post(where, {"first": codes.code_at(KEY, 90), "second": codes.code_at(KEY, 91)})
    card.refresh_from_db()
    assert card.counter == 92
    admin.post(f"/admin/portal_auth/codedevice/{card.pk}/change/", {"user": "", "name": "left behind"})
    card.refresh_from_db()
    assert card.user is None


def test_slips_to_print(admin: Client, carol: User) -> None:
    page = admin.post(
        "/admin/portal_auth/user/", {"action": "hand_out_codes", "_selected_action": [carol.pk]}
    ).content.decode()
    (code,) = re.findall(r'<p class="code" dir="ltr">([\w-]+)</p>', page)
    assert invitations.is_open(carol, code)
    assert code not in str(list(Invitation.objects.values()))


def test_proofs_are_taken_away(admin: Client, carol: User) -> None:
    cards.keep(cards.read(CSV.encode()))
    codes.new_app(carol)
    codes.new_sheet(carol)
    invitations.invite(carol)
    carol.set_password("portal password")
    carol.save()
    admin.post("/admin/portal_auth/user/", {"action": "take_away_proofs", "_selected_action": [carol.pk]})
    assert not CodeDevice.objects.filter(user=carol).exists()
    assert CodeDevice.objects.filter(kind=ways.HOTP, user=None).count() == 2, "the card can be given to somebody else"
    assert not RecoveryCode.objects.exists()
    assert not Invitation.objects.exists()
    carol.refresh_from_db()
    assert not carol.has_usable_password()


def test_five_hundred_invitations_in_one_command(db: None, tmp_path) -> None:
    group = Group.objects.create(name="all")
    for number in range(500):
        external_user(source="imap", server="mail.example.test", login=f"p{number}").groups.add(group)
    started = time.process_time()
    call_command("invite", group="all", output=str(tmp_path / "codes.csv"), verbosity=0)
    assert time.process_time() - started < 20
    with (tmp_path / "codes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["code"] for row in rows}) == 500
    assert (tmp_path / "codes.csv").stat().st_mode & 0o777 == 0o600
    for row in (rows[0], rows[499]):
        assert invitations.is_open(User.objects.get(login=row["login"]), row["code"])
    with pytest.raises(FileExistsError):
        call_command("invite", group="all", output=str(tmp_path / "codes.csv"))


def test_invitations_for_those_who_are_named(carol: User) -> None:
    out = io.StringIO()
    call_command("invite", "CAROL", stdout=out)
    login, _name, code = out.getvalue().strip().split(",")
    assert login == "carol"
    assert invitations.is_open(carol, code)
    with pytest.raises(CommandError, match="no account nobody"):
        call_command("invite", "nobody")
    with pytest.raises(CommandError, match="nobody"):
        call_command("invite", group="empty")


def test_who_is_locked_out_loses_all_that_lets_them_in(admin: Client, carol: User) -> None:
    app_passwords.make(carol, name="Phone")
    RememberedBrowser.objects.create(user=carol, digest="x", expires=timezone.now())
    hers = Client()
    hers.force_login(carol)
    assert hers.get("/").status_code == 200
    admin.post(f"/admin/portal_auth/user/{carol.pk}/change/", {"display_name": "Carol"})
    carol.refresh_from_db()
    assert not carol.is_active
    assert not AppPassword.objects.exists()
    assert not RememberedBrowser.objects.exists()
    assert not Session.objects.filter(user=carol.pk).exists()
    assert hers.get("/").status_code == 302


def test_cards_are_for_administrators_who_may_change_them(client: Client, carol: User) -> None:
    """With a card whose key they know, somebody who may look at the audit log only could come in as anybody."""
    card = cards.keep(cards.read(CSV.encode())) and CodeDevice.objects.get(serial="F-1")
    staff = User.objects.create_user("helper", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    client.force_login(staff)
    file = SimpleUploadedFile("c.csv", f"serial,key,login\nF-9,{KEY.hex()},carol\n".encode())
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/portal_auth/codedevice/cards/").status_code == 403
    assert client.post("/admin/portal_auth/codedevice/cards/", {"file": file}).status_code == 403
    assert not CodeDevice.objects.filter(serial="F-9").exists()
    values = {"first": codes.code_at(KEY, 90), "second": codes.code_at(KEY, 91)}
    assert client.post(f"/admin/portal_auth/codedevice/{card.pk}/resync/", values).status_code == 403


def test_what_an_administrator_takes_away_ends_the_sessions_of_its_owner(admin: Client, carol: User) -> None:
    cards.keep(cards.read(CSV.encode()))
    card = CodeDevice.objects.get(serial="F-1")
    key = Passkey.objects.create(user=carol, credential="x", digest=Passkey.digest_of("x"), public_key=b"x")
    phone = codes.new_app(carol)

    def signed_in() -> Client:
        RememberedBrowser.objects.create(user=carol, digest="x", expires=timezone.now() + timedelta(days=1))
        hers = Client()
        hers.force_login(carol)
        assert hers.get("/").status_code == 200
        return hers

    where = "/admin/portal_auth/{}/{}/{}/"
    for url, values in (
        (where.format("passkey", key.pk, "delete"), {"post": "yes"}),
        (where.format("codedevice", card.pk, "change"), {"user": "", "name": ""}),
        (
            "/admin/portal_auth/codedevice/",
            {"action": "delete_selected", "_selected_action": [phone.pk], "post": "yes"},
        ),
    ):
        hers = signed_in()
        assert admin.post(url, values).status_code == 302
        assert hers.get("/").status_code == 302, url
        assert not RememberedBrowser.objects.exists(), url
    assert (Passkey.objects.count(), CodeDevice.objects.filter(user=carol).count()) == (0, 0)
    hers = signed_in()
    admin.post(where.format("codedevice", card.pk, "change"), {"user": carol.pk, "name": "given back"})
    assert hers.get("/").status_code == 200, "nothing of hers was taken away"
