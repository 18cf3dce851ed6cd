"""The writing page as it is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.mail.forms import ComposeForm
from apps.mail.mailbox.store import MailStore
from apps.mail.prefs import ANSWER
from apps.mail.services import identities, later, limits, templates
from apps.mail.services.asking import Question
from apps.mail.services.attaching import Item
from apps.mail.services.refs import MessageRef
from apps.mail.views import windows
from apps.mail.views.common import column
from portal import spelling
from portal.contracts import WritingPart
from portal.http import PortalRequest
from portal.registry import get_registry

if TYPE_CHECKING:
    from apps.auth.models import User


def draw(
    request: PortalRequest,
    store: MailStore | None,
    form: ComposeForm,
    items: Iterable[Item],
    *,
    status: int = 200,
    notes: Iterable[str] = (),
    tips: Iterable[str] = (),
    questions: Sequence[Question] = (),
    when: str = "",
    answers: int = 0,
    review: WritingPart | None = None,
) -> HttpResponse:
    """The writing page; without a store (the server is away) its folders come later, by themselves. ``questions``: to
    be answered before it is sent, or, with ``when``, sent at that time. ``answers``: to how many people it is."""
    form.mark_errors()
    context: dict[str, Any] = {
        "form": form,
        "attachments": list(items),
        "notes": list(notes),
        "tips": list(tips),
        "questions": questions,
        "when": when,
        "answers": answers,
        "spelling": spelling.beside(request),
        "review": review,
        "only_url": windows.within(request, _only_url(form)) if answers > 1 else "",
        "offers_card": get_registry().own_cards is not None,
        "in_windows": windows.are_preferred(request),
        "reports_offered": limits.reports(request.user),
        "presets": list(later.presets()),
        "templates": templates.of(request.user),
        **_senders(request, form),
        "heading": form["subject"].value() or _("New message"),
        "upload_limit": limits.files(request.user),
        "upload_text": limit_text(request.user),
        "ask_limit": not limits.is_known(request.user),
        "back_url": _back_url(form),
        "below": form["kind"].value() == "reply" and request.prefs[ANSWER] == "below",
        "unsaved": form.is_bound or (request.method == "POST" and "marked" not in request.POST),
    }
    if store is not None and not request.framed:
        context |= column(request, store, "")
    return render(request, "mail/compose.html", context, status=status)


def limit_text(user: User) -> str:
    return _("At most %(limit)d MB for one message.") % {"limit": limits.megabytes(user)}


def _senders(request: PortalRequest, form: ComposeForm) -> dict[str, Any]:
    known = identities.of(request)
    identity = identities.find(known, form["identity"].value()) or known[0]
    return {
        "identity": identity,
        "sender": identity.address,
        "senders": [(each, identities.signature_of(each)) for each in known],
        "because": form["because"].value() if identity is not known[0] else "",
        "asks_more": any(form[name].value() for name in ("priority", "receipt", "reports", "remind")),
    }


def _only_url(form: ComposeForm) -> str:
    """Where the sender alone is answered."""
    source = MessageRef.parse(form["source"].value() or "")
    return f"{reverse('mail:reply', args=(source.mailbox, source.uid))}?v={source.uidvalidity}" if source else ""


def _back_url(form: ComposeForm) -> str:
    source = MessageRef.parse(form["source"].value() or "")
    if source is None:
        return reverse("mail:index")
    return f"{reverse('mail:message', args=(source.mailbox, source.uid))}?v={source.uidvalidity}"
