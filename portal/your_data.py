"""What the portal keeps of one person, over all apps: counted, exported into one ZIP archive, and removed.

Apps say in their ``PortalApp`` what they hold (``registry.Holding``). The archive is written as it is read, so it lies
nowhere and needs no large memory:

    README.txt               what is in it, in the person's language
    index.json               the same for programs: {"format", "site", "made", "person", "files": [{"name", "type",
                             "holding"}]}
    <app>/<model>.json       the rows of one table as a JSON list, one object a line
    <app>/...                what apps bring as files of other kinds

Mail is not in it: it lies on the mail server, from where any mail program takes it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.apps import apps as django_apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import security_events, sessions
from portal.registry import ExportFile, Holding, PortalApp, Table, get_registry

FORMAT = 1
PAGE = 500  # rows read or removed at a time
PIECE = 64 * 1024  # octets of the archive
LARGE = 50_000  # rows from which on a file of the archive might need the sizes of ZIP64, which old programs cannot read
Rows = models.QuerySet[models.Model]


class NotRemoved(Exception):
    """Nothing was removed; the text is for people."""


@dataclass(frozen=True, slots=True)
class Count:
    app: PortalApp
    holding: Holding
    n: int  # rows of the holding's last table

    def goes(self, *, account: bool) -> bool:
        """Whether these rows are removed, with the account or without."""
        return _goes(self.holding.tables[-1], account=account)


def _goes(table: Table, *, account: bool) -> bool:
    return not table.keep and (account or not table.with_account)


def holdings() -> list[tuple[PortalApp, Holding]]:
    """In the order in which they are shown and removed."""
    found = [(app, holding) for app in get_registry().apps for holding in app.holdings]
    return sorted(found, key=lambda pair: pair[1].order)


def counts(user: AbstractBaseUser) -> list[Count]:
    """How much there is of each kind that there is something of."""
    found = [
        Count(app, holding, rows(holding.tables[-1], user).count()) for app, holding in holdings() if holding.tables
    ]
    return [count for count in found if count.n]


def rows(table: Table, user: AbstractBaseUser) -> Rows:
    model: type[models.Model] = django_apps.get_model(table.model)
    return model._base_manager.filter(**{table.owner: user.pk})


# --- out ----------------------------------------------------------------------------------------------------------


def archive(user: AbstractBaseUser, *, present: bool) -> Iterator[bytes]:
    """The ZIP archive, piece by piece. ``present``: whether the person is here (``Holding.files``). Texts are in the
    language of the moment at which this is called, whenever the pieces are taken."""
    return _pieces(user, present=present, readme=readme(user, present=present))


def _pieces(user: AbstractBaseUser, *, present: bool, readme: str) -> Iterator[bytes]:
    pipe = _Pipe()
    names, index = _Names(), []
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("README.txt", readme)
        for app, holding, file, large in _files(user, present=present):
            name = names.new(f"{app.id}/{file.name}")
            index.append({"name": name, "type": file.type, "holding": holding.id})
            with target.open(zipfile.ZipInfo(name, _now()), "w", force_zip64=large) as out:
                for chunk in file.chunks:
                    out.write(chunk)
                    if pipe.size > PIECE:
                        yield pipe.taken()
        target.writestr("index.json", json.dumps(_head(user) | {"files": index}, indent=1, ensure_ascii=False))
    yield pipe.taken()


def _files(user: AbstractBaseUser, *, present: bool) -> Iterator[tuple[PortalApp, Holding, ExportFile, bool]]:
    """Each with whether it may become large. A table without rows of this person has no file."""
    for app, holding in holdings():
        large = False
        for table in holding.tables:
            count = 0 if table.derived else rows(table, user).count()
            large = large or count >= LARGE
            if count:
                yield app, holding, ExportFile(_file_name(table), "application/json", _json(table, user)), large
        for file in holding.files(user, present) if holding.files else ():
            yield app, holding, file, large


def _file_name(table: Table) -> str:
    """Rows that are not theirs alone have a file beside those that are."""
    name = table.model.partition(".")[2]
    return f"{name}-{table.clear[0]}.json" if table.clear else f"{name}.json"


def _json(table: Table, user: AbstractBaseUser) -> Iterator[bytes]:
    found = rows(table, user)
    fields = [field for field in found.model._meta.concrete_fields if _is_shown(field, table)]
    for number, row in enumerate(paged(found)):
        values = {name: value for field in fields for name, value in _values(field, row)}
        text = json.dumps(values, cls=DjangoJSONEncoder, ensure_ascii=False)
        yield f"{',' if number else '['}\n{text}".encode()
    yield b"\n]\n"


def _is_shown(field: models.Field[Any, Any], table: Table) -> bool:
    return not isinstance(field, models.BinaryField) and field.attname not in table.secret


def _values(field: models.Field[Any, Any], row: models.Model) -> Iterator[tuple[str, Any]]:
    value = field.value_from_object(row)
    yield field.attname, value
    if value is not None and isinstance(field, models.ForeignKey) and _is_of_the_site(field):
        yield field.name, str(getattr(row, field.name))


def _is_of_the_site(field: models.ForeignKey[Any, Any]) -> bool:
    """Groups and the like are in no export: their number alone would say nothing."""
    ours = {table.model for _app, holding in holdings() for table in holding.tables}
    return field.related_model._meta.label_lower not in ours


def paged(found: Rows) -> Iterator[models.Model]:
    """Along the primary key, a page at a time: database drivers would hold a whole result in memory."""
    ordered = found.order_by("pk")
    page = list(ordered[:PAGE])
    while page:
        yield from page
        page = list(ordered.filter(pk__gt=page[-1].pk)[:PAGE])


def _head(user: AbstractBaseUser) -> dict[str, Any]:
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {"format": FORMAT, "site": settings.SITE_NAME, "made": made, "person": str(user)}


def _now() -> tuple[int, int, int, int, int, int]:
    now = datetime.now(UTC)
    return now.year, now.month, now.day, now.hour, now.minute, now.second


def readme(user: AbstractBaseUser, *, present: bool) -> str:
    lines = [
        _("What %(site)s keeps of %(person)s") % {"site": settings.SITE_NAME, "person": user},
        "",
        _("Each folder is what one part of the portal keeps. Files that end in .json have one entry a line."),
        _("The file index.json lists all files for programs."),
        "",
    ]
    for count in counts(user):
        entries = ngettext("%(n)d entry", "%(n)d entries", count.n) % {"n": count.n}
        lines.append(f"{count.app.id}/  {count.holding.label}: {entries}")
    lines += ["", _("Not in it: passwords, keys and codes."), *_elsewhere()]
    if not present:
        lines.append(_("What is sealed for its owner alone is in it only when they export it themselves."))
    return "\r\n".join([*lines, ""])


def _elsewhere() -> list[str]:
    return [str(holding.stays) for _app, holding in holdings() if holding.stays and not holding.tables]


class _Pipe(io.RawIOBase):
    """What the archive is written to, and taken from at once: it cannot be wound back, so it need not be kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, octets: Any) -> int:
        self._parts.append(bytes(octets))
        self.size += len(octets)
        return len(octets)

    def taken(self) -> bytes:
        taken, self._parts, self.size = b"".join(self._parts), [], 0
        return taken


