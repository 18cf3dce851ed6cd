"""The provider: how it describes itself (OpenID Connect Discovery 1.0), and what it is asked for (RFC 6749, OpenID
Connect Core 1.0).

Its description and its keys are kept in this process for an hour. A key that is not known is looked for once a minute
at most, so that made-up tokens make no requests.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from apps.auth.oauth.transport import Answer, Unavailable, ask

KEPT = 3600.0  # seconds
AGAIN = 60.0  # seconds between two looks for a key
UNKNOWN_LIFETIME = 300  # seconds of an access token whose provider does not say
MOST_TOKEN = 64 * 1024  # characters
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Refused(Exception):
    """The provider, or what it sent, does not let this person in. ``why``: a word for the log."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Gone(Exception):
    """The provider renews these tokens no more: the grant is over, or the person is gone."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a token endpoint has given."""

    token: str = field(repr=False)
    until: float  # seconds since the epoch, by our clock
    refresh: str = field(repr=False)  # "" for none
    id_token: str = field(default="", repr=False)


class _Kept:
    """Of one issuer, in this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.description: tuple[float, Mapping[str, Any]] = (0.0, {})
        self.keys: tuple[float, Sequence[Mapping[str, Any]]] = (0.0, ())


_kept: dict[str, _Kept] = {}


def _of_issuer() -> _Kept:
    return _kept.setdefault(settings.OIDC_ISSUER, _Kept())


def forget() -> None:
    """For tests: everything is asked anew."""
    _kept.clear()


# --- what it says of itself -------------------------------------------------------------------------------------------


def known() -> Mapping[str, Any]:
    """The description where it is at hand; empty else. Asks nobody."""
    return _of_issuer().description[1]


def describe(*, fresh: bool = False) -> Mapping[str, Any]:
    """Raises ``Unavailable``. ``fresh``: asked now."""
    kept = _of_issuer()
    since, description = kept.description
    if description and not fresh and time.monotonic() - since < KEPT:
        return description
    answer = ask(f"{settings.OIDC_ISSUER.rstrip('/')}/.well-known/openid-configuration")
    if answer.status != 200 or not answer.body:
        raise Unavailable(f"the provider's description cannot be had (status {answer.status})")
    if answer.body.get("issuer") != settings.OIDC_ISSUER:
        raise Unavailable("the provider's description is that of another issuer")
    for name in _ENDPOINTS:
        _address(answer.body, name)
    kept.description = (time.monotonic(), answer.body)
    return answer.body


def _address(description: Mapping[str, Any], name: str) -> str:
    """RFC 8414 section 2: an address of https, of this machine else."""
    from portal.conf import issuer as checked

    found = description.get(name)
    try:
        if isinstance(found, str) and found and checked(found.partition("?")[0]):
            return found
    except ValueError:
        pass
    raise Unavailable(f"the provider's description has no usable {name}")


def keys(kid: str | None) -> Sequence[Mapping[str, Any]]:
    """The provider's keys (RFC 7517), among which ``kid`` is where it has one of that name. Raises ``Unavailable``."""
    kept = _of_issuer()
    with kept.lock:
        since, found = kept.keys
        age = time.monotonic() - since
        missing = kid is not None and all(key.get("kid") != kid for key in found)
        if not found or age > KEPT or (missing and age > AGAIN):
            answer = ask(_address(describe(), "jwks_uri"))
            listed = answer.body.get("keys")
            if answer.status != 200 or not isinstance(listed, list):
                raise Unavailable("the provider's keys cannot be had")
            found = [key for key in listed if isinstance(key, dict)]
            kept.keys = (time.monotonic(), found)
        return found


# --- what it is asked for ---------------------------------------------------------------------------------------------


def way_there(*, redirect_uri: str, state: str, nonce: str, verifier: str, login: str = "", again: bool = False) -> str:
    """Where the browser is sent (RFC 6749 section 4.1.1, with PKCE of RFC 7636). Raises ``Unavailable``."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    values = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": settings.OIDC_SCOPES,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if login:
        values["login_hint"] = login
    address = _address(describe(), "authorization_endpoint")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}"


@sensitive_variables()
def exchange(code: str, *, redirect_uri: str, verifier: str) -> Granted:
    """A code for tokens. Raises ``Refused``, ``Unavailable``."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    answer = _token_endpoint(form)
    if answer.status != 200:
        raise _trouble(answer)
    granted = _granted(answer, refresh="")
    if not granted.id_token:
        raise Refused("no ID token")
    return granted


