"""One-time codes: of apps and of cards."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from apps.auth.factors import codes, ways
from apps.auth.factors.models import CodeDevice, Rule
from apps.auth.models import User
from portal.accounts import external_user
from tests.auth.proving import KEY, app_of, asked, carol, code_now, first, patient
from tests.auth.world import sign_in, world

__all__ = ["asked", "carol", "patient", "world"]  # the fixtures


@pytest.mark.parametrize(
    ("seconds", "code", "algorithm", "key"),
    [
        (59, "94287082", "sha1", KEY),
        (1111111109, "07081804", "sha1", KEY),
        (20000000000, "65353130", "sha1", KEY),
        (59, "46119246", "sha256", b"12345678901234567890123456789012"),
        (59, "90693936", "sha512", b"1234567890" * 6 + b"1234"),
    ],
)
def test_vectors_of_rfc_6238(seconds: int, code: str, algorithm: str, key: bytes) -> None:
    assert codes.code_at(key, seconds // 30, digits=8, algorithm=algorithm) == code


def test_vectors_of_rfc_4226() -> None:
    wanted = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
    assert [codes.code_at(KEY, count) for count in range(10)] == wanted


def test_a_code_is_good_once(client: Client, carol: User, asked: Rule) -> None:
    app_of(carol)
    code = code_now()
    assert first(Client(), proof=code).status_code == 302
    assert first(Client(), proof=code).status_code == 403
    assert first(Client(), proof=code_now(-1)).status_code == 403, "nor one from before it"
    assert first(Client(), proof=code_now(1)).status_code == 302, "a clock may be a little ahead"


def test_codes_far_from_now_are_refused(carol: User) -> None:
    device = app_of(carol)
    step = 1_000_000
    for far in (-2, 2):
        assert not codes.accept(device, codes.code_at(KEY, step + far), now=step * 30.0)
    near = codes.code_at(KEY, step - 1)
    assert codes.accept(device, f" {near[:3]} {near[3:]} ", now=step * 30.0)


def test_digits_of_other_scripts(carol: User) -> None:
    device = app_of(carol)
    assert codes.accept(device, code_now().translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")))


def test_a_stolen_database_holds_no_key(carol: User) -> None:
    device = app_of(carol)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM portal_auth_codedevice")
        assert KEY not in bytes(cursor.fetchone()[0])
    other = external_user(source="test", server="mail.example.test", login="mallory")
    CodeDevice.objects.filter(pk=device.pk).update(user=other)
    assert not codes.accept(CodeDevice.objects.get(), code_now()), "moved to another person it does not open"


def test_a_changed_key_of_the_server_opens_what_was_sealed_before(carol: User, settings) -> None:
    app_of(carol)
    settings.DELEGATION_KEY_FALLBACKS = [settings.DELEGATION_KEY]
    settings.DELEGATION_KEY = "another key " * 6
    assert codes.accept(CodeDevice.objects.get(), code_now())
    settings.DELEGATION_KEY_FALLBACKS = []
    assert not codes.accept(CodeDevice.objects.get(), code_now(1))


def card_of(user: User | None, serial: str = "F-1") -> CodeDevice:
    card = CodeDevice(user=user, kind=ways.HOTP, serial=serial)
    card.put_key(KEY)
    card.save()
    return card


def test_a_card_counts(carol: User, asked: Rule) -> None:
    card_of(carol)
    assert first(Client(), proof=codes.code_at(KEY, 3)).status_code == 302, "three codes were shown to nobody"
    assert first(Client(), proof=codes.code_at(KEY, 3)).status_code == 403
    assert first(Client(), proof=codes.code_at(KEY, 2)).status_code == 403
    assert first(Client(), proof=codes.code_at(KEY, 4 + codes.AHEAD)).status_code == 403
    assert first(Client(), proof=codes.code_at(KEY, 4)).status_code == 302


def test_a_card_that_is_out_of_step_is_brought_back_by_two_codes(carol: User) -> None:
    card = card_of(carol)
    assert not codes.resynchronise(card, codes.code_at(KEY, 50), codes.code_at(KEY, 52))
    assert codes.resynchronise(card, codes.code_at(KEY, 50), codes.code_at(KEY, 51))
    assert codes.accept(CodeDevice.objects.get(), codes.code_at(KEY, 52))
    assert not codes.resynchronise(CodeDevice.objects.get(), codes.code_at(KEY, 50), codes.code_at(KEY, 51))


def test_a_card_that_somebody_removes_goes_back_to_the_administration(client: Client, carol: User) -> None:
    card = card_of(carol)
    sign_in(client)
    client.post(f"/auth/security/device/{card.pk}/", {"remove": "1"})
    card.refresh_from_db()
    assert card.user is None
    assert codes.accept(card, codes.code_at(KEY, 0))
