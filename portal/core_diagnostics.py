"""The self-test's checks of the portal itself. Each says what is the case, and when that is wrong, what to do."""

from __future__ import annotations

import secrets
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.core.checks import CheckMessage, Tags, run_checks
from django.core.checks import messages as check_levels
from django.core.exceptions import SuspiciousFileOperation
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import catalogues, pings
from portal.contracts import Finding, Level
from portal.registry import get_registry

CLOCK_TOLERANCE = 2.0  # seconds
SLOW_CACHE = 0.1  # seconds
#: Of every page (templates/portal/_head.html, base.html and base_plain.html, the icons).
FRAME_FILES = (
    "portal/css/yurt.css",
    "portal/css/plain.css",
    "portal/css/places.css",
    "portal/js/portal.js",
    "portal/sprite.svg",
    "portal/sprite-more.svg",
    "portal/mark.svg",
)
NEEDS_HTTPS = frozenset({"security.W004", "security.W008", "security.W011", "security.W016"})


def database() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        yield Finding(
            Level.ERROR,
            _("The database does not answer: %(error)s") % {"error": _first_line(error)},
            _("Make sure that it runs, and that DATABASE_URL names the right host, database, login and password."),
        )
        return
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        text = ngettext("%(count)d migration is not applied.", "%(count)d migrations are not applied.", len(pending))
        yield Finding(
            Level.ERROR,
            text % {"count": len(pending)},
            _("Apply them, then restart the portal and its worker."),
            ".venv/bin/python manage.py migrate",
        )
        return
    count = len(executor.loader.applied_migrations)
    yield Finding(
        Level.OK,
        _("%(product)s %(version)s, all %(count)d migrations applied")
        % {"product": connection.display_name, "version": _version(), "count": count},
    )
    yield from _database_settings()
    for message in run_checks(tags=[Tags.database], databases=["default"]):
        level = Level.ERROR if message.level >= check_levels.ERROR else Level.WARNING
        yield Finding(level, f"{_first_line(message.msg)} ({message.id})", message.hint or "")


def _version() -> str:
    return ".".join(str(part) for part in connection.get_database_version())


def _database_settings() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA journal_mode")
            if cursor.fetchone()[0].lower() not in ("wal", "memory"):
                yield Finding(
                    Level.WARNING,
                    _("SQLite is not in write-ahead mode, so readers wait for writers."),
                    _("Keep the database on a local disk: network file systems do not offer this mode."),
                )
        elif connection.vendor == "mysql":
            cursor.execute("SELECT @@character_set_database")
            charset = cursor.fetchone()[0]
            if charset != "utf8mb4":
                yield Finding(
                    Level.ERROR,
                    _("The database's character set is %(charset)s, which cannot hold every letter.")
                    % {"charset": charset},
                    _("Change it before people write in it."),
                    "ALTER DATABASE CHARACTER SET utf8mb4",
                )


def cache_works() -> Iterator[Finding]:
    key, value = f"portal.selftest.{secrets.token_hex(8)}", secrets.token_hex(8)
    started = time.perf_counter()
    try:
        cache.set(key, value, 30)
        found = cache.get(key)
        cache.delete(key)
    except Exception as error:  # noqa: BLE001 - each cache backend raises its driver's own tree of errors
        yield Finding(
            Level.ERROR,
            _("The cache does not answer: %(error)s") % {"error": _first_line(error)},
            _("Make sure that it runs and that CACHE_URL names it."),
        )
        return
    seconds = time.perf_counter() - started
    kind = settings.CACHES["default"]["BACKEND"].rpartition(".")[2]
    if found != value:
        yield Finding(
            Level.ERROR,
            _("What was written to the cache cannot be read back (%(kind)s).") % {"kind": kind},
            _("Is it full, or set to throw away everything? Look at CACHE_URL."),
        )
    elif seconds > SLOW_CACHE:
        yield Finding(
            Level.WARNING,
            _("Slow: %(ms)d ms for one write and one read.") % {"ms": seconds * 1000},
            _("Put the cache on the same machine or network as the portal."),
        )
    else:
        yield Finding(Level.OK, _("%(kind)s keeps what it is given") % {"kind": kind})


def task_queue() -> Iterator[Finding]:
    try:
        seconds = pings.ask()
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - each broker's driver raises its own tree of errors
        yield Finding(
            Level.ERROR,
            _("The broker accepts no tasks: %(error)s") % {"error": _first_line(error)},
            _("Make sure that it runs and that BROKER_URL names it."),
        )
        return
    if seconds is None:
        yield Finding(
            Level.ERROR,
            _("The broker took a task, but no worker has done it within %(seconds)d s.") % {"seconds": pings.PATIENCE},
            _("Start a worker on the machine that runs the portal, then run this check again."),
            ".venv/bin/celery -A portal.celery worker --beat --pool=threads --concurrency=2",
        )
    else:
        yield Finding(Level.OK, _("A worker did a task within %(ms)d ms") % {"ms": seconds * 1000})


