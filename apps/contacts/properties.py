"""The properties that people see and edit, in the order of the form, with their words. All others are kept and written
again as they came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal.contracts import Text

CUSTOM = "X-FIELD"  # a field of one's own, called by its label


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    label: Text
    kind: str = "text"  # email, tel, url, date, lines: the widget; "parts" for structured ones
    types: tuple[str, ...] = ()
    parts: tuple[Text, ...] = ()
    once: bool = False
    asked: bool = False  # has an empty row in every form
    most: int = 500  # characters of one part

    @property
    def ltr(self) -> bool:
        return self.kind in {"email", "tel", "url"}


TYPES: dict[str, Text] = {
    "work": pgettext_lazy("kind of value", "Work"),
    "home": pgettext_lazy("kind of value", "Private"),
    "cell": pgettext_lazy("kind of value", "Mobile"),
    "fax": pgettext_lazy("kind of value", "Fax"),
    "pager": pgettext_lazy("kind of value", "Pager"),
    "main": pgettext_lazy("kind of value", "Main number"),
    "car": pgettext_lazy("kind of value", "Car"),
    "spouse": pgettext_lazy("kind of value", "Spouse"),
    "child": pgettext_lazy("kind of value", "Child"),
    "parent": pgettext_lazy("kind of value", "Parent"),
    "sibling": pgettext_lazy("kind of value", "Sibling"),
    "friend": pgettext_lazy("kind of value", "Friend"),
    "colleague": pgettext_lazy("kind of value", "Colleague"),
    "assistant": pgettext_lazy("kind of value", "Assistant"),
    "manager": pgettext_lazy("kind of value", "Manager"),
}
_PLACES = ("work", "home")

PROPERTIES: tuple[Property, ...] = (
    Property(
        "N",
        gettext_lazy("Name"),
        "parts",
        parts=(
            gettext_lazy("Family name"),
            gettext_lazy("Given name"),
            gettext_lazy("Further names"),
            gettext_lazy("Title before the name"),
            gettext_lazy("After the name"),
        ),
        once=True,
        asked=True,
    ),
    Property("FN", gettext_lazy("Shown as"), once=True, asked=True),
    Property("NICKNAME", gettext_lazy("Nickname")),
    Property("X-PHONETIC-FIRST-NAME", gettext_lazy("Pronounced"), once=True),
    Property("X-PHONETIC-LAST-NAME", gettext_lazy("Family name pronounced"), once=True),
    Property(
        "ORG",
        gettext_lazy("Organisation"),
        "parts",
        parts=(gettext_lazy("Organisation"), gettext_lazy("Department")),
        asked=True,
    ),
    Property("TITLE", gettext_lazy("Position"), asked=True),
    Property("ROLE", gettext_lazy("Role")),
    Property("EMAIL", gettext_lazy("Email"), "email", _PLACES, asked=True),
    Property("TEL", gettext_lazy("Phone"), "tel", ("cell", *_PLACES, "main", "fax", "pager", "car"), asked=True),
    Property(
        "ADR",
        gettext_lazy("Address"),
        "parts",
        _PLACES,
        parts=(
            gettext_lazy("Post office box"),
            gettext_lazy("Flat, floor"),
            gettext_lazy("Street and number"),
            gettext_lazy("City"),
            gettext_lazy("Region"),
            gettext_lazy("Postal code"),
            gettext_lazy("Country"),
        ),
    ),
    Property("URL", gettext_lazy("Web"), "url", _PLACES, most=2000),
    Property("IMPP", gettext_lazy("Messaging"), "text", _PLACES),
    Property("BDAY", gettext_lazy("Birthday"), "date", once=True),
    Property("ANNIVERSARY", gettext_lazy("Anniversary"), "date", once=True),
    Property(
        "RELATED",
        gettext_lazy("Related person"),
        types=("spouse", "child", "parent", "sibling", "friend", "colleague", "assistant", "manager"),
    ),
    Property("LANG", gettext_lazy("Language")),
    Property("TZ", gettext_lazy("Time zone"), once=True),
    Property("FBURL", gettext_lazy("Free/busy address"), "url", most=2000),
    Property("CATEGORIES", gettext_lazy("Tags"), once=True, asked=True),
    Property(CUSTOM, gettext_lazy("A field of your own")),
    Property("NOTE", gettext_lazy("Note"), "lines", most=20_000),
    Property("KEY", gettext_lazy("Key"), "lines", most=20_000),
)
BY_NAME = {prop.name: prop for prop in PROPERTIES}


def type_names(types: Sequence[str]) -> list[str]:
    return [str(TYPES[name]) for name in types if name in TYPES]


def label_of(name: str) -> str:
    if name == "PHOTO":
        return _("Photo")
    return str(BY_NAME[name].label) if name in BY_NAME else name
