"""What answers of several views have in common: toasts, the dialog, the counts of the folder column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext

from apps.mail.services import noted
from portal.http import PortalRequest

COUNTS: dict[str, Any] = {"mail-changed": {"target": "#folders"}}
LIST_CHANGED: dict[str, Any] = {"list-changed": {"target": "#list"}}


def toast(
    text: str, *, level: str = "ok", undo: str = "", fields: Mapping[str, str] | None = None, **how: str
) -> dict[str, Any]:
    """An event for the frame's script. Each names its target, because the button that was used may be gone by then.
    ``undo``: the name of the address that takes ``fields``."""
    shown: dict[str, Any] = {"target": "#toasts", "text": text, "level": level}
    if fields:
        values = dict(fields)
        shown["undo"] = {"label": gettext("Undo"), "url": reverse(undo), "values": values, "lasts": noted.SECONDS} | how
    return {"toast": shown}


def with_events(response: HttpResponse, *events: Mapping[str, Any]) -> HttpResponse:
    response["HX-Trigger"] = json.dumps({name: event for each in events for name, event in each.items()})
    return response


def say(
    request: PortalRequest,
    text: str,
    *,
    level: int = messages.SUCCESS,
    undo: str = "",
    fields: Mapping[str, str] | None = None,
) -> None:
    """The toast of the page that is loaded next."""
    context = {"text": text, "undo_url": reverse(undo) if fields else "", "undo_fields": fields}
    words = render_to_string("mail/_done.html", context, request=request)
    messages.add_message(request, level, mark_safe(words))  # noqa: S308 - our template, which escapes


def placed(response: HttpResponse, target: str, swap: str) -> HttpResponse:
    response["HX-Retarget"], response["HX-Reswap"] = target, swap
    return response


def in_dialog(response: HttpResponse) -> HttpResponse:
    return placed(response, "#mail-dialog", "innerHTML")
