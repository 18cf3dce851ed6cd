"""The Outbox in the folder column: there while something is in it."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from apps.mail.services import outbox_page

register = template.Library()


@register.inclusion_tag("mail/_outbox_folder.html", takes_context=True)
def outbox_folder(context: Context) -> dict[str, Any]:
    request = context["request"]
    match = request.resolver_match
    here = match is not None and match.view_name == "mail:outbox"
    return {"standing": outbox_page.standing(request.user.pk), "here": here}
