"""A site in one file, and back: database rows, uploads and site settings, portable between databases.

The file is a ZIP archive:

    manifest.json            format, date, applied migrations, and how many rows each table had
    rows/<app>.<model>.jsonl one JSON list per row; the first line names the columns
    uploads/...              the files below MEDIA_ROOT
    pop/...                  the files below folders of DATA_DIR that apps name (``PortalApp.folders``)
    settings.env             what the environment sets, without keys and passwords

What is left out on purpose: keys and passwords (whoever finds a backup must not be able to open anything sealed with
them), sessions and delegations (they hold sealed mail passwords; people sign in again), what apps call transient
(messages on their way out, which may be sent by the time of a restore) and what ``migrate`` makes by itself.
Rows are written and read one by one, so a large site needs no large memory. Nothing is ever unpickled.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps as django_apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from portal.registry import get_registry
from portal.version import VERSION

FORMAT = 1
PAGE = 500  # rows read at a time
MADE_BY_MIGRATE = ("contenttypes.contenttype", "auth.permission")
#: Emptied by a restore. Apps name theirs in ``transient`` of their ``PortalApp``.
TRANSIENT = ("portal.session", "portal.workerping", "portal.delegation")
RESTORED_SETTINGS = "settings-from-backup.env"
ABOUT_THIS_MACHINE = (
    "DATA_DIR",
    "DATABASE_URL",
    "CACHE_URL",
    "BROKER_URL",
    "HOST",
    "PORT",
    "HTTP_PORT",
    "TLS",
    "ENV_FILE",
)

Model = type[models.Model]


class BackupError(Exception):
    """Says to an administrator why nothing was done, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Summary:
    rows: int
    files: int


def tables() -> dict[str, Model]:
    """Every table that belongs into a backup, by ``app.model``; those behind many-to-many fields too."""
    found = {
        model._meta.label_lower: model
        for model in django_apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }
    return {label: model for label, model in sorted(found.items()) if label not in (*MADE_BY_MIGRATE, *transient())}


def transient() -> tuple[str, ...]:
    """What has no meaning on another day, an app's own included: brought back, it would be done a second time."""
    return (*TRANSIENT, *(label for app in get_registry().apps for label in app.transient))


# --- writing -------------------------------------------------------------------------------------------------------