@sensitive_variables()
def renew(refresh: str) -> Granted:
    """New tokens for a refresh token, which is good once where the provider rotates them (RFC 9700 section 4.14.2).
    Raises ``Gone``, ``Unavailable``."""
    answer = _token_endpoint({"grant_type": "refresh_token", "refresh_token": refresh})
    if answer.status == 200:
        try:
            return _granted(answer, refresh=refresh)
        except Refused as error:
            raise Unavailable(str(error)) from error
    if 400 <= answer.status < 500 and answer.body.get("error") == "invalid_grant":
        raise Gone
    raise Unavailable(f"the provider renews no tokens ({_word(answer)})")


@sensitive_variables()
def about(token: str) -> Mapping[str, Any]:
    """The claims of the userinfo endpoint; empty where it has none. Raises ``Unavailable``."""
    description = describe()
    if "userinfo_endpoint" not in description:
        return {}
    answer = ask(_address(description, "userinfo_endpoint"), headers={"Authorization": f"Bearer {token}"})
    if answer.status != 200:
        raise Unavailable(f"the provider says nothing about the person (status {answer.status})")
    return answer.body


def way_out(*, back: str) -> str:
    """OpenID Connect RP-Initiated Logout 1.0; "" where the provider has none, or nothing is known of it yet."""
    description = known()
    if not description.get("end_session_endpoint"):
        return ""
    try:
        address = _address(description, "end_session_endpoint")
    except Unavailable:
        return ""
    values = urlencode({"client_id": settings.OIDC_CLIENT_ID, "post_logout_redirect_uri": back})
    return f"{address}{'&' if '?' in address else '?'}{values}"


@sensitive_variables()
def _token_endpoint(form: Mapping[str, str]) -> Answer:
    """As the client that the site is (RFC 6749 section 2.3.1); one without a secret is known by its name alone."""
    description = describe()
    address = _address(description, "token_endpoint")
    name, secret = settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET
    methods = description.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not secret:
        return ask(address, form={**form, "client_id": name})
    if "client_secret_basic" not in methods and "client_secret_post" in methods:
        return ask(address, form={**form, "client_id": name, "client_secret": secret})
    pair = base64.b64encode(f"{quote_plus(name)}:{quote_plus(secret)}".encode()).decode()
    return ask(address, form=form, headers={"Authorization": f"Basic {pair}"})


@sensitive_variables()
def _granted(answer: Answer, *, refresh: str) -> Granted:
    """RFC 6749 section 5.1. Raises ``Refused``."""
    body = answer.body
    token, kind, id_token = body.get("access_token"), body.get("token_type"), body.get("id_token", "")
    fresh, lifetime = body.get("refresh_token", ""), body.get("expires_in", UNKNOWN_LIFETIME)
    texts = (token, id_token, fresh)
    if not all(isinstance(text, str) and len(text) <= MOST_TOKEN for text in texts) or not token:
        raise Refused("no access token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Refused("a token of another kind")
    if not str(token).isascii() or not str(token).isprintable():
        raise Refused("a token that cannot travel")
    try:
        seconds = min(max(float(lifetime), 0.0), 30 * 86400.0)
    except (TypeError, ValueError):
        seconds = float(UNKNOWN_LIFETIME)
    return Granted(str(token), time.time() + seconds, fresh or refresh, id_token)


def _trouble(answer: Answer) -> Exception:
    """A code that is not good is somebody's fault, all else is the site's or the provider's."""
    if 400 <= answer.status < 500 and answer.body.get("error") == "invalid_grant":
        return Refused("the code is not good")
    return Unavailable(f"the provider gives no tokens ({_word(answer)})")


def _word(answer: Answer) -> str:
    error = answer.body.get("error")
    return (
        error[:40] if isinstance(error, str) and error.isascii() and error.isprintable() else f"status {answer.status}"
    )
