"""Passkeys and security keys (WebAuthn Level 3): made, proved with, and, where they can, opening the mailbox alone.

The key finds its owner by itself (discoverable credentials), so the page tells nothing about who has one. A challenge
is a signed number with an end, good once.

Keys with the PRF extension give the browser a secret that nobody else can compute. With that and our own key the mail
password is sealed into the row: it opens only while the key is touched, and never without us.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import webauthn
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from apps.auth.factors.models import Passkey
from portal import sealing

if TYPE_CHECKING:
    from apps.auth.models import User

PATIENCE = 5 * 60  # seconds to touch a key
MOST = 20  # of one person
PRF_SALT = b"yurt: the mail password of this passkey, 1"  # what the key is asked about; it never changes
_SALT = "auth.passkey"
#: What an answer that no script of ours has made may raise; the last of them for one that is nested deeply.
_ODD = (WebAuthnException, KeyError, TypeError, ValueError, RecursionError)


class Refused(Exception):
    """What came is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Proof:
    passkey: Passkey
    prf: bytes = field(repr=False)  # 32 octets; b"" where the key cannot, or the browser does not


# --- asking ---------------------------------------------------------------------------------------------------------


def to_prove(request: HttpRequest) -> dict[str, Any]:
    """What the page's script needs to ask for any key of this site."""
    challenge = secrets.token_bytes(32)
    options = webauthn.generate_authentication_options(
        rp_id=_site(request),
        challenge=challenge,
        timeout=PATIENCE * 1000,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _asked(options, challenge, "prove")


def to_make(request: HttpRequest, user: User) -> dict[str, Any]:
    challenge = secrets.token_bytes(32)
    options = webauthn.generate_registration_options(
        rp_id=_site(request),
        rp_name=settings.SITE_NAME,
        user_id=f"{user.pk}".encode(),
        user_name=user.get_username(),
        user_display_name=user.get_full_name(),
        challenge=challenge,
        timeout=PATIENCE * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(known.credential))
            for known in Passkey.objects.filter(user=user)
        ],
    )
    return _asked(options, challenge, f"make {user.pk}")


def _asked(options: Any, challenge: bytes, what: str) -> dict[str, Any]:
    public = json.loads(webauthn.options_to_json(options))
    token = signing.dumps([what, bytes_to_base64url(challenge)], salt=_SALT)
    return {"options": public, "token": token, "prf": bytes_to_base64url(PRF_SALT)}


# --- what comes back ------------------------------------------------------------------------------------------------


def prove(request: HttpRequest, answer: str) -> Proof:
    """The passkey that was touched. Raises ``Refused``."""
    content, challenge = _opened(answer, "prove")
    try:
        credential = content["credential"]
        passkey = Passkey.objects.select_related("user").get(digest=Passkey.digest_of(str(credential["id"])))
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_site(request),
            expected_origin=_origin(request),
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (Passkey.DoesNotExist, *_ODD) as error:
        raise Refused(error.__class__.__name__) from error
    if not passkey.user.is_active:
        raise Refused("inactive")
    Passkey.objects.filter(pk=passkey.pk).update(sign_count=verified.new_sign_count, used=timezone.now())
    return Proof(passkey, _prf(content))


@sensitive_variables("secret", "content")
def make(request: HttpRequest, user: User, answer: str, *, name: str, secret: str = "") -> Passkey:
    """A new passkey of ``user``. With ``secret``, the mail password, it opens the mailbox alone, where it can.

    Raises ``Refused``.
    """
    content, challenge = _opened(answer, f"make {user.pk}")
    if Passkey.objects.filter(user=user).count() >= MOST:
        raise Refused("too many")
    try:
        verified = webauthn.verify_registration_response(
            credential=content["credential"],
            expected_challenge=challenge,
            expected_rp_id=_site(request),
            expected_origin=_origin(request),
            require_user_verification=True,
        )
    except _ODD as error:
        raise Refused(error.__class__.__name__) from error
    credential = bytes_to_base64url(verified.credential_id)
    passkey = Passkey(
        user=user,
        name=name[:64],
        credential=credential,
        digest=Passkey.digest_of(credential),
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
    )
    prf = _prf(content)
    if secret and prf:
        passkey.sealed = _seal(passkey, prf, secret)
    try:
        with transaction.atomic():
            passkey.save()
    except IntegrityError as error:
        raise Refused("known") from error
    return passkey


@sensitive_variables()
def mail_password(proof: Proof) -> str:
    """What was sealed into it; "" where nothing was, or it does not open."""
    if not proof.prf or not proof.passkey.sealed:
        return ""
    passkey, purpose = proof.passkey, _purpose(proof.prf)
    try:
        secret = sealing.unseal(bytes(passkey.sealed), purpose=purpose, bound=_bound(passkey)).decode()
    except sealing.Broken:
        return ""
    if settings.DELEGATION_KEY_FALLBACKS:  # the key is being changed, and only now can this be sealed anew
        Passkey.objects.filter(pk=passkey.pk).update(sealed=_seal(passkey, proof.prf, secret))
    return secret


def forget_password(passkey: Passkey) -> None:
    """The mail server does not take it any more."""
    Passkey.objects.filter(pk=passkey.pk).update(sealed=b"")


def _seal(passkey: Passkey, prf: bytes, secret: str) -> bytes:
    return sealing.seal(secret.encode(), purpose=_purpose(prf), bound=_bound(passkey))


def _purpose(prf: bytes) -> str:
    """The key is derived from ours and from this: what the passkey alone can tell."""
    half = HKDF(algorithm=SHA256(), length=32, salt=b"", info=b"yurt passkey").derive(prf)
    return f"passkey {half.hex()}"


def _bound(passkey: Passkey) -> str:
    return f"{passkey.user_id} {passkey.credential}"


def _opened(answer: str, what: str) -> tuple[dict[str, Any], bytes]:
    """The script's answer and the challenge that it belongs to, which is used up now. Raises ``Refused``."""
    try:
        content = json.loads(answer)
        asked, challenge = signing.loads(content["token"], salt=_SALT, max_age=PATIENCE)
    except (signing.BadSignature, *_ODD) as error:
        raise Refused("token") from error
    if asked != what or not cache.add(f"auth.challenge.{challenge}", True, PATIENCE + 60):
        raise Refused("used")
    return content, base64url_to_bytes(challenge)


def _prf(content: dict[str, Any]) -> bytes:
    try:
        octets = base64.urlsafe_b64decode(str(content.get("prf") or "") + "==")
    except (ValueError, binascii.Error):
        return b""
    return octets if len(octets) == 32 else b""


def _origin(request: HttpRequest) -> str:
    return settings.BASE_URL.origin or f"{request.scheme}://{request.get_host()}"


def _site(request: HttpRequest) -> str:
    """The relying party: the host without its port."""
    return urlsplit(_origin(request)).hostname or ""
