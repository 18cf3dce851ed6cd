"""Keys that act: what each app declares, the presets, and what somebody has made of them.

A page works with the keys that its templates and scripts name (``data-key="e"``). ``changed`` says which of them are
reached by others; the page hears of that from ``<meta name="keys">``, and ``keys.js`` puts them in place.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.contracts import Json, Shortcut
from portal.prefs import BadValue, Pref, Prefs, choice_pref, json_pref
from portal.registry import PortalApp, get_registry

YURT, ROUNDCUBE, ARROWS = "yurt", "roundcube", "arrows"
FRAME = "portal"  # the app whose keys act on every page
MOST_CHANGED = 200
_NAMED = (
    "F(?:[1-9]|1[0-2])|Enter|Delete|Insert|Backspace|Home|End|PageUp|PageDown|Arrow(?:Up|Down|Left|Right)|Space|Escape"
)
_STROKE = rf"(?:Ctrl\+)?(?:Alt\+)?(?:Shift\+)?(?:[^\s]|{_NAMED})"
_KEYS = re.compile(rf"{_STROKE}(?: {_STROKE})?")
_BROWSERS = frozenset(f"Ctrl+{letter}" for letter in "LNQRTW")  # a page never hears of these


Changes = tuple[tuple[str, str], ...]


def _read(value: Json) -> Changes:
    """What the person has changed: the ids of shortcuts and their keys, "" for none."""
    if not isinstance(value, dict) or len(value) > MOST_CHANGED:
        raise BadValue(_("These are no keys."))
    found = {str(name): keys for name, keys in value.items() if isinstance(keys, str)}
    if len(found) != len(value) or any(keys and not good(keys) for keys in found.values()):
        raise BadValue(_("These are no keys."))
    return tuple(found.items())


def _written(own: Changes) -> Json:
    return {**dict(own)}


PRESET = choice_pref(
    "portal.keys",
    gettext_lazy("Keys"),
    YURT,
    choices=[
        (YURT, gettext_lazy("Yurt’s: the letters of most web mail programs")),
        (ROUNDCUBE, gettext_lazy("Roundcube’s: d deletes, z archives, s searches")),
        (ARROWS, gettext_lazy("Arrows, Enter and keys with Ctrl only: single letters do nothing")),
    ],
    words=gettext_lazy("keyboard, shortcuts, accessibility"),
)
CHANGED: Pref[Changes] = json_pref("portal.keymap", gettext_lazy("Keys of one’s own"), (), read=_read, write=_written)


@dataclass(frozen=True, slots=True)
class Line:
    """One shortcut as somebody has it."""

    app: PortalApp
    shortcut: Shortcut
    keys: str  # "" for none
    usual: str  # by the preset

    @property
    def id(self) -> str:
        return id_of(self.app.id, self.shortcut)


def good(keys: str) -> bool:
    """Whether these can be pressed, and reach a page."""
    return _KEYS.fullmatch(keys) is not None and not _BROWSERS & set(keys.split(" "))


def id_of(app_id: str, shortcut: Shortcut) -> str:
    return f"{app_id} {shortcut.key}"


def lines(prefs: Prefs, preset: str | None = None, own: Mapping[str, str] | None = None) -> list[Line]:
    """All shortcuts, app by app; by another preset, or with other changes, where given."""
    preset = prefs[PRESET] if preset is None else preset
    if own is None:
        stored: Changes = prefs[CHANGED]
        own = dict(stored)
    found = []
    for app in get_registry().apps:
        for shortcut in _declared(app):
            usual = shortcut.roundcube if preset == ROUNDCUBE and shortcut.roundcube else shortcut.key
            found.append(Line(app, shortcut, own.get(id_of(app.id, shortcut), usual), usual))
    return found


def _declared(app: PortalApp) -> list[Shortcut]:
    """Where one can go from every page is the frame's."""
    if app.id != FRAME:
        return list(app.shortcuts)
    return [*app.shortcuts, *(Shortcut(key=item.key, label=item.label) for item in get_registry().nav if item.key)]


def clashes(chosen: Iterable[Line]) -> dict[str, Line]:
    """Lines, by id, whose keys are another's of the same pages, or begin like them: with that other one."""
    found: dict[str, Line] = {}
    for one, other in itertools.combinations([line for line in chosen if line.keys], 2):
        together = one.app.id == other.app.id or FRAME in {one.app.id, other.app.id}
        if together and f"{one.keys} ".startswith(f"{other.keys} ") | f"{other.keys} ".startswith(f"{one.keys} "):
            found |= {one.id: other, other.id: one}
    return found


def changed(prefs: Prefs, app_id: str) -> dict[str, str]:
    """For pages of this app: the keys that templates name, and what to press instead."""
    here = [line for line in lines(prefs) if line.app.id in {FRAME, app_id} and line.keys != line.shortcut.key]
    return {line.shortcut.key: line.keys for line in sorted(here, key=lambda line: line.app.id == app_id)}
