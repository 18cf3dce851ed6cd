"""Preferences as typed objects: ``request.prefs[PAGE_SIZE]`` is an ``int``, and mypy knows.

A value is looked for in this order: what the site has locked, what the person has chosen, what the site has set as
its default, what the app has declared. A stored value that no longer fits its preference counts as absent and is
logged; it never breaks a page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, Unpack, cast

import structlog
from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.contracts import Json, Override, Text

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from portal.contracts import PrefStore

T = TypeVar("T")
log = structlog.get_logger(__name__)


class BadValue(ValueError):
    """A value that does not fit its preference. The text is for people."""


def _unchanged(value: Any) -> Json:
    return cast("Json", value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pref(Generic[T]):
    """One preference. ``read`` turns JSON into the value and raises ``BadValue``; ``write`` is its inverse.

    ``field`` makes the form field that edits it; a preference without one is kept by other pages (the home layout).
    """

    key: str  # begins with the app's id and a dot: "mail.page_size"
    label: Text
    default: T
    read: Callable[[Json], T]
    write: Callable[[T], Json] = _unchanged
    field: Callable[[], forms.Field] | None = None
    help: Text = ""
    words: Text = ""  # further words under which the preferences' search finds it
    advanced: bool = False  # folded away on its page

    def form_field(self) -> forms.Field:
        """A fresh form field with label, help and declared default; its cleaned data goes to ``read``."""
        if self.field is None:
            raise TypeError(f"{self.key} is not edited in a form")
        field = self.field()
        field.label, field.help_text = cast("str", self.label), cast("str", self.help)
        field.initial = self.write(self.default)
        return field


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefPage:
    """A page of the preferences area. Prefs without a form field belong to it, but are not shown.

    With ``url_name`` the app draws the page itself, at that address, and it need not have preferences; administrators
    set defaults for those it has as for all others. ``visible`` runs on every page of the area.
    """

    id: str
    title: Text
    prefs: tuple[Pref[Any], ...]
    icon: str = "settings"
    help: Text = ""
    order: int = 100
    url_name: str = ""
    visible: Callable[[], bool] = lambda: True

    @property
    def listed(self) -> bool:
        """Whether there is something to see: a page that only keeps preferences of others is none."""
        return bool(self.shown or self.url_name) and self.visible()

    @property
    def url(self) -> str:
        return reverse(self.url_name) if self.url_name else reverse("portal:preferences_page", args=[self.id])

    @property
    def shown(self) -> tuple[Pref[Any], ...]:
        return tuple(pref for pref in self.prefs if pref.field is not None)


class About(TypedDict, total=False):
    """What every kind of preference may say besides."""

    help: Text
    words: Text
    advanced: bool


def bool_pref(key: str, label: Text, default: bool, **about: Unpack[About]) -> Pref[bool]:
    def read(value: Json) -> bool:
        if isinstance(value, bool):
            return value
        raise BadValue(_("Choose yes or no."))

    return Pref(
        key=key,
        label=label,
        default=default,
        read=read,
        field=lambda: forms.BooleanField(required=False),
        **about,
    )


def int_pref(key: str, label: Text, default: int, *, minimum: int, maximum: int, **about: Unpack[About]) -> Pref[int]:
    def read(value: Json) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum:
            return value
        raise BadValue(
            _("Write a whole number from %(minimum)d to %(maximum)d.") % {"minimum": minimum, "maximum": maximum}
        )

    return Pref(
        key=key,
        label=label,
        default=default,
        read=read,
        field=lambda: forms.IntegerField(min_value=minimum, max_value=maximum),
        **about,
    )


Choices = Sequence[tuple[str, Text]]


def choice_pref(
    key: str,
    label: Text,
    default: str,
    *,
    choices: Choices | Callable[[], Choices],
    **about: Unpack[About],
) -> Pref[str]:
    """``choices`` may be a function where the list is long or known only at run time."""

    def offered() -> Choices:
        return choices() if callable(choices) else choices

    def read(value: Json) -> str:
        if isinstance(value, str) and any(value == known for known, _label in offered()):
            return value
        raise BadValue(_("Choose one of the values offered."))

    def field() -> forms.Field:
        return forms.ChoiceField(choices=cast("Any", offered), required=all(known for known, _label in offered()))

    return Pref(key=key, label=label, default=default, read=read, field=field, **about)


def text_pref(
    key: str,
    label: Text,
    default: str = "",
    *,
    max_length: int = 200,
    multiline: bool = False,
    **about: Unpack[About],
) -> Pref[str]:
    def read(value: Json) -> str:
        if not isinstance(value, str) or len(value) > max_length:
            raise BadValue(_("Write at most %(length)d characters.") % {"length": max_length})
        if any(ord(char) < 32 and not (multiline and char in "\n\t") for char in value):
            raise BadValue(_("This text has characters that cannot be stored."))
        return value

    def field() -> forms.Field:
        widget = forms.Textarea(attrs={"rows": 4}) if multiline else forms.TextInput()
        return _Lines(max_length=max_length, required=False, widget=widget, strip=not multiline)

    return Pref(key=key, label=label, default=default, read=read, field=field, **about)


class _Lines(forms.CharField):
    """Browsers send line ends as CRLF; values are kept with LF."""

    def to_python(self, value: Any) -> str:
        return cast("str", super().to_python(value)).replace("\r\n", "\n").replace("\r", "\n")


def json_pref(key: str, label: Text, default: T, *, read: Callable[[Json], T], write: Callable[[T], Json]) -> Pref[T]:
    """A structured value that some page of its own edits. ``read`` raises ``BadValue``."""
    return Pref(key=key, label=label, default=default, read=read, write=write)


@dataclass(frozen=True, slots=True)
class Locked:
    """Why a preference cannot be changed."""

    reason: str


class LockedPref(Exception):
    """Somebody tried to change what the site has locked."""

    def __init__(self, keys: Collection[str]) -> None:
        super().__init__(", ".join(sorted(keys)))
        self.keys = frozenset(keys)


@dataclass
class Prefs:
    """One person's preferences, loaded at the first question and then kept for the request."""

    user: AbstractBaseUser | AnonymousUser
    store: PrefStore | None = field(default_factory=lambda: _store())

    def __getitem__(self, pref: Pref[T]) -> T:
        override = self._overrides.get(pref.key)
        if override is not None and override.locked:
            return self._first(pref, [override.value])
        own = [self._own[pref.key]] if pref.key in self._own else []
        return self._first(pref, [*own, *([override.value] if override is not None else [])])

    def lock(self, pref: Pref[Any]) -> Locked | None:
        override = self._overrides.get(pref.key)
        return Locked(override.reason) if override is not None and override.locked else None

    def is_default(self, pref: Pref[Any]) -> bool:
        """True while the person has chosen nothing here."""
        return pref.key not in self._own

    def save(self, changes: Mapping[Pref[Any], Any]) -> None:
        """Store what has changed and nothing else. Raises ``BadValue`` or ``LockedPref``, and then stores nothing."""
        if self.store is None or not self.user.is_authenticated:
            raise LockedPref([pref.key for pref in changes])
        self._forget_loaded()  # a lock set since this request began holds too
        if locked := [pref.key for pref in changes if self.lock(pref)]:
            raise LockedPref(locked)
        written = {pref.key: pref.write(value) for pref, value in changes.items()}
        for pref in changes:
            pref.read(written[pref.key])
        self.store.save(self.user, written)
        self._forget_loaded()

    def reset(self, prefs: Collection[Pref[Any]]) -> None:
        """Back to the default, whoever sets it."""
        if self.store is not None and self.user.is_authenticated:
            self.store.reset(self.user, [pref.key for pref in prefs])
            self._forget_loaded()

    def _first(self, pref: Pref[T], values: Sequence[Json]) -> T:
        for value in values:
            try:
                return pref.read(value)
            except (BadValue, ValidationError):
                log.warning("preference_unusable", key=pref.key, user=self.user.pk)
        return pref.default

    @cached_property
    def _own(self) -> Mapping[str, Json]:
        if self.store is None or not self.user.is_authenticated:
            return {}
        return self.store.load(self.user)

    @cached_property
    def _overrides(self) -> Mapping[str, Override]:
        if self.store is None:
            return {}
        return self.store.overrides(self.user if self.user.is_authenticated else None)

    def _forget_loaded(self) -> None:
        self.__dict__.pop("_own", None)
        self.__dict__.pop("_overrides", None)


def _store() -> PrefStore | None:
    from portal.registry import get_registry

    return get_registry().pref_store


def for_user(user: AbstractBaseUser | AnonymousUser) -> Prefs:
    """The preferences of somebody who is not the one asking: in tasks and commands."""
    return Prefs(user)
