"""What people change of their own entry: asked of the directory as themselves, so that it decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from django.utils.translation import gettext as _

from apps.directory.forms import LABELS, SEVERAL
from apps.directory.lookup.client import Client, Who
from apps.directory.lookup.person import Person
from apps.directory.services import me, outlines, people, photos
from portal.ldap.session import Refused, Session

log = structlog.get_logger(__name__)
SECONDS = 5.0
PHOTO_SIDE = 320
#: Result codes of RFC 4511 section 4.1.9, for people.
INSUFFICIENT_RIGHTS, NO_SUCH_ATTRIBUTE, CONSTRAINT, INVALID_SYNTAX, UNWILLING = 50, 16, 19, 21, 53


class NotAllowed(Exception):
    """The directory refuses; the text is for people."""


def fields(client: Client) -> tuple[str, ...]:
    """What people may change, as far as this directory has a place for it."""
    return tuple(name for name in client.source.editable if client.source.attributes.get(name))


def present(client: Client, person: Person) -> dict[str, str]:
    """What stands there now, as the form shows it."""
    texts = {
        "title": person.title,
        "phone": "\n".join(person.phones),
        "mobile": "\n".join(person.mobiles),
        "fax": "\n".join(person.faxes),
        "room": person.room,
        "building": person.building,
        "place": person.place,
        "street": person.street,
        "languages": ", ".join(person.languages),
        "web": "\n".join(person.webs),
        "notes": person.notes,
    }
    return {name: text for name, text in texts.items() if name in fields(client)}


def change(client: Client, person: Person, who: Who, values: Mapping[str, str], photo: bytes | None) -> list[str]:
    """The names of the fields that are different now. ``photo``: as uploaded. Raises ``NotAllowed`` and
    ``Unavailable``."""
    before = present(client, person)
    changed = {name: text for name, text in values.items() if name in before and _lines(text) != _lines(before[name])}
    asked: dict[str, Sequence[str | bytes]] = {}
    for name, text in changed.items():
        lines = _lines(text)
        value = lines if name in SEVERAL else ["$".join(lines) if name == "street" else "\n".join(lines)]
        asked[client.source.attributes[name][0]] = [each for each in value if each]
    if photo and "photo" in fields(client):
        asked[client.source.attributes["photo"][0]] = [photos.drawn_anew(photo, PHOTO_SIDE, kind="JPEG")]
        changed["photo"] = ""
    if not asked:
        return []

    def write(session: Session) -> None:
        session.replace(person.dn, asked)

    try:
        client.ask_as(who, write, seconds=SECONDS)
    except Refused as error:
        log.info("directory_change_refused", code=error.code, reason=str(error))
        raise NotAllowed(_reason(error)) from error
    people.forget()
    me.forget()
    photos.forget(person.key)
    if changed.keys() & {"photo", "place", "building", "languages"}:
        outlines.forget(client)
    log.info("directory_changed", fields=sorted(changed))
    return [str(LABELS[name]) for name in changed]


def _reason(error: Refused) -> str:
    if error.code == INSUFFICIENT_RIGHTS:
        return _("The directory does not let you change this yourself. Nothing was changed.")
    if error.code in {CONSTRAINT, INVALID_SYNTAX}:
        return _("The directory does not take one of these values: %(words)s. Nothing was changed.") % {"words": error}
    return _("The directory refuses: %(words)s. Nothing was changed.") % {"words": error}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
