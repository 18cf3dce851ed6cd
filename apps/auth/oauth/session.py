"""What lies in sessions: sign-ins on their way to the provider and back, and when a person was last asked about."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import asdict, dataclass

from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpRequest

from portal import credentials
from portal.accounts import SignInUnavailable
from portal.http import PortalRequest
from portal.secret import Tokens
from portal.security_events import tell

ON_THE_WAY = "auth.oauth.on_the_way"  # in the session that begins: ``Trip`` by its state
ASKED = "auth.oauth.asked"  # in that of somebody who is signed in: when the tokens were last seen to be good
SAID = "auth.oauth.said"  # why somebody could not be signed in once more, whereto, and whether in a tab of its own
PATIENCE = 10 * 60  # seconds from here to the provider and back
MOST = 5  # of one browser at once
CHECK = 10 * 60  # seconds between two looks whether somebody is still there


@dataclass(frozen=True, slots=True)
class Trip:
    """One way to the provider and back."""

    nonce: str
    verifier: str  # of PKCE, RFC 7636 section 4.1
    redirect_uri: str
    target: str
    beside: bool  # in a tab of its own
    user: int | None  # who is signed in already, and wants new tokens
    at: int

    @classmethod
    def begin(cls, request: PortalRequest, *, redirect_uri: str, target: str, beside: bool) -> tuple[str, Trip]:
        """Its state, and itself."""
        user = request.user.pk if request.user.is_authenticated else None
        trip = cls(
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            target=target,
            beside=beside,
            user=user,
            at=int(time.time()),
        )
        state = secrets.token_urlsafe(32)
        trips = dict(list(request.session.get(ON_THE_WAY, {}).items())[1 - MOST :])
        request.session[ON_THE_WAY] = {**trips, state: asdict(trip)}
        if user is None:
            request.session.set_expiry(PATIENCE)  # strangers leave nothing behind for longer
        return state, trip

    @classmethod
    def end(cls, request: HttpRequest, state: str) -> Trip | None:
        """Once: the same state again is nobody's, also where both come in the same moment."""
        trips = dict(request.session.get(ON_THE_WAY, {}))
        kept = trips.pop(state, None)
        if not isinstance(kept, dict):
            return None
        request.session[ON_THE_WAY] = trips
        if not cache.add(f"auth.oauth.{hashlib.sha256(state.encode()).hexdigest()}", 1, PATIENCE * 2):
            return None
        trip = cls(**kept)
        user = request.user.pk if request.user.is_authenticated else None
        return trip if 0 <= time.time() - trip.at <= PATIENCE and trip.user in (None, user) else None


def began(request: HttpRequest) -> None:
    """The tokens have just been given."""
    request.session[ASKED] = int(time.time())


def guard(request: HttpRequest) -> None:
    """Now and then, for pages that need no tokens as well: a session ends where its tokens are renewed no more. What
    was asked for goes on as a stranger's, like that of any session that is over; a form has its origin checked so."""
    asked = request.session.get(ASKED)
    if asked is None or time.time() - asked < CHECK or request.path_info.startswith(("/sign-out/", "/auth/oauth/")):
        return
    try:
        secret = credentials.unseal(request)
        if isinstance(secret, Tokens):
            credentials.shown(secret)
    except credentials.Locked as locked:
        if locked.refused:
            _end(request)
        return
    except SignInUnavailable:
        return  # the provider is away: nobody is gone for that
    began(request)


def _end(request: HttpRequest) -> None:
    tell(request, kind="session_expired", user=request.user.pk, way="oidc")
    request.session.flush()
    credentials.forget(request)
    request.user = AnonymousUser()
