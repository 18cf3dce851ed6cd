"""Signing in to a mail server with a token instead of a password. Knows no Django and no protocol."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection

from portal.net import ServerUrl
from portal.secret import Bearer

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def bearer(offered: Collection[str], server: ServerUrl, login: str, secret: Bearer) -> tuple[str, str, str] | None:
    """The mechanism, its message, and the answer to the challenge in which a server tells, in JSON, that it refuses the
    token: without one it would wait. The last two as they are written, in base64. None where the server offers neither
    OAUTHBEARER (RFC 7628) nor XOAUTH2, which was there before. Raises ``ValueError`` for control characters."""
    if _CONTROL.search(login + secret.token):
        raise ValueError("control character in a login or token")
    token = f"auth=Bearer {secret.token}"
    if "OAUTHBEARER" in offered:
        name = login.replace("=", "=3D").replace(",", "=2C")  # a saslname of RFC 5801 section 4
        return "OAUTHBEARER", _message(f"n,a={name},", f"host={server.host}", f"port={server.port}", token), "AQ=="
    if "XOAUTH2" in offered:
        return "XOAUTH2", _message(f"user={login}", token), ""
    return None


def _message(*parts: str) -> str:
    return base64.b64encode("\x01".join((*parts, "", "")).encode()).decode("ascii")
