"""Secrets for work that goes on without the browser, each for one task of one account, and for a while only.

The mail password that a session holds opens only while its owner is here (``portal.credentials``). What has to be done
later (a message waiting to be sent) gets a secret of its own: the password, or the key to tokens, and a fresh data key,
sealed (AES-256-GCM) under a key that lies outside the database and its backups (``DELEGATION_KEY``, or the file
``delegation_key`` in the data folder). Person, task, account and expiry are authenticated with it: a row that was
changed opens nothing.

``grant`` for a task, ``unseal`` when it runs, ``renew`` with a new password, ``extend`` where it goes on for longer,
``end`` at its final state. People see
theirs under Sessions and can revoke them; an app says there what a kind of delegation is (``registry.DelegationKind``).
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from portal.models import Delegation
from portal.registry import Resealed
from portal.secret import Secret, packed, unpacked

LIFETIME = timedelta(days=7)
_SALT, _NONCE = 16, 12  # octets


class Over(Exception):
    """The delegation has expired, was revoked, or does not open."""


class CannotRevoke(Exception):
    """What the delegation is for cannot be called off just now. The text is for people."""


@dataclass(frozen=True, slots=True)
class Opened:
    secret: Secret = field(repr=False)  # see portal.credentials.shown
    key: bytes = field(repr=False)  # 32 octets, for what the task lays down meanwhile

    def seal(self, octets: bytes, *, purpose: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, octets, purpose.encode())

    def unseal(self, box: bytes, *, purpose: str) -> bytes:
        """Raises ``Over`` for what was sealed under another delegation, or for another purpose."""
        try:
            return AESGCM(self.key).decrypt(box[:_NONCE], box[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise Over from error


@sensitive_variables("secret")
def grant(
    *, user_id: int, kind: str, task: str, account: str, secret: Secret, lifetime: timedelta = LIFETIME
) -> tuple[Delegation, Opened]:
    """A delegation for one task, to be saved in the transaction that writes down the task itself. ``account``: whose
    mailbox, as its owner knows it."""
    now = timezone.now().replace(microsecond=0)
    row = Delegation(user_id=user_id, kind=kind, task=task, account=account, created=now, expires=now + lifetime)
    opened = Opened(secret, secrets.token_bytes(32))
    row.sealed = _seal(row, opened)
    return row, opened


def unseal(row: Delegation | None, *, now: datetime | None = None) -> Opened:
    """Raises ``Over``."""
    if row is None or row.expires <= (now or timezone.now()):
        raise Over
    box = bytes(row.sealed)
    salt, nonce = box[:_SALT], box[_SALT : _SALT + _NONCE]
    for server_key in (settings.DELEGATION_KEY, *settings.DELEGATION_KEY_FALLBACKS):
        try:
            content = AESGCM(_key(server_key, salt)).decrypt(nonce, box[_SALT + _NONCE :], _bound(row))
        except (InvalidTag, ValueError):
            continue
        secret, key = json.loads(content)
        return Opened(unpacked(secret), base64.b64decode(key))
    raise Over


@sensitive_variables("secret")
def renew(row: Delegation, *, secret: Secret) -> Opened:
    """Put the password in that is the right one now; what was laid down under its data key stays readable."""
    opened = Opened(secret, unseal(row).key)
    row.sealed = _seal(row, opened)
    row.save(update_fields=["sealed"])
    return opened


def extend(row: Delegation, *, until: datetime) -> None:
    """Keep it for longer. The expiry is bound to what is sealed, so it is sealed anew. Raises ``Over``."""
    opened = unseal(row)
    row.expires = until.replace(microsecond=0)
    row.sealed = _seal(row, opened)
    row.save(update_fields=["sealed", "expires"])


def end(row: Delegation) -> None:
    """The task is done, or called off: nothing is left that could be opened."""
    Delegation.objects.filter(pk=row.pk).delete()


def end_all(*, user_id: int) -> int:
    """Everything of somebody who has left; what it was for cannot be done any more. Returns how many went."""
    return Delegation.objects.filter(user=user_id).delete()[0]


def reseal_all() -> Resealed:
    """Under the present key."""
    done = lost = 0
    for row in Delegation.objects.filter(expires__gt=timezone.now()).iterator(chunk_size=500):
        try:
            row.sealed = _seal(row, unseal(row))
        except Over:
            lost += 1
            continue
        row.save(update_fields=["sealed"])
        done += 1
    return Resealed(done=done, lost=lost)


def expire(*, now: datetime | None = None) -> int:
    """Remove what has expired; returns how many went."""
    return Delegation.objects.filter(expires__lte=now or timezone.now()).delete()[0]


def _seal(row: Delegation, opened: Opened) -> bytes:
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    content = json.dumps([packed(opened.secret), base64.b64encode(opened.key).decode()]).encode()
    return salt + nonce + AESGCM(_key(settings.DELEGATION_KEY, salt)).encrypt(nonce, content, _bound(row))


def _bound(row: Delegation) -> bytes:
    """What the ciphertext is bound to."""
    return json.dumps([row.user_id, row.kind, row.task, row.account, int(row.expires.timestamp())]).encode()


def _key(server_key: str, salt: bytes) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"yurt delegation")
    return hkdf.derive(server_key.encode())
