"""Leaving a mailing list with one request (RFC 8058), which this server makes."""

from __future__ import annotations

import threading
import time
from functools import cache

import structlog
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.mail.mime import lists
from apps.mail.mime.authentication import Verdict
from apps.mail.mime.links import host_of
from apps.mail.mime.lists import Ways
from apps.mail.services import security
from apps.mail.services.reading import Opened
from portal import outward
from portal.contracts import Text

log = structlog.get_logger(__name__)
SECONDS = 15.0
MOST = 256 * 1024  # octets of the answer, which nobody reads
BODY = b"List-Unsubscribe=One-Click"

_WHY: dict[str, Text] = {
    "busy": _("Many such requests are under way just now. Try again in a moment."),
    "slow": _("The list’s server did not answer in time. Try again later."),
    "refused": _("The list’s server cannot be reached just now. Try again later."),
    "certificate": _("The list’s server could not prove who it is, so nothing was sent to it."),
    "name": _("There is no such server on the Internet."),
    "broken": _("The list’s server has given no answer that makes sense."),
    "status": _("The list’s server has not accepted the request."),
}
_OTHER = _("The address in the message cannot be asked.")


class NotLeft(Exception):
    """The list's server has not said yes. Its words say why, to the person."""


@cache
def _room() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


def ways_of(opened: Opened, *, role: str, verdict: Verdict | None = None) -> Ways:
    """How to leave the list that this message came by; none for one's own messages. ``verdict``: where it is known."""
    if role in security.OWN_ROLES or "List-Unsubscribe" not in opened.fields:
        return Ways()
    header = opened.detail.header
    return lists.ways(opened.fields, header, verdict or security.verdict_of(header))


def leave(url: str) -> None:
    """One POST, without cookies or credentials; a redirect is no yes. Raises ``NotLeft``."""
    if not _room().acquire(blocking=False):
        raise NotLeft(str(_WHY["busy"]))
    try:
        answer = outward.ask(
            "POST",
            url,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=BODY,
            most=MOST,
            until=time.monotonic() + SECONDS,
            inside=False,
        )
        what = "" if 200 <= answer.status < 300 else "status"
    except outward.Trouble as trouble:
        what = "" if trouble.what == "large" else trouble.what  # it has answered, at length
    finally:
        _room().release()
    log.info("list_left" if not what else "list_not_left", host=host_of(url), why=what)
    if what:
        raise NotLeft(str(_WHY.get(what, _OTHER)))
