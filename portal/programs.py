"""Programs that sign in with each request: HTTP Basic (RFC 7617) with a password of their own, and no session.

Only passwords for programs count (``portal.contracts.ProgramPasswords``). That of a person never does: a phone that has
it would keep it, and whoever guessed at it here would pass by the first level.
"""

from __future__ import annotations

import base64
import binascii

from django.core.cache import cache
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from portal import sealing, throttle
from portal.accounts import canonical_login
from portal.contracts import Program
from portal.registry import get_registry
from portal.security_events import tell

REMEMBERED = 3600  # seconds for which a program that was right passes without counting as a try


class NotRecognised(Exception):
    """``wait``: seconds until the next try is heard; 0 where nothing was tried, or it was wrong."""

    def __init__(self, wait: int = 0) -> None:
        super().__init__("no program of ours")
        self.wait = wait


@sensitive_variables("login", "password")
def recognise(request: HttpRequest) -> Program:
    """Raises ``NotRecognised``. A program asks several things at once, so one that was right before from the same
    address is no guesser; its password is looked up all the same, and counts no more once it is revoked."""
    login, password = _basic(request)
    passwords = get_registry().program_passwords
    if not login or not password or passwords is None:
        raise NotRecognised
    address: str = getattr(request, "client_address", "")
    known = "program." + sealing.digests(f"{login}\0{password}\0{address}", purpose="known program")[0]
    if cache.get(known):
        if found := passwords.check(login, password):
            return found
        cache.delete(known)
    gates = throttle.of_program(login=login, address=address)
    if wait := gates.enter():
        tell(request, kind="program_throttled", login=login, seconds=wait)
        raise NotRecognised(wait)
    program = passwords.check(login, password)
    if program is None:
        tell(request, kind="program_refused", login=login)
        raise NotRecognised
    gates.passed()
    cache.set(known, True, REMEMBERED)
    return program


@sensitive_variables()
def _basic(request: HttpRequest) -> tuple[str, str]:
    """(login, password); two empty texts where there are none."""
    scheme, _blank, packed = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic" or len(packed) > 1000:
        return "", ""
    try:
        text = base64.b64decode(packed.strip(), validate=True).decode("utf-8")
        login, _colon, password = text.partition(":")
        return canonical_login(login), password
    except (binascii.Error, ValueError):  # ValueError: not UTF-8, or an impossible login
        return "", ""
