"""Postal addresses on a map: links, and nobody is asked before one is clicked."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings

from apps.contacts.card import CITY, CODE, COUNTRY, REGION, STREET, Value
from portal import rules


def map_url(value: Value) -> str:
    """Where this address (ADR) is found on the site's map; "" for anything else, and on a site without one."""
    place = _place(value) if settings.MAP_URL and value.name == "ADR" else ""
    return rules.filled(settings.MAP_URL, {"place": quote(place, safe="")}) if place else ""


def _place(value: Value) -> str:
    """What a map understands: no flat and no post office box."""
    if isinstance(value.value, str):
        return value.text.strip()
    parts = value.parts(7)
    if not (parts[STREET] or parts[CITY]):
        return ""
    town = " ".join(part for part in (parts[CODE], parts[CITY]) if part)
    return ", ".join(part for part in (parts[STREET], town, parts[REGION], parts[COUNTRY]) if part)
