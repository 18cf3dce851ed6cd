"""How somebody wants their folders: colour, whether they are looked into for new messages, what they are used for.

The rows are remembered in the cache for as long as nobody changes them: the folder column is drawn on every page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.cache import cache
from django.db import transaction

from apps.mail.folder_models import FolderSetting
from apps.mail.mailbox.wishes import Asked, Wish
from apps.mail.models import folder_key
from apps.mail.services.folders import COLOURS

SECONDS = 300


def asked(user_id: int) -> Asked:
    """For ``MailStore.wish``."""

    def wishes(names: Sequence[str]) -> dict[str, Wish]:
        known = _known(user_id)
        if not known:
            return {}
        keys = ((name, folder_key(name)) for name in names)
        return {name: known[key] for name, key in keys if key in known}

    return wishes


def _known(user_id: int) -> dict[str, Wish]:
    found: list[tuple[str, str, str, bool]] | None = cache.get(_name(user_id))
    if found is None:
        rows = FolderSetting.objects.filter(user_id=user_id)
        found = [(row.key, row.role, row.colour, not row.unpolled) for row in rows]
        cache.set(_name(user_id), found, SECONDS)
    return {key: Wish(role, colour, polled) for key, role, colour, polled in found}


def of(user_id: int, folder: str) -> Wish:
    return _known(user_id).get(folder_key(folder), Wish())


def change(user_id: int, folder: str, wish: Wish) -> None:
    """What is as usual needs no row. A role goes from the folder that had it by a wish before."""
    colour = wish.colour if wish.colour in COLOURS else ""
    mine = FolderSetting.objects.filter(user_id=user_id)
    with transaction.atomic():
        if wish.role and wish.role != "none":
            mine.filter(role=wish.role).exclude(key=folder_key(folder)).update(role="")
        if wish == Wish():
            mine.filter(key=folder_key(folder)).delete()
        else:
            values = {"role": wish.role, "colour": colour, "unpolled": not wish.polled}
            mine.update_or_create(user_id=user_id, key=folder_key(folder), defaults=values)
    cache.delete(_name(user_id))


def renamed(user_id: int, pairs: Iterable[tuple[str, str]]) -> None:
    """Folders have other names now: (old, new)."""
    names = {folder_key(old): folder_key(new) for old, new in pairs}
    mine = FolderSetting.objects.filter(user_id=user_id)
    moved = list(mine.filter(key__in=names))
    if moved:
        with transaction.atomic():
            mine.filter(key__in=[*names, *names.values()]).delete()
            for row in moved:
                row.pk, row.key = None, names[row.key]
            FolderSetting.objects.bulk_create(moved)
        cache.delete(_name(user_id))


def _name(user_id: int) -> str:
    return f"mail.folders.{user_id}"
