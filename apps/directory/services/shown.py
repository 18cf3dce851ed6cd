"""Somebody's page: the lines of the card, the people around them, and what can be done."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest
from django.urls import reverse

from apps.directory.lookup.client import Client, Who
from apps.directory.lookup.person import Person
from apps.directory.services import directories, editing, listing, me, outlines, people
from apps.directory.services.listing import Row, has_photo, language_name
from apps.directory.services.places import View
from portal import addressing
from portal.contracts import Address
from portal.ldap import names
from portal.ldap.connection import Unavailable
from portal.registry import get_registry

SOURCE = "directory.people"  # what copies of the cards say they come from
TEAM = 30  # people of a team that are shown
AROUND = 1.0  # seconds for the people around somebody: the card itself is there already


def card(request: HttpRequest, person: Person, view: View) -> dict[str, Any]:
    client = directories.client_of(person.key)
    who = directories.who_asks(request)
    address = Address(person.mail, person.name if person.name != person.mail else "")
    around = _around(client, person, view, who)
    mine = me.is_own(request, person)
    return {
        "person": person,
        "photo": has_photo(person) or client.source.as_user,
        "time": local_time(person.zone),
        "languages": ", ".join(map(language_name, person.languages)),
        "where": listing.where(person),
        "room": ", ".join(filter(None, [person.room, person.building, person.place])),
        "map_url": map_url(person),
        "phones": [(number, tel(number)) for number in person.phones],
        "mobiles": [(number, tel(number)) for number in person.mobiles],
        "write": addressing.compose_url(user=request.user, to=[address]) if person.mail else "",  # type: ignore[arg-type]
        "add": addressing.add_url(address) if person.mail and not mine else "",
        **({} if mine else _copy(request, person)),
        "editable": mine and bool(editing.fields(client)) and may_edit(client, request),
        "rests": client.rests,
        "host": client.server.host,
        "plain": as_text(person),
        **around,
    }


def _copy(request: HttpRequest, person: Person) -> dict[str, str]:
    """Where an address book takes copies: ``take_url``, or ``copy_url`` of the one that there is."""
    taker = get_registry().card_taker
    if taker is None:
        return {}
    known = taker.taken(request.user, SOURCE, [person.key])  # type: ignore[arg-type]
    return {"copy_url": known[person.key]} if person.key in known else {"take_url": taker.take_url(), "source": SOURCE}


def may_edit(client: Client, request: HttpRequest) -> bool:
    """Whether the password of the sign-in is one of this directory's."""
    return me.signs_in_here(client, request.user) or client.source.as_user  # type: ignore[arg-type]


def local_time(zone: str) -> datetime | None:
    try:
        return datetime.now(ZoneInfo(zone)) if zone else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def tel(number: str) -> str:
    """RFC 3966, for what can be dialled."""
    digits = "".join(char for char in number if char.isdigit() or char in "+*#")
    return f"tel:{digits}" if any(char.isdigit() for char in digits) else ""


def map_url(person: Person) -> str:
    """Only a link: nobody is asked before it is followed."""
    where = ", ".join(filter(None, [*person.street.split("\n"), person.place, person.country]))
    return f"https://www.openstreetmap.org/search?query={quote(where)}" if where else ""


def as_text(person: Person) -> str:
    """For the clipboard."""
    lines = [person.name, person.title, listing.where(person), *person.mails, *person.phones, *person.mobiles]
    return "\n".join(dict.fromkeys(filter(None, [*lines, person.room])))


def _around(client: Client, person: Person, view: View, who: Who | None) -> dict[str, Any]:
    """Manager, assistants and team. Where the directory is too slow for them, they are left out."""
    outline = outlines.current(client, wait=0)
    related = [dn for dn in (person.manager, *person.assistants) if "=" in dn and dn != person.dn]
    try:
        found = people.named(related, client, who=who, seconds=AROUND) if related else []
        if outline is not None:
            lines = outline.team.get(names.folded(person.dn), ())
            size, team = len(lines), people.listed(lines[:TEAM], client, seconds=AROUND) if lines else []
        else:
            team = people.reports(person, who=who, seconds=AROUND, most=TEAM)
            size = len(team)
    except Unavailable:
        return {"around_missing": True}
    by_dn = {names.folded(each.dn): each for each in found}
    manager = by_dn.get(names.folded(person.manager)) if person.manager else None
    assistants = [by_dn[folded] for dn in person.assistants if (folded := names.folded(dn)) in by_dn]
    return {
        "manager": _row(manager, view) if manager else None,
        "assistants": [_row(each, view) for each in assistants],
        "assistant_words": [text for text in person.assistants if "=" not in text],
        "team": [_row(each, view) for each in team],
        "team_size": size,
        "chart_url": reverse("directory:index")
        + View(directory=client.source.name, unit=outline.by_key[person.key].unit, shape="chart").query
        if outline and person.key in outline.by_key
        else "",
    }


def _row(person: Person, view: View) -> Row:
    return listing.rows([person], view)[0]
