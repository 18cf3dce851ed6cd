"""What contacts show on the home page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.contacts.models import Contact
from apps.contacts.prefs import BIRTHDAY_DAYS
from apps.contacts.services import birthdays
from apps.contacts.services.birthdays import Occasion
from portal import addressing, credentials
from portal.contracts import Address

if TYPE_CHECKING:
    from portal.http import PortalRequest

MOST = 6
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Line:
    contact: Contact
    words: str  # "Birthday on Thursday"
    years: str  # "turns 40"
    today: bool
    write: str = ""  # where to write to them


def near(request: HttpRequest) -> Mapping[str, object]:
    """The block: as everywhere in contacts with the browser's half of the key. Raises ``credentials.Locked``."""
    if credentials.is_sealed(request):
        credentials.unseal(request)
    portal_request = cast("PortalRequest", request)
    lines = lines_of(portal_request, most=MOST + 1)
    more = len(lines) > MOST
    return {
        "lines": lines[:MOST],
        "days": portal_request.prefs[BIRTHDAY_DAYS],
        "link_url": reverse("contacts:birthdays") if more else "",
        "link_label": _("Show all"),
    }


def lines_of(request: PortalRequest, *, most: int) -> list[Line]:
    today = timezone.localdate()
    found = birthdays.coming(request.user.pk, today=today, ahead=request.prefs[BIRTHDAY_DAYS], most=most)
    return [_line(request, occasion, today) for occasion in found]


def _line(request: PortalRequest, occasion: Occasion, today: date) -> Line:
    contact = occasion.contact
    to = [Address(contact.email, contact.name if contact.name != contact.email else "")] if contact.email else []
    return Line(
        contact,
        said(occasion.name, occasion.on, today),
        _years(occasion),
        occasion.on == today,
        addressing.compose_url(user=request.user, to=to) if to else "",
    )


def said(name: str, on: date, today: date) -> str:
    """“Birthday tomorrow”."""
    birthday = name == "BDAY"
    if on == today:
        return _("Birthday today") if birthday else _("Anniversary today")
    if on == today + timedelta(days=1):
        return _("Birthday tomorrow") if birthday else _("Anniversary tomorrow")
    day = formats.date_format(on, "l" if on < today + WEEK else "MONTH_DAY_FORMAT")
    # Translators: “Birthday on Thursday”, “Birthday on March 14”
    return (_("Birthday on %(day)s") if birthday else _("Anniversary on %(day)s")) % {"day": day}


def _years(occasion: Occasion) -> str:
    if occasion.years is None:
        return ""
    if occasion.name == "BDAY":
        words = ngettext("turns %(count)d", "turns %(count)d", occasion.years)
    else:
        words = ngettext("%(count)d year", "%(count)d years", occasion.years)
    return words % {"count": occasion.years}