def clock() -> Iterator[Finding]:
    """Compares this process' clock with the database's and the file system's: sessions and notices depend on them."""
    skews = {"database": _database_skew(), "file system": _file_skew()}
    wrong = {name: seconds for name, seconds in skews.items() if abs(seconds) > CLOCK_TOLERANCE}
    for name, seconds in wrong.items():
        names = {"database": _("database"), "file system": _("file system")}
        yield Finding(
            Level.ERROR if abs(seconds) > 60 else Level.WARNING,
            _("This machine's clock and that of the %(other)s differ by %(seconds).1f s.")
            % {"other": names[name], "seconds": abs(seconds)},
            _("Let both follow the same time server."),
            "timedatectl set-ntp true",
        )
    if not wrong:
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        yield Finding(Level.OK, _("%(time)s UTC, as the database and the files have it") % {"time": now})


def _database_skew() -> float:
    from django.contrib.contenttypes.models import ContentType

    there = ContentType.objects.annotate(now=Now()).values_list("now", flat=True).first()
    return (there - datetime.now(UTC)).total_seconds() if there is not None else 0.0


def _file_skew() -> float:
    with tempfile.NamedTemporaryFile(dir=settings.DATA_DIR, prefix=".clock-") as file:
        return Path(file.name).stat().st_mtime - time.time()


def translations() -> Iterator[Finding]:
    """Every catalogue compiled and not older than its source; how complete each language is."""
    stale: dict[str, list[str]] = {}
    for po in catalogues.uncompiled():
        stale.setdefault(catalogues.cure(po), []).append(catalogues.name(po))
    for command, names in stale.items():
        text = ngettext(
            "%(count)d catalogue is not compiled: %(first)s.",
            "%(count)d catalogues are not compiled, first %(first)s.",
            len(names),
        )
        yield Finding(
            Level.ERROR,
            text % {"count": len(names), "first": names[0]},
            _("Compile them, then restart the portal."),
            command,
        )
    if stale:
        return
    shares = ", ".join(
        f"\u2068{name}\u2069 \u2066{share}%\u2069"  # each isolated: beside Arabic letters a number is written "%100"
        for name, share in ((name, catalogues.share(code)) for code, name in settings.LANGUAGES)
        if share
    )
    yield Finding(Level.OK, _("All catalogues compiled: %(languages)s") % {"languages": shares})


def static_files() -> Iterator[Finding]:
    """What every page needs, and every style sheet and script that the apps name, can be served."""
    apps = get_registry().apps
    wanted = [*FRAME_FILES, *(path for app in apps for path in (*app.stylesheets, *app.scripts))]
    missing = [path for path in wanted if not _served(path)]
    if missing:
        text = ngettext("%(first)s is not there.", "%(count)d files are not there, first %(first)s.", len(missing))
        yield Finding(
            Level.ERROR,
            text % {"count": len(missing), "first": missing[0]},
            _("Collect the static files, then restart the portal."),
            ".venv/bin/python manage.py collectstatic --noinput",
        )
    else:
        text = ngettext("%(count)d static file found", "%(count)d static files found", len(wanted))
        yield Finding(Level.OK, text % {"count": len(wanted)})


def _served(path: str) -> bool:
    from django.contrib.staticfiles import finders

    try:
        staticfiles_storage.url(path)
        return staticfiles_storage.exists(path) or (settings.WHITENOISE_USE_FINDERS and finders.find(path) is not None)
    except (ValueError, SuspiciousFileOperation):  # ValueError: absent from the manifest
        return False


def security() -> Iterator[Finding]:
    """Django's deployment checks, our own system checks, and who may read the keys."""
    found: list[CheckMessage] = [
        *run_checks(include_deployment_checks=True, tags=[Tags.security]),
        *(message for message in run_checks() if message.level >= check_levels.WARNING),
    ]
    seen: set[str] = set()
    for message in found:
        if message.is_silenced() or str(message) in seen or message.level < check_levels.WARNING:
            continue
        if message.id in NEEDS_HTTPS and settings.BASE_URL.scheme != "https":
            continue  # HttpsOnlyMiddleware answers nobody but this machine then
        seen.add(str(message))
        level = Level.ERROR if message.level >= check_levels.ERROR else Level.WARNING
        yield Finding(level, f"{_first_line(message.msg)} ({message.id})", message.hint or "")
    yield from _readable_by_others()
    if settings.BASE_URL.scheme == "https":
        yield Finding(Level.OK, _("Served at %(address)s") % {"address": settings.BASE_URL.origin})
    else:
        yield Finding(Level.OK, _("Answers this machine only, over plain HTTP"))


def _readable_by_others() -> Iterable[Finding]:
    keys = (settings.DATA_DIR / name for name in ("secret_key", "delegation_key"))
    for path in (*keys, settings.BASE_DIR / ".env"):
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Finding(
                Level.ERROR,
                _("%(path)s holds keys, and others on this machine may read it.") % {"path": path},
                _("Make it readable for the portal's own user only."),
                f"chmod 600 {path}",
            )


def _first_line(error: Any) -> str:
    """Drivers' messages have many lines; the first names the fault."""
    return str(error).strip().partition("\n")[0][:200]
