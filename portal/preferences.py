"""The preferences area: its pages by app, the form of a page, and the search over all of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.contracts import SearchHit, Text
from portal.prefs import BadValue, Locked, Pref, PrefPage, Prefs
from portal.registry import PortalApp, get_registry

SEGMENTS = 4  # choices up to this many stand side by side instead of in a list


@dataclass(frozen=True, slots=True)
class Section:
    """The pages that one app has."""

    app: PortalApp
    pages: tuple[PrefPage, ...]


def sections() -> list[Section]:
    found = [
        Section(app, tuple(sorted((page for page in app.pref_pages if page.listed), key=lambda page: page.order)))
        for app in get_registry().apps
    ]
    return [section for section in found if section.pages]


def find_page(page_id: str) -> tuple[PortalApp, PrefPage] | None:
    return next(((s.app, page) for s in sections() for page in s.pages if page.id == page_id), None)


@dataclass(frozen=True, slots=True)
class Hit:
    pref: Pref[Any] | None  # None: the page itself, which has none
    page: PrefPage
    app: PortalApp

    @property
    def label(self) -> Text:
        return self.page.title if self.pref is None else self.pref.label

    @property
    def url(self) -> str:
        return self.page.url if self.page.url_name or self.pref is None else f"{self.page.url}#{anchor(self.pref)}"


def anchor(pref: Pref[Any]) -> str:
    return "pref-" + pref.key.replace(".", "-")


def find(query: str) -> list[Hit]:
    """Preferences in whose label, help, further words or page title every word of ``query`` begins a word."""
    wanted = _fold(query).split()
    if not wanted:
        return []
    return [hit for hit in _all() if _matches(wanted, hit)]


def _all() -> Iterator[Hit]:
    for section in sections():
        for page in section.pages:
            for pref in page.shown or (None,):
                yield Hit(pref, page, section.app)


def _matches(wanted: list[str], hit: Hit) -> bool:
    own = (hit.page.help,) if hit.pref is None else (hit.pref.label, hit.pref.help, hit.pref.words)
    texts = (*own, hit.page.title)
    words = " ".join(_fold(str(text)) for text in texts).split()
    return all(any(word.startswith(part) for word in words) for part in wanted)


def _fold(text: str) -> str:
    """Lower case without accents, so that ``farben`` and ``uber`` find what they mean."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return "".join(char if char.isalnum() else " " for char in plain)


class PreferenceSearch:
    """Preferences among the results of the portal's search."""

    id = "portal.preferences"

    @property
    def label(self) -> Text:
        return gettext_lazy("Preferences")

    def search(self, request: HttpRequest, query: str, limit: int) -> list[SearchHit]:
        return [SearchHit(str(hit.label), hit.url, str(hit.page.title)) for hit in find(query)[:limit]]


@dataclass(frozen=True)
class Row:
    """One preference on its page."""

    pref: Pref[Any]
    field: forms.BoundField
    lock: Locked | None
    changed: bool  # the person has chosen something here

    @property
    def anchor(self) -> str:
        return anchor(self.pref)

    @cached_property
    def kind(self) -> str:
        """How the template draws it: ``switch``, ``segments``, ``boxes``, ``lines`` or ``field``."""
        if isinstance(self.field.field, forms.BooleanField):
            return "switch"
        if isinstance(self.field.field, forms.MultipleChoiceField):
            return "boxes"
        if isinstance(self.field.field, forms.ChoiceField):
            return "segments" if len(_choices(self.field.field)) <= SEGMENTS else "field"
        return "lines" if isinstance(self.field.field.widget, forms.Textarea) else "field"

    @property
    def input_id(self) -> str:
        return self.anchor + "-input"


class PageForm(forms.Form):
    """The preferences of one page. Locked ones are shown disabled, and what is sent for them is ignored."""

    def __init__(self, page: PrefPage, prefs: Prefs, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id="%s")
        self._page, self._prefs = page, prefs
        for pref in page.shown:
            field = pref.form_field()
            field.initial = pref.write(prefs[pref])
            field.disabled = prefs.lock(pref) is not None
            self.fields[pref.key] = field
            self._dress(pref, field)

    def _dress(self, pref: Pref[Any], field: forms.Field) -> None:
        attrs = field.widget.attrs
        attrs["id"] = anchor(pref) + "-input"
        if isinstance(field, forms.BooleanField):
            attrs["class"] = "sw"
        elif isinstance(field, forms.MultipleChoiceField):
            attrs["class"] = "cb"
        elif isinstance(field, forms.ChoiceField):
            if len(_choices(field)) <= SEGMENTS:
                field.widget = forms.RadioSelect(choices=_choices(field))
            else:
                attrs["class"] = "select"
        else:
            attrs["class"] = "in"
            attrs.setdefault("dir", "auto")
        if pref.help:
            attrs["aria-describedby"] = anchor(pref) + "-help"

    def rows(self) -> list[Row]:
        return [
            Row(pref, self[pref.key], self._prefs.lock(pref), not self._prefs.is_default(pref))
            for pref in self._page.shown
        ]

    def basic(self) -> list[Row]:
        return [row for row in self.rows() if not row.pref.advanced]

    def advanced(self) -> list[Row]:
        return [row for row in self.rows() if row.pref.advanced]

    def clean(self) -> dict[str, Any]:
        """The field has cleaned the value; the preference itself has the last word."""
        cleaned = dict(self.cleaned_data)
        for pref in self._page.shown:
            if pref.key in cleaned and not self.fields[pref.key].disabled:
                try:
                    pref.read(cleaned[pref.key])
                except BadValue as error:
                    self.add_error(pref.key, str(error))
        return cleaned

    def changes(self) -> dict[Pref[Any], Any]:
        """What differs from what holds now: a default nobody touched stays a default."""
        changed = {}
        for pref in self._page.shown:
            if pref.key in self.cleaned_data and not self.fields[pref.key].disabled:
                value = pref.read(self.cleaned_data[pref.key])
                if value != self._prefs[pref]:
                    changed[pref] = value
        return changed


def _choices(field: forms.ChoiceField) -> list[Any]:
    return list(cast("Iterable[Any]", field.choices))


def locked_message(keys: frozenset[str]) -> str:
    labels = ", ".join(str(get_registry().prefs[key].label) for key in sorted(keys) if key in get_registry().prefs)
    return _("Set by your administrator meanwhile, so it was not changed: %(names)s") % {"names": labels}
