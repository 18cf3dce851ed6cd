"""The passwords of somebody's other accounts: kept, and open only while their owner is here.

Each is sealed (AES-256-GCM) under the person's account key. That key is sealed under the password that they sign in
with (Argon2id), and once more under the site's key outside the database: a stolen database opens nothing, and together
with the site's key still costs a guess of the password for each try. Signing in opens it; for the time of the session
it lies there, sealed under what only this browser and the site can make together (``portal.credentials.data_key``).

Where the sign-in password has changed elsewhere, the key opens no more, and each account asks for its password once.
Who signs in with tokens of a provider has no password to seal under: then passwords are kept for the session only.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from apps.mail.account_models import AccountKey, OtherAccount
from apps.mail.mailbox.errors import AccountLocked
from portal import credentials, sealing
from portal.credentials import Locked
from portal.registry import Resealed
from portal.secret import Secret

if TYPE_CHECKING:
    from portal.http import PortalRequest

PURPOSE = "mail account key"
_KEY, _PASSWORDS = "mail.account_key", "mail.account_passwords"  # in the session
_NONCE = 12


# sealed with a key of ours


def _seal(key: bytes, content: bytes, bound: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, bound.encode())


def _open(key: bytes, box: bytes, bound: str) -> bytes | None:
    try:
        return AESGCM(key).decrypt(box[:_NONCE], box[_NONCE:], bound.encode())
    except (InvalidTag, ValueError):
        return None


# the account key


@sensitive_variables()
def _of_password(password: str, salt: bytes) -> bytes:
    """The second recommendation of RFC 9106 section 4."""
    octets = password.encode("utf-8", "surrogatepass")
    return hash_secret_raw(octets, salt, time_cost=3, memory_cost=64 * 1024, parallelism=4, hash_len=32, type=Type.ID)


@sensitive_variables()
def opened(request: HttpRequest, secret: Secret) -> None:
    """Somebody has signed in, or said their new password: from now on their accounts open in this session. A new one
    takes over the key that this session has; a key that neither opens stays as it is until an account is told its
    password again."""
    user_id = request.user.pk or 0
    if not isinstance(secret, str) or (row := AccountKey.objects.filter(user_id=user_id).first()) is None:
        return
    held = _held(request)
    if (key := _unsealed(row, secret)) is not None:
        _hold(request, key)
    elif held is not None and _is_of(row, held):
        _keep(user_id, held, secret)
    else:
        request.session.pop(_KEY, None)


@sensitive_variables()
def _unsealed(row: AccountKey, password: str) -> bytes | None:
    try:
        inner = sealing.unseal(bytes(row.sealed), purpose=PURPOSE, bound=str(row.user_id))
    except sealing.Broken:
        return None
    return _open(_of_password(password, bytes(row.salt)), inner[_MARK:], str(row.user_id))


_MARK = 16  # octets in front of the sealed key that tell which one it is


def _mark(key: bytes) -> bytes:
    return hashlib.sha256(b"which key" + key).digest()[:_MARK]


def _is_of(row: AccountKey, key: bytes) -> bool:
    try:
        inner = sealing.unseal(bytes(row.sealed), purpose=PURPOSE, bound=str(row.user_id))
    except sealing.Broken:
        return False
    return secrets.compare_digest(inner[:_MARK], _mark(key))


@sensitive_variables()
def _keep(user_id: int, key: bytes, password: str) -> None:
    salt = secrets.token_bytes(16)
    inner = _mark(key) + _seal(_of_password(password, salt), key, str(user_id))
    box = sealing.seal(inner, purpose=PURPOSE, bound=str(user_id))
    AccountKey.objects.update_or_create(user_id=user_id, defaults={"salt": salt, "sealed": box})


def _hold(request: HttpRequest, key: bytes) -> None:
    box = _seal(credentials.data_key(request), key, f"{_KEY} {request.user.pk}")
    request.session[_KEY] = base64.b64encode(box).decode()


def _held(request: HttpRequest) -> bytes | None:
    box = request.session.get(_KEY)
    if not box:
        return None
    try:
        return _open(credentials.data_key(request), base64.b64decode(box), f"{_KEY} {request.user.pk}")
    except Locked:
        return None


# passwords


def are_kept(request: PortalRequest) -> bool:
    """Whether they are, beyond this session."""
    return isinstance(credentials.unseal(request), str)


@sensitive_variables()
def keep(request: PortalRequest, account: OtherAccount, password: str) -> None:
    """Raises ``portal.credentials.Locked``."""
    main = credentials.unseal(request)
    forget(request, account.pk)
    if isinstance(main, str):
        key = _held(request)
        row = AccountKey.objects.filter(user_id=account.user_id).first()
        if key is None or row is None or not _is_of(row, key):
            key = secrets.token_bytes(32)
            _keep(account.user_id, key, main)
            _hold(request, key)
        account.sealed = _seal(key, password.encode("utf-8", "surrogatepass"), _bound(account))
    else:
        account.sealed = b""
        box = _seal(credentials.data_key(request), password.encode("utf-8", "surrogatepass"), _bound(account))
        kept = dict(request.session.get(_PASSWORDS, {}))
        request.session[_PASSWORDS] = kept | {str(account.pk): base64.b64encode(box).decode()}
    OtherAccount.objects.filter(pk=account.pk).update(sealed=account.sealed)


def forget(request: PortalRequest, number: int) -> None:
    """What this session alone has."""
    kept = dict(request.session.get(_PASSWORDS, {}))
    if kept.pop(str(number), None) is not None:
        request.session[_PASSWORDS] = kept


def _bound(account: OtherAccount) -> str:
    """A box opens for this account at these servers only: a row that was changed sends no password elsewhere."""
    return f"{account.user_id} {account.pk} {account.incoming} {account.login} {account.outgoing}"


@sensitive_variables()
def password_of(request: PortalRequest, account: OtherAccount) -> str:
    """Raises ``AccountLocked``, ``portal.credentials.Locked`` where the session itself opens no more."""
    data_key = credentials.data_key(request)
    found: bytes | None = None
    if account.sealed and (key := _held(request)) is not None:
        found = _open(key, bytes(account.sealed), _bound(account))
    elif box := request.session.get(_PASSWORDS, {}).get(str(account.pk)):
        found = _open(data_key, base64.b64decode(box), _bound(account))
    if found is None:
        raise AccountLocked(account.pk)
    return found.decode("utf-8", "surrogatepass")


# another key of the site


def reseal() -> Resealed:
    """Nobody has to be here for that: the person's part stays sealed inside."""
    done = lost = 0
    for row in AccountKey.objects.order_by("pk").iterator():
        try:
            inner = sealing.unseal(bytes(row.sealed), purpose=PURPOSE, bound=str(row.user_id))
        except sealing.Broken:
            lost += 1
            continue
        box = sealing.seal(inner, purpose=PURPOSE, bound=str(row.user_id))
        done += AccountKey.objects.filter(pk=row.pk, salt=row.salt).update(sealed=box)
    return Resealed(done=done, waiting=0, lost=lost)
