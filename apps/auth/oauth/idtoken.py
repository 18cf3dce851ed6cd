"""ID tokens: who it is, by the provider's signature (OpenID Connect Core 1.0 section 3.1.3.7, RFC 8725)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from apps.auth.oauth import provider
from apps.auth.oauth.provider import Refused

#: Signatures by a key that only the provider has. Never "none", and no HS…: what we know ourselves proves nothing.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY = 60  # seconds that the clocks may differ
_REQUIRED = ["iss", "sub", "aud", "exp", "iat"]


@sensitive_variables("token")
def claims(token: str, *, nonce: str) -> Mapping[str, Any]:
    """What the token says, if it is for us, from the provider, in time, and for this very sign-in. Raises ``Refused``,
    ``Unavailable``."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise Refused("the ID token cannot be read") from error
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise Refused("the ID token is signed in no way that counts")
    found = _verified(token, algorithm, kid if isinstance(kid, str) else None)
    _check(found, nonce)
    return found


@sensitive_variables("token")
def _verified(token: str, algorithm: str, kid: str | None) -> Mapping[str, Any]:
    for key in _candidates(algorithm, kid):
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=settings.OIDC_CLIENT_ID,
                issuer=settings.OIDC_ISSUER,
                leeway=LEEWAY,
                options={"require": _REQUIRED, "enforce_minimum_key_length": True},
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise Refused(f"the ID token is not good: {error.__class__.__name__}") from error
        return found
    raise Refused("no key of the provider has signed the ID token")


def _candidates(algorithm: str, kid: str | None) -> Iterator[jwt.PyJWK]:
    for data in provider.keys(kid):
        fits = data.get("use", "sig") == "sig" and data.get("alg", algorithm) == algorithm
        if not fits or (kid is not None and data.get("kid") != kid):
            continue
        try:
            yield jwt.PyJWK(dict(data), algorithm)
        except (jwt.PyJWTError, TypeError, ValueError, KeyError):
            continue  # of another kind than the signature, or broken


def _check(found: Mapping[str, Any], nonce: str) -> None:
    audience = found["aud"]
    party = found.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in (
        None,
        settings.OIDC_CLIENT_ID,
    ):
        raise Refused("the ID token is for another party")
    said = found.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise Refused("the ID token is of another sign-in")
    if not isinstance(found["sub"], str) or not 0 < len(found["sub"]) <= 255:
        raise Refused("the ID token names nobody")
