"""Pages of PDF files as pictures, and pictures made small, drawn by a process that can do nothing else
(``apps.mail.raster``)."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from django.utils.translation import gettext_lazy as _

from apps.mail import raster
from apps.mail.mailbox.cache import LruCache
from portal.contracts import Text

log = structlog.get_logger(__name__)
WIDTH = 1400  # pixels
SMALL = 112
MOST_TO_MAKE_SMALL = 8 * 1024 * 1024  # octets of a picture
SECONDS = 20.0  # by the clock, for one page
PATIENCE = 15.0  # seconds to wait for a place
PATIENCE_SMALL = 4.0  # nobody asked for these
PLACES = 2  # processes at a time
_PNG = b"\x89PNG\r\n\x1a\n"

_places = threading.BoundedSemaphore(PLACES)

WORDS: dict[str, Text] = {
    "password": _("This PDF opens with a password only. Save it, and open it with a program that asks for that."),
    "broken": _("This PDF is broken, or uses what cannot be shown here. Save it to try another program."),
    "memory": _("Drawing this page takes more memory than one page may have. Save the file to see it."),
    "time": _("Drawing this page takes longer than one page may take. Save the file to see it."),
    "page": _("There is no such page."),
    "busy": _("Many pages are being drawn just now. Try again in a moment."),
}


class NotDrawn(Exception):
    """``why``: a key of ``WORDS``. ``pages``: how many there are, as far as that is known."""

    def __init__(self, why: str, pages: int = 0) -> None:
        super().__init__(why)
        self.why, self.pages = why, pages


@dataclass(frozen=True, slots=True)
class Page:
    pages: int  # of the whole file
    text: str
    png: bytes = field(repr=False)


_drawn: LruCache[tuple[object, ...], Page] = LruCache(32 * 1024 * 1024, lambda page: len(page.png) + len(page.text))


def remembered(key: tuple[object, ...]) -> Page | None:
    """A page that this process has drawn lately. ``key``: whose, of which file, and which page."""
    return _drawn.get(key)


def page(octets: bytes, number: int, *, key: tuple[object, ...]) -> Page:
    """Pages count from 1; 0 is a picture, made small. Raises ``NotDrawn``."""
    found = _drawn.get(key)
    if found is None:
        found = _draw(octets, number)
        _drawn.put(key, found)
    return found


def _draw(octets: bytes, number: int) -> Page:
    if not _places.acquire(timeout=PATIENCE if number else PATIENCE_SMALL):
        raise NotDrawn("busy")
    try:
        head, png = _run(octets, number)
    finally:
        _places.release()
    try:
        told = json.loads(head)
        pages, text, error = int(told["pages"]), str(told["text"]), str(told["error"])
    except (ValueError, KeyError, TypeError) as wrong:
        raise NotDrawn("broken") from wrong
    if error or not png.startswith(_PNG):
        raise NotDrawn(error if error in WORDS else "broken", pages)
    return Page(pages, text, png)


def _run(octets: bytes, number: int) -> tuple[bytes, bytes]:
    """(the line, the picture). What the process writes goes into a file, whose size the system limits."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as answer:
        source.write(octets)
        source.flush()
        source.seek(0)
        process = subprocess.Popen(  # noqa: S603 - our own program, and two numbers
            [sys.executable, "-I", _program(), str(number), str(WIDTH if number else SMALL)],
            stdin=source,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"OMP_NUM_THREADS": "1"},
        )
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired as error:
            raise NotDrawn("time") from error
        finally:
            if process.poll() is None:
                process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
        if code:
            log.info("pdf_not_drawn", code=code)
            raise NotDrawn("time" if code in (-24, -9) else "broken")
        answer.seek(0)
        head, _mark, png = answer.read(raster.MOST_ANSWER + 1).partition(b"\n")
        return head, png


def _program() -> str:
    return str(Path(raster.__file__).resolve())
