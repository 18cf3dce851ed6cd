"""Where the tokens of a sign-in lie, and how they are renewed: once, however many ask.

A row's content is sealed (AES-256-GCM) under a random key, which is what the session seals under its own split key, and
a delegation under DELEGATION_KEY. So one row serves both, a stolen database opens none of them, and renewing changes
neither the session nor the browser's half of the key. Who renews holds a lease; the others go on with the token they
have while it is good, and wait for a moment where it is not.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from apps.auth.oauth import provider
from apps.auth.oauth.models import TokenGrant
from apps.auth.oauth.provider import Gone, Granted
from apps.auth.oauth.transport import SECONDS, Unavailable
from portal.credentials import Locked
from portal.models import Delegation
from portal.secret import Bearer, Tokens

log = structlog.get_logger(__name__)
LEASE = timedelta(seconds=SECONDS * 3)
NEAR = 60.0  # seconds before its end at which a token is renewed
CHECK = 600.0  # seconds after which it is renewed even so: who is gone is out within a quarter of an hour
JUST_NOW = 30.0  # seconds for which a token is fresh: a server that refuses it would refuse the next one too
PATIENCE = SECONDS + 2.0  # seconds to wait for who renews
PAUSE = timedelta(seconds=15)  # after a provider did not answer, while the token is still good
_POLL = 0.05
_waiting = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@dataclass(frozen=True, slots=True)
class _Content:
    token: str = field(repr=False)
    until: float
    since: float
    refresh: str = field(repr=False)

    @classmethod
    def of(cls, granted: Granted) -> _Content:
        return cls(granted.token, granted.until, time.time(), granted.refresh)

    def is_good(self, refused: str) -> bool:
        return bool(self.token) and self.token != refused and time.time() < self.until - 2

    def is_new(self) -> bool:
        return time.time() - self.since < min(JUST_NOW, (self.until - self.since) / 4)

    def is_due(self, refused: str) -> bool:
        """Whether it is to be renewed, if it can be."""
        now = time.time()
        near = min(NEAR, (self.until - self.since) / 4)
        return not self.is_good(refused) or now >= self.until - near or now - self.since >= CHECK


@sensitive_variables()
def keep(user_id: int, granted: Granted) -> Tokens:
    """A row for a new sign-in."""
    key = secrets.token_bytes(32)
    row = TokenGrant(id=uuid.uuid4().hex, user_id=user_id, renewed=timezone.now())
    row.sealed = _seal(row, key, _Content.of(granted))
    row.save(force_insert=True)
    return Tokens(row.id, base64.b64encode(key).decode())


@sensitive_variables()
def put_in(tokens: Tokens, user_id: int, granted: Granted) -> bool:
    """Into the row that is there, for somebody who has signed in once more: what waits for these tokens goes on. False
    where there is none that opens."""
    row = TokenGrant.objects.filter(pk=tokens.row, user_id=user_id).first()
    if row is None or _open(row, tokens) is None:
        return False
    sealed = _seal(row, base64.b64decode(tokens.key), _Content.of(granted))
    return _store(row, sealed=sealed)


@sensitive_variables()
def bearer(tokens: Tokens, *, refused: str = "") -> Bearer:
    """A token that is good for some time yet. Raises ``Locked`` where none can be had any more, ``Unavailable``."""
    until = time.monotonic() + PATIENCE
    with _Wait() as wait:
        while True:
            row = TokenGrant.objects.filter(pk=tokens.row).first()
            content = _open(row, tokens) if row is not None else None
            if row is None or content is None or not content.token:
                raise Locked(refused=True)
            if not content.is_due(refused):
                return Bearer(content.token, tokens.of)
            if not content.refresh or (refused == content.token and content.is_new()):
                return _as_it_is(content, tokens, refused)
            if _lease(row):
                return _renewed(row, tokens, content, refused)
            if content.is_good(refused):
                return Bearer(content.token, tokens.of)
            wait.a_little(until)


def _as_it_is(content: _Content, tokens: Tokens, refused: str) -> Bearer:
    if content.is_good(refused):
        return Bearer(content.token, tokens.of)
    raise Locked(refused=True)


@sensitive_variables()
def _renewed(row: TokenGrant, tokens: Tokens, content: _Content, refused: str) -> Bearer:
    """By the holder of the lease."""
    key = base64.b64decode(tokens.key)
    try:
        granted = provider.renew(content.refresh)
    except Gone:
        log.warning("tokens_over", user=row.user_id)
        empty = _Content("", 0.0, 0.0, "")  # the row stays: who signs in again fills it for all that waits
        _store(row, sealed=_seal(row, key, empty))
        raise Locked(refused=True) from None
    except Unavailable as error:
        good = content.is_good(refused)
        log.warning("tokens_not_renewed", user=row.user_id, reason=str(error))
        _release(row, timezone.now() + PAUSE if good else None)
        if good:
            return Bearer(content.token, tokens.of)
        raise
    except BaseException:
        _release(row, None)
        raise
    _store(row, sealed=_seal(row, key, _Content.of(granted)))
    return Bearer(granted.token, tokens.of)


def forget(tokens: Tokens, *, user_id: int) -> None:
    """The session is over. What waits to be sent with the same tokens still needs them."""
    if not Delegation.objects.filter(user_id=user_id).exists():
        TokenGrant.objects.filter(pk=tokens.row, user_id=user_id).delete()


def expire(*, now: datetime | None = None) -> int:
    """Remove those that no session and nothing that waits can hold any more; returns how many went."""
    hours = max(settings.SESSION_MAX_HOURS, settings.SESSION_MAX_HOURS_UNTRUSTED, 24 * 8)
    before = (now or timezone.now()) - timedelta(hours=hours)
    return TokenGrant.objects.filter(renewed__lt=before).delete()[0]


class _Wait:
    """For who renews. Those who wait are a quarter of the request threads at most."""

    def __init__(self) -> None:
        self._entered = False

    def __enter__(self) -> _Wait:
        return self

    def a_little(self, until: float) -> None:
        """Raises ``Unavailable`` when it has been long enough, or too many wait."""
        if not self._entered:
            self._entered = _waiting.acquire(blocking=False)
        if not self._entered or time.monotonic() >= until:
            raise Unavailable("the tokens are being renewed, and that takes too long")
        time.sleep(_POLL)

    def __exit__(self, *exception: object) -> None:
        if self._entered:
            _waiting.release()


# --- the row ----------------------------------------------------------------------------------------------------------


def _lease(row: TokenGrant) -> bool:
    """By compare and set: of several who ask in the same moment one goes, in whichever process they are."""
    now = timezone.now()
    free = TokenGrant.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now), pk=row.pk, version=row.version)
    return bool(free.update(lease_until=now + LEASE))


def _release(row: TokenGrant, until: datetime | None) -> None:
    TokenGrant.objects.filter(pk=row.pk, version=row.version).update(lease_until=until)


def _store(row: TokenGrant, *, sealed: bytes) -> bool:
    mine = TokenGrant.objects.filter(pk=row.pk, version=row.version)
    return bool(mine.update(sealed=sealed, version=row.version + 1, lease_until=None, renewed=timezone.now()))


def _seal(row: TokenGrant, key: bytes, content: _Content) -> bytes:
    nonce = secrets.token_bytes(12)
    text = json.dumps([content.token, content.until, content.since, content.refresh]).encode()
    return nonce + AESGCM(key).encrypt(nonce, text, _bound(row))


def _open(row: TokenGrant, tokens: Tokens) -> _Content | None:
    box = bytes(row.sealed)
    try:
        key = base64.b64decode(tokens.key)
        return _Content(*json.loads(AESGCM(key).decrypt(box[:12], box[12:], _bound(row))))
    except (InvalidTag, ValueError):
        return None


def _bound(row: TokenGrant) -> bytes:
    return f"tokens {row.pk} {row.user_id}".encode()
