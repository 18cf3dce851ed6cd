"""The mail password, or the key to tokens (``portal.secret``), sealed for the time of a session under a key that nobody
holds alone.

The key is derived (HKDF-SHA-256, RFC 5869) from a random half in an HttpOnly cookie of the browser and the site's
secret key, with a salt of its own for each session. The ciphertext (AES-256-GCM, bound to the user) lies in the
session. So a stolen database, session store, cache or backup opens no mailbox, with the secret key or without; a
stolen cookie opens none without the session.

``seal`` right after sign-in, ``unseal`` wherever a server asks for the password and ``shown`` for what it gets to see,
``forget`` at sign-out.
``CredentialsMiddleware`` carries the cookie. Nobody keeps what ``unseal`` returned beyond the request, except the
connection that was opened with it. ``data_key`` is a key for what a session has to lay on disk for a while (files
waiting to be attached); it is sealed beside the password and outlives a change of it.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.debug import sensitive_variables

from portal.registry import get_registry
from portal.secret import Secret, Shown, packed, unpacked

FIELD = "portal_password"  # the form field in which a repeated form brings the password along
LOGIN_FIELD = "portal_username"  # beside it where the session had ended too
VISIT_FIELD = "portal_visit"  # present when it was a link that was followed, and no form to repeat
RETURN_FIELD = "portal_signed_in"  # instead of a password: the person has signed in elsewhere meanwhile
_BOX = "portal.credentials"  # session key: [salt, nonce, ciphertext], each base64
_PENDING = "_portal_credentials_cookie"  # on the request: the browser's half to set, "" to delete


class Locked(Exception):
    """There is no secret that this request can open: the person has to enter the password again.

    An app raises it as well when the server refuses the password that was sealed. ``refused`` tells the two apart.
    """

    def __init__(self, *, refused: bool = False) -> None:
        super().__init__("the sealed secret was refused" if refused else "no secret can be opened")
        self.refused = refused


#: A secret was right just now and is sealed; with ``request`` and ``secret``.
sealed = Signal()


@sensitive_variables("secret", "half")
def seal(request: HttpRequest, *, secret: Secret) -> None:
    """Seal ``secret`` for this session and its user, replacing any former one; each time under a new key."""
    data_key = _data_key(request) or base64.b64encode(secrets.token_bytes(32)).decode()
    half, salt, nonce = secrets.token_bytes(32), secrets.token_bytes(16), secrets.token_bytes(12)
    cipher = AESGCM(_key(half, settings.SECRET_KEY, salt))
    box = cipher.encrypt(nonce, json.dumps([packed(secret), data_key]).encode(), _owner(request))
    request.session[_BOX] = [base64.b64encode(part).decode() for part in (salt, nonce, box)]
    setattr(request, _PENDING, base64.urlsafe_b64encode(half).decode())
    sealed.send(sender=None, request=request, secret=secret)


def unseal(request: HttpRequest) -> Secret:
    """The secret. Raises ``Locked``."""
    return _open(request)[0]


@sensitive_variables("secret")
def shown(secret: Secret, *, refused: str = "") -> Shown:
    """What a server gets to see of it; tokens that are about to expire are renewed for that, or because a server has
    just ``refused`` this one. Raises ``Locked`` where there is none any more, ``portal.accounts.SignInUnavailable``."""
    if isinstance(secret, str):
        return secret
    provider = get_registry().provider
    if provider is None:  # the site signs nobody in that way any more
        raise Locked
    return provider.bearer(secret, refused=refused)


def data_key(request: HttpRequest) -> bytes:
    """32 octets that stay the same for this session and this user. Raises ``Locked``."""
    return base64.b64decode(_open(request)[1])


@sensitive_variables()
def _data_key(request: HttpRequest) -> str:
    try:
        return _open(request)[1]
    except Locked:
        return ""


@sensitive_variables()
def _open(request: HttpRequest) -> tuple[Secret, str]:
    try:
        salt, nonce, box = (base64.b64decode(part) for part in request.session[_BOX])
        half = base64.urlsafe_b64decode(_cookie(request))
    except (KeyError, ValueError, TypeError, binascii.Error):
        raise Locked from None
    for server_key in _server_keys():
        try:
            secret, data_key = json.loads(AESGCM(_key(half, server_key, salt)).decrypt(nonce, box, _owner(request)))
        except (InvalidTag, ValueError):  # ValueError: a part of an impossible length
            continue
        return unpacked(secret), data_key
    raise Locked


def is_sealed(request: HttpRequest) -> bool:
    """True when this session holds a secret; whether it opens, only ``unseal`` tells."""
    return _BOX in request.session


def forget(request: HttpRequest) -> None:
    """Destroy the secret: the session's part now, the browser's with the response."""
    request.session.pop(_BOX, None)
    setattr(request, _PENDING, "")


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Carry the browser's half to the browser, or take it away. For ``CredentialsMiddleware``."""
    half: str | None = getattr(request, _PENDING, None)
    if half:
        response.set_cookie(
            settings.CREDENTIALS_COOKIE_NAME,
            half,
            path=settings.COOKIE_PATH,
            secure=settings.SECURE_SITE,
            httponly=True,
            samesite="Lax",
        )
    elif half == "":
        response.delete_cookie(settings.CREDENTIALS_COOKIE_NAME, path=settings.COOKIE_PATH, samesite="Lax")


def _cookie(request: HttpRequest) -> str:
    pending: str | None = getattr(request, _PENDING, None)
    return request.COOKIES.get(settings.CREDENTIALS_COOKIE_NAME, "") if pending is None else pending


def _owner(request: HttpRequest) -> bytes:
    """What the ciphertext is bound to: it does not open in another person's session."""
    return f"user:{request.user.pk}".encode()


def _server_keys() -> Iterator[str]:
    yield settings.SECRET_KEY
    yield from settings.SECRET_KEY_FALLBACKS


def _key(half: bytes, server_key: str, salt: bytes) -> bytes:
    if len(half) != 32:
        raise Locked
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"yurt mail password")
    return hkdf.derive(half + server_key.encode())
