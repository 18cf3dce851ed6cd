"""The mail servers of somebody, asked without anybody signing in; and how many requests may hand messages over at a
time."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import structlog
from django.conf import settings

from apps.mail import probe
from portal import net
from portal.mail_servers import Backend

log = structlog.get_logger(__name__)


def smtp_offers(backend: Backend) -> Mapping[str, str] | None:
    """For requests: the keywords of EHLO, ``{"SIZE": "25000000"}``; None where the server cannot be asked."""
    try:
        with way_out():
            return _smtp(backend, net.CONNECT_TIMEOUT).values
    except (OSError, probe.BadGreeting, probe.NoStartTls, Busy) as error:
        log.info("submission_server_not_asked", error=error.__class__.__name__)
        return None


def smtp_answers(backend: Backend) -> bool:
    return bool(backend.outgoing) and _answers(_smtp, backend)


def imap_answers(backend: Backend) -> bool:
    """The one to read from, whatever it speaks."""
    return _answers(_incoming, backend)


def _answers(ask: Callable[[Backend, float], probe.Probe], backend: Backend) -> bool:
    """Whether somebody is there, whatever they say."""
    try:
        ask(backend, net.READ_TIMEOUT)
    except (probe.BadGreeting, probe.NoStartTls, ssl.SSLCertVerificationError):
        return True
    except OSError:
        return False
    return True


def _smtp(backend: Backend, seconds: float) -> probe.Probe:
    ca_file = backend.outgoing_ca_file or None
    return probe.smtp(backend.way_out, ca_file=ca_file, allow_plain=settings.ALLOW_PLAINTEXT, seconds=seconds)


def _incoming(backend: Backend, seconds: float) -> probe.Probe:
    ask = probe.pop3 if backend.is_pop else probe.imap
    ca_file = backend.incoming_ca_file or None
    return ask(backend.server, ca_file=ca_file, allow_plain=settings.ALLOW_PLAINTEXT, seconds=seconds)


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
