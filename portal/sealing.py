"""What the server itself keeps sealed: secrets that have to open without the browser, such as keys of one-time codes.

AES-256-GCM under keys derived (HKDF-SHA-256, RFC 5869) from ``DELEGATION_KEY``, which lies outside the database and its
backups; a stolen database opens nothing. ``purpose`` names the kind of secret, ``bound`` what it belongs to: a box that
was moved to another row does not open. While a key is being changed, what is sealed under one of
``DELEGATION_KEY_FALLBACKS`` still opens.
"""

from __future__ import annotations

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

_SALT, _NONCE = 16, 12  # octets


class Broken(Exception):
    """The box was changed, belongs to something else, or its key is gone."""


@sensitive_variables("content")
def seal(content: bytes, *, purpose: str, bound: str) -> bytes:
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    return salt + nonce + AESGCM(_key(settings.DELEGATION_KEY, purpose, salt)).encrypt(nonce, content, bound.encode())


def unseal(box: bytes, *, purpose: str, bound: str) -> bytes:
    """Raises ``Broken``."""
    salt, nonce, sealed = box[:_SALT], box[_SALT : _SALT + _NONCE], box[_SALT + _NONCE :]
    for server_key in (settings.DELEGATION_KEY, *settings.DELEGATION_KEY_FALLBACKS):
        try:
            return AESGCM(_key(server_key, purpose, salt)).decrypt(nonce, sealed, bound.encode())
        except (InvalidTag, ValueError):  # ValueError: a part of an impossible length
            continue
    raise Broken


def digests(content: str, *, purpose: str) -> list[str]:
    """Keyed digests by which a code can be found and not be guessed from; the first is the one to store."""
    keys = (settings.DELEGATION_KEY, *settings.DELEGATION_KEY_FALLBACKS)
    return [hmac.digest(_key(key, purpose, b""), content.encode(), "sha256").hex() for key in keys]


def _key(server_key: str, purpose: str, salt: bytes) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=salt, info=f"yurt sealed {purpose}".encode())
    return hkdf.derive(server_key.encode())
