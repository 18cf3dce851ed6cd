"""The page of labels: made, renamed, coloured, hidden, put in order, removed."""

from __future__ import annotations

import time

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.store import MailStore, Query
from apps.mail.services import actions, labels
from apps.mail.services import work as works
from apps.mail.services.labels import NotChanged
from apps.mail.services.steps import Step
from apps.mail.services.work import Work
from apps.mail.views import works as box
from apps.mail.views.common import column, with_store
from portal.contracts import Text
from portal.http import PortalRequest

SECONDS = 20.0  # in which all folders have to be searched

COLOURS: tuple[Text, ...] = (
    pgettext_lazy("colour", "Grey"),
    pgettext_lazy("colour", "Red"),
    pgettext_lazy("colour", "Orange"),
    pgettext_lazy("colour", "Olive"),
    pgettext_lazy("colour", "Green"),
    pgettext_lazy("colour", "Teal"),
    pgettext_lazy("colour", "Blue"),
    pgettext_lazy("colour", "Purple"),
    pgettext_lazy("colour", "Pink"),
)


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def index(request: PortalRequest, store: MailStore) -> HttpResponse:
    """All labels in their order, and the keywords of the inbox that nobody has named. POST makes one."""
    status = store.opened("INBOX")
    name, problem = "", ""
    if request.method == "POST":
        data, name = request.POST, request.POST.get("name", "")
        keyword = data.get("keyword", "")[:100]
        try:
            if not keyword and not status.takes(labels.new_keyword(" ".join(name.split()) or "-", ())):
                raise NotChanged(_("Your mail server takes no new labels."))
            made = labels.make(user_id=request.user.pk, name=name, colour=_number(data.get("colour")), keyword=keyword)
        except NotChanged as error:
            problem = str(error)
        else:
            messages.success(request, _("“%(name)s” is one of your labels now.") % {"name": made.name})
            return redirect("mail:labels")
    mine = labels.all_of(request.user.pk)
    context = {
        "labels": [(label, status.takes(label.keyword)) for label in mine],
        "strangers": [
            (keyword, labels.decoded(keyword)) for keyword in labels.strangers(status.keywords, request.user.pk)
        ],
        "takes_new": status.takes("\\*"),
        "colours": list(enumerate(COLOURS)),
        "next_colour": labels.next_colour(request.user.pk),
        "name": name,
        "problem": problem,
    }
    code = 422 if problem else 200
    return render(request, "mail/labels.html", column(request, store, "") | context, status=code)


@require_POST
@with_store
def act(request: PortalRequest, store: MailStore) -> HttpResponse:
    """``do`` is change, hide, show, place, or remove; "off" with that takes it off all messages, too."""
    data, user_id = request.POST, request.user.pk
    do, keyword = data.get("do", ""), data.get("keyword", "")[:100]
    try:
        if do == "change":
            labels.change(
                user_id=user_id, keyword=keyword, name=data.get("name", ""), colour=_number(data.get("colour"))
            )
        elif do in ("hide", "show"):
            labels.hide(user_id=user_id, keyword=keyword, hidden=do == "hide")
        elif do == "place" and data.get("to", "").isdecimal():
            labels.place(user_id=user_id, keyword=keyword, position=min(_number(data["to"]), labels.MOST))
        elif do == "off":
            return _off(request, store, keyword)
        elif do == "remove":
            labels.remove(user_id=user_id, keyword=keyword)
            messages.success(request, _("The label is removed. Messages keep its keyword for other programs."))
    except NotChanged as error:
        messages.error(request, str(error))
    return redirect("mail:labels")


def _off(request: PortalRequest, store: MailStore, keyword: str) -> HttpResponse:
    """Taken off all messages of all folders, which can be undone; the label is forgotten then."""
    steps: list[Step] = []
    until = time.monotonic() + SECONDS
    for mailbox in store.mailboxes(status=False):
        if not mailbox.selectable:
            continue
        if time.monotonic() > until:
            messages.error(request, _("The mail server takes too long to find all messages. Nothing was changed."))
            return redirect("mail:labels")
        try:
            validity, uids = store.matching(mailbox.name, Query(flags=((keyword, True),)), seconds=SECONDS)
        except MailError as error:
            if not error.permanent:
                raise
            continue
        if uids:
            do = actions.UNLABEL
            step = Step(do=do, mailbox=mailbox.name, uidvalidity=validity, uids=tuple(sorted(uids)), target=keyword)
            steps.append(step)
    name = labels.name_of(keyword, request.user.pk)
    labels.remove(user_id=request.user.pk, keyword=keyword)
    if not steps:
        messages.success(request, _("The label is removed. No message had it."))
        return redirect("mail:labels")
    work = Work(do=actions.UNLABEL, steps=steps, folder=name, several=len(steps) > 1)
    works.proceed(store, work, user_id=request.user.pk)
    box.remember(request, work)
    if work.steps:
        return redirect("mail:mailbox", "INBOX")  # where the box shows how far it has come
    box.tell(request, work, box.way_back(request, work))
    return redirect("mail:labels")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 4 else 0
