"""The outline of each directory: read in the background, never waited for longer than a page can."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import structlog

from apps.directory.lookup import outline
from apps.directory.lookup.client import Client
from apps.directory.lookup.outline import Outline
from portal.ldap.connection import Unavailable

log = structlog.get_logger(__name__)
FRESH = 900.0  # seconds until it is read again
AGAIN = 30.0  # seconds after a failure
WHOLE = 120.0  # seconds for reading all of it
WAIT = 1.0  # seconds that a page waits for the first one


@dataclass(slots=True)
class _Reading:
    found: Outline | None = None
    tried: float = 0.0  # of time.monotonic
    pause: float = FRESH
    running: threading.Event | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_readings: WeakKeyDictionary[Client, _Reading] = WeakKeyDictionary()
_lock = threading.Lock()


def current(client: Client, *, wait: float = WAIT) -> Outline | None:
    """The last one, also of a directory that is silent by now; None while there is none. None for a directory that is
    asked as the person: what one may see is not for others."""
    if client.source.as_user:
        return None
    with _lock:
        reading = _readings.setdefault(client, _Reading())
    with reading.lock:
        due = time.monotonic() - reading.tried > reading.pause or not reading.tried
        if due and reading.running is None:
            reading.running = threading.Event()
            threading.Thread(
                target=_read, args=(client, reading), name=f"outline {client.source.name}", daemon=True
            ).start()
        running = reading.running
    if reading.found is None and running is not None and wait:
        running.wait(wait)
    return reading.found


def forget(client: Client) -> None:
    """Somebody has changed something: it is read again with the next page."""
    with _lock:
        if (reading := _readings.get(client)) is not None:
            reading.tried = 0.0


def _read(client: Client, reading: _Reading) -> None:
    done, found = reading.running, None
    try:
        found = client.ask(lambda session: outline.read(session, client.source), seconds=WHOLE)
        log.info("directory_read", directory=client.source.name, people=len(found.people), seconds=found.seconds)
    except Unavailable as error:
        log.warning("directory_unavailable", directory=client.source.name, reason=str(error))
    finally:
        with reading.lock:
            reading.found = found or reading.found
            reading.tried, reading.pause = time.monotonic(), FRESH if found else AGAIN
            reading.running = None
        if done is not None:
            done.set()
