"""Somebody's other accounts in the folder column: a section for each, which is fetched by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.mail.account_models import OtherAccount
from apps.mail.mailbox.names import qualified
from apps.mail.services import folders, other_accounts
from apps.mail.services.view import INBOXES, View
from apps.mail.templatetags.marks import _shown

register = template.Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    number: int
    label: str
    hue: str  # the classes of its colour
    here: bool  # the page is about it: its folders are drawn with it

    @property
    def inbox(self) -> str:
        return qualified(self.number, "INBOX")


def hue_of(account: OtherAccount) -> str:
    hue = folders.hue_class(account.colour)
    return f"hued {hue}" if hue else ""


@register.simple_tag(takes_context=True)
def account_sections(context: Context, here: int | str = 0) -> list[Section]:
    """Of all accounts, the main one first where another one is ``here``; none where there is only the main one."""
    rows = other_accounts.of(context["request"].user.pk)
    found = [Section(number=row.pk, label=row.label, hue=hue_of(row), here=row.pk == here) for row in rows]
    if here and found:
        return [Section(number=0, label=_("Main account"), hue="", here=False), *found]
    return found


@register.inclusion_tag("mail/_all_inboxes.html", takes_context=True)
def all_inboxes(context: Context) -> dict[str, Any]:
    """The way to the inboxes of all accounts, where there are several."""
    several = bool(other_accounts.of(context["request"].user.pk))
    view = View(where=INBOXES)
    url = reverse("mail:mailbox", args=("INBOX",)) + view.encoded()
    return {"several": several, "url": url, "current": several and _shown(context).where == INBOXES}
