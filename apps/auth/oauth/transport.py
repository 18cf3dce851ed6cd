"""One request to the provider: through ``portal.net``, within time and size, and never on to anywhere else.

A provider that hangs holds a quarter of the request threads for some seconds and no more. No redirection is followed:
what the site's settings and the provider's own description do not name is not asked.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from portal import net
from portal.accounts import SignInUnavailable
from portal.hurried import Hurried, seconds_left

MOST = 256 * 1024  # octets of an answer
SECONDS = 8.0  # for all of it
PATIENCE = 1.0  # seconds to wait for one of the slots
_slots = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


class Unavailable(SignInUnavailable):
    """There is no answer that could be used. The text is for the log and for administrators."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Mapping[str, Any] = field(repr=False)  # a JSON object; empty where it was none
    at: float  # by the provider's clock (its Date header), seconds; 0.0 where it does not say


@sensitive_variables()
def ask(
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Answer:
    """GET, or POST with ``form``. Raises ``Unavailable``."""
    if not _slots.acquire(timeout=PATIENCE):
        raise Unavailable("too many requests to the provider at once")
    try:
        return _ask(url, form, headers or {}, time.monotonic() + (seconds or SECONDS))
    except (ssl.SSLError, net.PlainTextRefused) as error:
        raise Unavailable(str(error), unsafe=not isinstance(error, ssl.SSLEOFError)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(str(error) or error.__class__.__name__) from error
    finally:
        _slots.release()


@sensitive_variables()
def _ask(url: str, form: Mapping[str, str] | None, headers: Mapping[str, str], until: float) -> Answer:
    parts = urlsplit(url)
    connected = net.connect(
        _server(parts), ca_file=settings.OIDC_CA_FILE or None, read_timeout=max(0.1, seconds_left(until))
    )
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.sock = Hurried(connected, until)
    try:
        body = urlencode(form) if form is not None else None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        wanted = {"Host": parts.netloc, "Accept": "application/json", "Connection": "close", **kind, **headers}
        connection.request("GET" if body is None else "POST", path, body=body, headers=wanted)
        answer = connection.getresponse()
        octets = answer.read(MOST + 1)
    finally:
        connection.close()
        connected.close()
    if len(octets) > MOST:
        raise Unavailable("the provider's answer is too large")
    return Answer(answer.status, _object(octets), _clock(answer.headers.get("Date", "")))


def _server(parts: SplitResult) -> net.ServerUrl:
    """Raises ``Unavailable`` for what is no https address; plain http is for this machine alone."""
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None or parts.fragment:
        raise Unavailable("the provider names an address that is none of https")
    secure = parts.scheme == "https"
    return net.ServerUrl("http", parts.hostname, parts.port or (443 if secure else 80), "tls" if secure else "plain")


def _object(octets: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _clock(date: str) -> float:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return 0.0
