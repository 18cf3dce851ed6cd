"""The site's mail servers, asked without anybody signing in; and how many requests may hand messages over at a time."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import structlog
from django.conf import settings

from apps.mail import probe
from apps.mail.services.stores import imap_server
from portal import net
from portal.net import ServerUrl, parse_server_url

log = structlog.get_logger(__name__)


def smtp_server() -> ServerUrl:
    return parse_server_url(settings.SMTP_URL, services=settings.SMTP_SERVICES)


def smtp_offers() -> Mapping[str, str] | None:
    """For requests: the keywords of EHLO, ``{"SIZE": "25000000"}``; None where the server cannot be asked."""
    try:
        with way_out():
            return _smtp(net.CONNECT_TIMEOUT).values
    except (OSError, probe.BadGreeting, probe.NoStartTls, Busy) as error:
        log.info("submission_server_not_asked", error=error.__class__.__name__)
        return None


def smtp_answers() -> bool:
    return bool(settings.SMTP_URL) and _answers(_smtp)


def imap_answers() -> bool:
    return bool(settings.IMAP_URL) and _answers(_imap)


def _answers(ask: Callable[[float], probe.Probe]) -> bool:
    """Whether somebody is there, whatever they say."""
    try:
        ask(net.READ_TIMEOUT)
    except (probe.BadGreeting, probe.NoStartTls, ssl.SSLCertVerificationError):
        return True
    except OSError:
        return False
    return True


def _smtp(seconds: float) -> probe.Probe:
    ca_file = settings.SMTP_TLS_CA_FILE or None
    return probe.smtp(smtp_server(), ca_file=ca_file, allow_plain=settings.ALLOW_PLAINTEXT, seconds=seconds)


def _imap(seconds: float) -> probe.Probe:
    ca_file = settings.IMAP_TLS_CA_FILE or None
    return probe.imap(imap_server(), ca_file=ca_file, allow_plain=settings.ALLOW_PLAINTEXT, seconds=seconds)


class Busy(Exception):
    """So many requests hand messages over just now that no further one may."""


@cache
def slots() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@contextmanager
def way_out() -> Iterator[None]:
    """For requests: a server for sending that hangs holds a quarter of their threads, and as many mailboxes'
    connections, at most. Nobody waits for a place. Raises ``Busy``."""
    if not slots().acquire(blocking=False):
        log.warning("not_sent", error="too many under way")
        raise Busy
    try:
        yield
    finally:
        slots().release()
