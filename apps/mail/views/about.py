"""What the page of a message shows of what the message says about itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.mail.mime import lists
from apps.mail.services import receipts, report_words, security, unsubscribing
from apps.mail.services.reading import Opened
from portal.http import PortalRequest


def context(request: PortalRequest, opened: Opened, *, role: str) -> dict[str, Any]:
    panel = security.panel(request, opened, role=role)
    return {
        "security": panel,
        "receipt": receipts.wanted(request, opened, role=role, known=panel.known if panel else None),
        "report": report_words.of(opened),
        "ways": unsubscribing.ways_of(opened, role=role, verdict=panel.verdict if panel else None),
        "list_id": lists.list_id(opened.fields),
        "list_menu": _list_menu(opened),
    }


def _list_menu(opened: Opened) -> SafeString | str:
    """RFC 2369: what can be done with the list, as lines of the message's menu; "" for no list."""
    found = list(_list_actions(opened))
    return render_to_string("mail/_message_list_actions.html", {"list_actions": found}) if found else ""


def _list_actions(opened: Opened) -> Iterator[tuple[str, str, bool]]:
    for action, address in lists.actions(opened.fields):
        is_mail = address.startswith("mailto:")
        yield action, f"{reverse('mail:compose')}?{urlencode({'mailto': address})}" if is_mail else address, is_mail
