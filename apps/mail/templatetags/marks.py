"""Labels and the like: in the folder column, and in the head of a message."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import template
from django.http import QueryDict
from django.template import Context
from django.urls import reverse

from apps.mail.mailbox.store import Summary
from apps.mail.services import labels, times
from apps.mail.services.actions import MUTED, PINNED
from apps.mail.services.labels import Label
from apps.mail.services.snoozing import Snooze
from apps.mail.services.view import SNOOZED, View

register = template.Library()


def _shown(context: Context) -> View:
    """What the page shows beside a column that may be drawn anew."""
    request = context["request"]
    shown_at = request.headers.get("HX-Current-URL")
    return View.parse(QueryDict(urlsplit(shown_at).query) if shown_at else request.GET)


@register.simple_tag(takes_context=True)
def own_labels(context: Context) -> list[tuple[Label, str, bool]]:
    """Those that are shown, each with the way to all messages that have it, and whether these are shown now."""
    view, inbox = _shown(context), reverse("mail:mailbox", args=("INBOX",))
    found = []
    for label in labels.of(context["request"].user.pk):
        its = View(q=label.term, where="all")
        found.append((label, inbox + its.encoded(), its.q == view.q and view.where == "all"))
    return found


@register.inclusion_tag("mail/_snoozed_folder.html", takes_context=True)
def snoozed_folder(context: Context) -> dict[str, Any]:
    view = View(show=SNOOZED)
    here = context.get("mailbox") == "INBOX" and _shown(context).show == SNOOZED
    return {"url": reverse("mail:mailbox", args=("INBOX",)) + view.encoded(), "current": here}


@register.inclusion_tag("mail/_message_labels.html", takes_context=True)
def message_labels(context: Context, summary: Summary, oob: bool = False) -> dict[str, Any]:
    snooze = Snooze.of(summary.keywords)
    shown = [label for label in labels.of(context["request"].user.pk) if label.keyword in summary.keywords]
    return {
        "labels": shown,
        "here": reverse("mail:mailbox", args=(context["mailbox"],)),
        "pinned": summary.has(PINNED),
        "muted": summary.has(MUTED),
        "until": times.full_time(snooze.moment) if snooze else "",
        "oob": oob,
    }
