"""Which translation catalogues there are, whether they are compiled, and how complete a language is."""

from __future__ import annotations

import shlex
import struct
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.apps import apps as django_apps
from django.conf import settings


def sources() -> Iterator[Path]:
    """The ``.po`` files of the site's languages: the portal's own and those that installed apps bring along."""
    folders = [*map(Path, settings.LOCALE_PATHS)]
    folders += [
        Path(app.path) / "locale" for app in django_apps.get_app_configs() if not app.name.startswith("django.")
    ]
    for folder in folders:
        for code, _name in settings.LANGUAGES:
            yield from sorted((folder / code.replace("-", "_") / "LC_MESSAGES").glob("django*.po"))


def stale() -> list[str]:
    """Catalogues without a compiled file that is as new, as ``<folder>/<language>``."""
    return [name(po) for po in uncompiled()]


def uncompiled() -> list[Path]:
    """Their sources."""
    return [po for po in sources() if not _is_compiled(po)]


def cure(po: Path) -> str:
    """The command that compiles it: the site's own catalogues have a script, an app's lie in the app's folder."""
    folder = po.parents[2]
    if folder in map(Path, settings.LOCALE_PATHS):
        return "python -m scripts.messages compile"
    return f"{Path(sys.executable).with_name('pybabel')} compile -D {po.stem} -d {shlex.quote(str(folder))}"


def name(po: Path) -> str:
    """``<folder>/<language>``"""
    return f"{po.parents[3 if po.parents[2].name == 'locale' else 2].name}/{po.parent.parent.name}"


def share(language: str) -> int:
    """Per cent of the messages that are translated into ``language``; 0 where it has no catalogue."""
    total = done = 0
    for po in sources():
        if po.parent.parent.name == language.replace("-", "_"):
            translated, messages = _counts(po, po.stat().st_mtime_ns)
            done, total = done + translated, total + messages
    return done * 100 // total if total else 0


@lru_cache(maxsize=64)
def _counts(po: Path, mtime: int) -> tuple[int, int]:
    with po.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    return sum(_is_translated(message.string) and not message.fuzzy for message in messages), len(messages)


def _is_translated(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return all(string) if isinstance(string, list | tuple) else bool(string)


def _is_compiled(po: Path) -> bool:
    """By content: what installed the files gave them times that mean nothing."""
    mo = po.with_suffix(".mo")
    return mo.exists() and _same_messages(po, po.stat().st_mtime_ns, mo, mo.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _same_messages(po: Path, po_time: int, mo: Path, mo_time: int) -> bool:
    with po.open("rb") as source, mo.open("rb") as compiled:
        try:
            return _translated(read_po(source)) == _translated(read_mo(compiled))
        except (OSError, struct.error, UnicodeDecodeError):  # a file that is no catalogue
            return False


def _translated(catalog: Catalog) -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        (_context(message.context), _singular(message.id)): _all(message.string)
        for message in catalog
        if message.id and not message.fuzzy and _is_translated(message.string)
    }


def _context(context: str | bytes | None) -> str:
    """Babel leaves the contexts of a compiled catalogue undecoded."""
    return context.decode() if isinstance(context, bytes) else context or ""


def _singular(text: str | list[str] | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else text[0]


def _all(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text or "",) if isinstance(text, str) or text is None else tuple(text)
