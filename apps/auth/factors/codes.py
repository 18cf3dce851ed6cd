"""One-time codes: by time (TOTP, RFC 6238), by count (HOTP, RFC 4226), and sheets of recovery codes.

Each is good once, also when several requests bring it in the same moment: the row is changed only where it still is as
it was read.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from apps.auth.factors import ways
from apps.auth.factors.models import CodeDevice, RecoveryCode
from portal import sealing

if TYPE_CHECKING:
    from apps.auth.models import User

KEY_OCTETS = 20
STEPS = 1  # of time before and after now whose codes are good
AHEAD = 10  # codes of a card that may have been shown to nobody
RESYNC = 200  # codes that are looked through for two in a row
SHEET = 10
_ALGORITHMS: dict[str, type[hashes.SHA1 | hashes.SHA256 | hashes.SHA512]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha512": hashes.SHA512,
}
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another


# --- codes of apps and cards ------------------------------------------------------------------------------------------


def code_at(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "sha1") -> str:
    """RFC 4226 section 5.3, with the hash functions of RFC 6238 section 1.2."""
    made = HOTP(key, digits, _ALGORITHMS[algorithm](), enforce_key_length=False)
    return made.generate(counter).decode()


@sensitive_variables("code")
def accept(device: CodeDevice, code: str, *, now: float | None = None) -> bool:
    """Whether this is a code of it that nobody has used yet; from then on, it and all before it are used."""
    wanted = clean(code)
    try:
        key = device.key()
    except sealing.Broken:
        return False
    counter = next((at for at in _window(device, now) if _is(wanted, key, at, device)), None)
    return counter is not None and _use(device, counter)


def _window(device: CodeDevice, now: float | None) -> Iterable[int]:
    if device.kind == ways.HOTP:
        return range(device.counter, device.counter + AHEAD)
    step = int(time.time() if now is None else now) // device.period
    return range(max(step - STEPS, device.counter), step + STEPS + 1)


def _is(wanted: str, key: bytes, counter: int, device: CodeDevice) -> bool:
    made = code_at(key, counter, digits=device.digits, algorithm=device.algorithm)
    return hmac.compare_digest(made.encode(), wanted.encode())


def _use(device: CodeDevice, counter: int) -> bool:
    """Compare and set: of several that come at once, one is the first."""
    now = timezone.now()
    changed = CodeDevice.objects.filter(pk=device.pk, counter=device.counter).update(counter=counter + 1, used=now)
    if changed:
        device.counter, device.used = counter + 1, now
    return bool(changed)


def resynchronise(device: CodeDevice, first: str, second: str) -> bool:
    """Find a card's place again by two codes in a row (RFC 4226 section 7.4)."""
    try:
        key = device.key()
    except sealing.Broken:
        return False
    for counter in range(device.counter, device.counter + RESYNC):
        if _is(clean(first), key, counter, device) and _is(clean(second), key, counter + 1, device):
            return _use(device, counter + 1)
    return False


def clean(code: str) -> str:
    """As people type it: with blanks, or with digits of their script."""
    return "".join(str(int(char)) if char.isdecimal() else char for char in code if not char.isspace())


def new_app(user: User) -> CodeDevice:
    """An app that is not confirmed yet, with a key that nothing had before; one that was begun and left is gone."""
    with transaction.atomic():
        CodeDevice.objects.filter(user=user, kind=ways.TOTP, confirmed=False).delete()
        device = CodeDevice(user=user, kind=ways.TOTP, confirmed=False)
        device.put_key(secrets.token_bytes(KEY_OCTETS))
        device.save()
    return device


def app_uri(device: CodeDevice, *, issuer: str, account: str) -> str:
    """What the QR code says (the key URI format that apps have agreed on)."""
    import base64

    key = base64.b32encode(device.key()).decode().rstrip("=")
    values = {"secret": key, "issuer": issuer, "digits": device.digits, "period": device.period}
    return f"otpauth://totp/{quote(f'{issuer}:{account}')}?{urlencode(values, quote_via=quote)}"


def most_digits(devices: QuerySet[CodeDevice]) -> int:
    """How many the field for a code has room for: cards may show up to eight."""
    shown = devices.filter(confirmed=True).exclude(user=None)
    return int(shown.aggregate(most=Max("digits", default=6))["most"])


# --- recovery codes ---------------------------------------------------------------------------------------------------


def new_sheet(user: User) -> list[str]:
    """Ten codes, each good once, to be shown now and never again; the sheet from before is void."""
    made = [new_code() for _ in range(SHEET)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=user, digest=_recovery_digests(user, code)[0]) for code in made
        )
    return made


def new_code(groups: int = 3) -> str:
    """``"k7wq-m2dx-9hpt"``: 59 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(groups))


def use_recovery(user: User, code: str) -> bool:
    digests = _recovery_digests(user, code)
    return RecoveryCode.objects.filter(user=user, digest__in=digests, used=None).update(used=timezone.now()) == 1


def left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used=None).count()


def _recovery_digests(user: User, code: str) -> list[str]:
    return sealing.digests(f"{user.pk} {plain(code)}", purpose="recovery code")


def plain(code: str) -> str:
    """As it was made, however it is typed."""
    return "".join(char for char in code.lower() if char.isalnum())