def write(target: Path) -> Summary:
    """Write the backup to ``target``, readable by its owner only. A failure leaves no half-written file there.

    Raises ``BackupError`` for a site whose database this version has not prepared, ``OSError`` for the file.
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise BackupError("The database is not prepared for this version: run make run or manage.py migrate first.")
    part = target.with_name(target.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            with _one_moment():
                migrations = _applied()
                counts = {label: _write_table(archive, label, model) for label, model in tables().items()}
            files = sum(_write_files(archive, name, root) for name, root in _folders().items())
            archive.writestr("settings.env", "".join(f"{line}\n" for line in site_settings()))
            manifest = {
                "format": FORMAT,
                "yurt": VERSION,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "migrations": migrations,
                "rows": counts,
                "files": files,
            }
            archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Summary(sum(counts.values()), files)


@contextmanager
def _one_moment() -> Iterator[None]:
    """All tables as they were at one moment, however long the reading takes."""
    if connection.vendor == "mysql" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    with transaction.atomic():
        yield


def _write_table(archive: zipfile.ZipFile, label: str, model: Model) -> int:
    fields = model._meta.concrete_fields
    count = 0
    with archive.open(f"rows/{label}.jsonl", "w", force_zip64=True) as raw:
        out = io.TextIOWrapper(raw, encoding="utf-8", newline="\n", write_through=True)
        out.write(json.dumps([field.attname for field in fields]) + "\n")
        for row in _rows(model):
            out.write(json.dumps([_encode(field, row) for field in fields], ensure_ascii=False) + "\n")
            count += 1
        out.flush()
        out.detach()
    return count


def _rows(model: Model) -> Iterator[models.Model]:
    """Page by page along the primary key: database drivers would hold a whole result in memory."""
    rows = model._base_manager.order_by("pk")
    page = list(rows[:PAGE])
    while page:
        yield from page
        page = list(rows.filter(pk__gt=page[-1].pk)[:PAGE])


def _encode(field: models.Field[Any, Any], row: models.Model) -> Any:
    value = field.value_from_object(row)
    if value is None or isinstance(field, models.JSONField):
        return value
    if field.related_model in (ContentType, Permission):
        return list(getattr(row, field.name).natural_key())  # their numbers differ from site to site
    return value if isinstance(value, bool | int | float | str) else field.value_to_string(row)


def _folders() -> dict[str, Path]:
    """Where files lie, by the name of their folder in the archive."""
    named = [name for app in get_registry().apps for name in app.folders]
    return {"uploads": Path(settings.MEDIA_ROOT), **{name: Path(settings.DATA_DIR) / name for name in named}}


def _write_files(archive: zipfile.ZipFile, name: str, root: Path) -> int:
    count = 0
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        if path.is_file() and not path.is_symlink():
            try:
                archive.write(path, f"{name}/{path.relative_to(root).as_posix()}")
            except FileNotFoundError:
                continue  # an upload that was sent or thrown away meanwhile
            count += 1
    return count


def site_settings() -> list[str]:
    """``NAME=value`` for everything the environment sets for this site and another machine may know."""
    source = settings.CONFIG.source
    names = sorted(name for name in settings.CONFIG.defaults if name in source and name not in ABOUT_THIS_MACHINE)
    return [f"{name}={source[name]}" for name in names if not _is_secret(name, source[name])]


def _is_secret(name: str, value: str) -> bool:
    if any(word in name for word in ("SECRET", "PASS", "KEY", "TOKEN")):
        return True
    return "://" in value and urlsplit(value).password is not None


def _applied() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


# --- reading -------------------------------------------------------------------------------------------------------


def read(source: Path, *, force: bool = False) -> Summary:
    """Put a backup into this site. All of it or, when something is wrong, none of the rows.

    Raises ``BackupError`` for a file that does not fit, and for a site that is not empty unless ``force`` says that
    what is there may go.
    """
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise BackupError(f"{source} cannot be read as a backup: {error}") from error
    with archive:
        manifest = _manifest(archive)
        known = _fitting_tables(manifest)
        files = _files(archive)
        if not force and (label := _first_filled(known.values())):
            raise BackupError(f"This site is not empty: {label} has rows. Restore into a new site, or say --force.")
        with transaction.atomic(), connection.constraint_checks_disabled():
            # Sessions go too: they name people by numbers that may soon be somebody else's.
            for model in (*known.values(), *map(django_apps.get_model, transient())):
                model._base_manager.all()._raw_delete(connection.alias)
            ContentType.objects.clear_cache()
            rows = sum(_read_table(archive, label, model) for label, model in known.items())
            connection.check_constraints(table_names=[model._meta.db_table for model in known.values()])
        cache.clear()
        for member, target in files:
            _extract(archive, member, target)
        _keep_settings(archive)
    return Summary(rows, len(files))


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
        if manifest["format"] != FORMAT:
            raise BackupError(f"This backup has format {manifest['format']}; this version reads {FORMAT}.")
    except (KeyError, ValueError) as error:
        raise BackupError("This file is no backup of a portal: it has no manifest.") from error
    return manifest


def _fitting_tables(manifest: dict[str, Any]) -> dict[str, Model]:
    known = tables()
    if absent := sorted(label for label in manifest["rows"] if label not in known):
        names = ", ".join(sorted({label.partition(".")[0] for label in absent}))
        raise BackupError(f"The backup holds data of apps that are not installed here: {names}. Add them first.")
    ours, theirs = set(_applied()), set(manifest["migrations"])
    apps = {label.partition(".")[0] for label in manifest["rows"]}
    if differing := sorted(name for name in ours ^ theirs if name.partition(".")[0] in apps):
        raise BackupError(
            f"The backup was written by another version ({manifest['yurt']}); they differ in: {', '.join(differing)}. "
            "Restore it with the version that wrote it, then update."
        )
    return {label: model for label, model in known.items() if label in manifest["rows"]}


def _first_filled(models_: Iterable[Model]) -> str:
    """The first table with rows. The administrator whom ``make run`` makes is nobody yet, as long as they are alone."""
    people = get_user_model()
    for model in models_:
        rows = model._base_manager.all()
        if model is people and rows.count() == 1:
            rows = rows.exclude(is_superuser=True, last_login=None)
        if rows.exists():
            return model._meta.label_lower
    return ""


def _read_table(archive: zipfile.ZipFile, label: str, model: Model) -> int:
    count = 0
    with archive.open(f"rows/{label}.jsonl") as raw, io.TextIOWrapper(raw, encoding="utf-8") as lines:
        names = json.loads(lines.readline())
        fields = {field.attname: field for field in model._meta.concrete_fields}
        for line in lines:
            values = {name: _decode(fields[name], value) for name, value in zip(names, json.loads(line), strict=True)}
            # raw: the row as it was, with no date set anew and no key looked up
            models.Model.save_base(model(**values), raw=True, force_insert=True)
            count += 1
    return count


def _decode(field: models.Field[Any, Any], value: Any) -> Any:
    if value is None or isinstance(field, models.JSONField):
        return value
    if field.related_model is ContentType:
        return ContentType.objects.get_by_natural_key(*value).pk
    if field.related_model is Permission:
        return Permission.objects.get_by_natural_key(*value).pk
    return field.to_python(value)


def _files(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, Path]]:
    """Every file with the place it goes to; a name that leads out of its folder refuses the whole backup."""
    roots = {name: root.resolve() for name, root in _folders().items()}
    found = []
    for member in archive.infolist():
        path = PurePosixPath(member.filename)
        root = roots.get(path.parts[0]) if path.parts else None
        if member.is_dir() or root is None:
            continue
        target = root.joinpath(*path.parts[1:])
        if path.is_absolute() or ".." in path.parts or not target.resolve().is_relative_to(root):
            raise BackupError(f"The backup wants to write outside the {path.parts[0]}: {member.filename}")
        found.append((member, target))
    return found


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with archive.open(member) as source, os.fdopen(descriptor, "wb") as out:
        while chunk := source.read(1 << 20):
            out.write(chunk)


def _keep_settings(archive: zipfile.ZipFile) -> None:
    """Beside the data, not over the site's own: which of them hold on this machine, the administrator decides."""
    path = Path(settings.DATA_DIR) / RESTORED_SETTINGS
    path.write_bytes(archive.read("settings.env"))
    path.chmod(0o600)