class _Names:
    """Names that every file system takes, each once."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def new(self, name: str) -> str:
        parts = [_harmless(part) for part in name.split("/")]
        stem, dot, ending = parts[-1].rpartition(".")
        for number in range(1, 1_000_000):
            last = (
                parts[-1] if number == 1 else f"{stem or ending}-{number}{dot if stem else ''}{ending if stem else ''}"
            )
            whole = "/".join([*parts[:-1], last])
            if whole.casefold() not in self._used:
                break
        self._used.add(whole.casefold())
        return whole


def _harmless(part: str) -> str:
    text = "".join("_" if char in '\\/:*?"<>|' or not char.isprintable() else char for char in part).strip(" .")
    return text[-100:].lstrip(" .") or "_"


# --- gone -----------------------------------------------------------------------------------------------------------


def remove(user: AbstractBaseUser, *, account: bool, request: HttpRequest | None = None) -> None:
    """All of it, or nothing. ``account``: the account as well, with what was granted to it; who signs in again with
    one that lies elsewhere is somebody new. ``request``: of whoever does it, for the log. Raises ``NotRemoved``."""
    try:
        with transaction.atomic():
            security_events.tell(request, kind="data_removed", user=user, account="removed" if account else "kept")
            sessions.end_all(user_id=user.pk, request=request)
            found = [holding for _app, holding in holdings()]
            for holding in found:
                if holding.before is not None:
                    holding.before(user)
            for holding in found:
                for table in holding.tables:
                    _remove(table, user, account=account)
    except IntegrityError as error:
        text = _("An app that is switched off keeps something of this person. Switch it on, then try again.")
        raise NotRemoved(text) from error


def _remove(table: Table, user: AbstractBaseUser, *, account: bool) -> None:
    if not _goes(table, account=account):
        return
    found = rows(table, user)
    if table.derived:
        found._raw_delete(found.db)
        return
    model, named = found.model, _in_admins_log(found.model)
    cleared = {name: None if model._meta.get_field(name).null else "" for name in table.clear}
    while page := list(found.order_by("pk").values_list("pk", flat=True)[:PAGE]):
        if named.exists():
            _forget_names(named.filter(object_id__in=[str(pk) for pk in page]))
        part = model._base_manager.filter(pk__in=page)
        if cleared:
            part.update(**cleared)
        else:
            part.delete()


def _in_admins_log(model: type[models.Model]) -> models.QuerySet[LogEntry]:
    """What administrators have done to rows of this kind. The entries are theirs, and stay; the names in them go."""
    return LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))


def _forget_names(entries: models.QuerySet[LogEntry]) -> None:
    entries.update(object_repr=Concat(Value("#"), "object_id"), change_message="")


def stays() -> list[str]:
    """What a removal leaves, in words."""
    return [str(holding.stays) for _app, holding in holdings() if holding.stays]
