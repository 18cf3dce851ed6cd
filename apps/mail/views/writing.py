"""What the buttons of the writing page do. Whatever goes wrong, the page comes back with everything as it was typed.

Files are saved before the mail server is asked anything, so that neither a password asked for again nor a server that
is away costs anybody an upload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _

from apps.mail.forms import FIELDS, changed_since, outcome_unknown
from apps.mail.mailbox.errors import MailError, SignInRefused
from apps.mail.mailbox.store import MailStore
from apps.mail.mime.outgoing import Refused
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import (
    asking,
    attaching,
    forwarded,
    later,
    limits,
    outbox,
    prefill,
    sending,
    trouble,
)
from apps.mail.services.refs import MessageRef
from apps.mail.services.stores import open_store
from apps.mail.views import asks, everybody, windows
from apps.mail.views.outbox import sent_text
from apps.mail.views.sheet import Sheet, taken
from portal.contracts import Address
from portal.credentials import Locked
from portal.http import PortalRequest

FIELD_OF_HEADER = {"To": "to", "Cc": "cc", "Bcc": "bcc", "Subject": "subject"}


def answer(request: PortalRequest) -> HttpResponse:
    """Do what the button says. Raises ``portal.credentials.Locked``, with the files already among what is kept."""
    sheet = taken(request)
    try:
        with open_store(request) as store:
            return _act(sheet, store)
    except SignInRefused as error:
        raise Locked(refused=True) from error
    except MailError as error:
        found = trouble.describe(error)
        sheet.notes.append(f"{found.title}. {found.text}")
        return sheet.again(None, status=found.status)


def _act(sheet: Sheet, store: MailStore) -> HttpResponse:
    post = sheet.post
    if "undo" in post:  # of the identity that was chosen for the writer
        return sheet.plain(store)
    if "remove" in post:
        sheet.tokens = [token for token in sheet.tokens if token != post["remove"]]
        return sheet.plain(store)
    if "template" in post:
        return asks.put_in(sheet, store)
    if sheet.notes:
        return sheet.again(store)
    do: Callable[[Sheet, MailStore], HttpResponse]
    do = {
        "save": _save,
        "discard": _discard,
        "attach": Sheet.plain,
        "identity": Sheet.plain,
        "check": _check,
        "card": _own_card,
        "keep": asks.keep,
        "spell": asks.spell,
        "correct": asks.correct,
    }.get(post.get("action", ""), _send)
    try:
        return do(sheet, store)
    except attaching.Missing:
        return sheet.again(store)  # which says what is missing
    except Refused as error:
        sheet.form.add_error(FIELD_OF_HEADER.get(error.field), _refused_text(error))
        return sheet.again(store)


def _refused_text(error: Refused) -> str:
    if error.field == "From":
        return _("Your own address, “%(value)s”, is not one that mail can be sent from. Tell your administrator.") % {
            "value": error.value
        }
    if error.field == "attachment":
        return _("A file has a name or type that cannot be sent: “%(value)s”.") % {"value": error.value[:100]}
    return _("“%(value)s” cannot be used in a message.") % {"value": error.value[:100]}


def _save(sheet: Sheet, store: MailStore) -> HttpResponse:
    if not sheet.form.can_be_kept:
        return sheet.again(store)
    writing = _writing(sheet, store)
    copied = sending.was_changed_elsewhere(store, writing)
    if copied:
        writing = sending.as_copy(writing, prefill.new_id())
    ref = sending.save_draft(store, writing, unfinished=sheet.form.unfinished)
    url = windows.within(sheet.request, f"{reverse('mail:edit', args=(ref.mailbox, ref.uid))}?v={ref.uidvalidity}")
    if sheet.wants_json:
        return _saved(sheet, store, writing, ref, url, copied=copied)
    if copied:
        messages.warning(sheet.request, _copied_text())
    else:
        messages.success(sheet.request, _("Draft saved."))
    return HttpResponseRedirect(url)


def _copied_text() -> str:
    return _("This draft was changed in another tab. What you wrote here is kept as a draft of its own.")


def _saved(
    sheet: Sheet, store: MailStore, writing: sending.Writing, ref: MessageRef, url: str, *, copied: bool
) -> HttpResponse:
    """For the page that stays: the draft, and the name that each of its files has in it."""
    pairs = zip(sheet.tokens, writing.message.attachments, strict=True)
    in_order = sorted(pairs, key=lambda pair: not pair[1].inline)
    tokens = dict(zip((old for old, _file in in_order), prefill.tokens_in_draft(store, ref), strict=True))
    when = time_format(timezone.localtime(), "TIME_FORMAT")
    answer = {"draft": str(ref), "url": url, "text": _("Saved %(time)s") % {"time": when}, "attachments": tokens}
    return JsonResponse(answer | ({"id": writing.id, "copy": _copied_text()} if copied else {}))


def _discard(sheet: Sheet, store: MailStore) -> HttpResponse:
    gone = sheet.draft is None or sending.discard(store, sheet.draft, writing_id=sheet.data.get("id", ""))
    _forget_uploads(sheet)
    if gone:
        messages.success(sheet.request, _("Draft discarded."))
    else:
        messages.warning(sheet.request, _("Nothing was removed: the draft is not the one that was opened here."))
    return windows.leave(sheet.request, sheet.back or reverse("mail:index"))


def _own_card(sheet: Sheet, store: MailStore) -> HttpResponse:
    """The writer's contact card as a file; for a script the line of the form."""
    item = attaching.own_card(sheet.request)
    if sheet.wants_json and item is not None:
        return render(sheet.request, "mail/_compose_attachment.html", {"item": item}, status=201)
    if item is not None:
        sheet.tokens.append(item.token)
        return sheet.plain(store)
    text = _("No card is yours yet. Open it in Contacts and choose “This is me” in its menu.")
    if sheet.wants_json:
        return JsonResponse({"text": text})
    sheet.tips.append(text)
    return sheet.plain(store)


def _check(sheet: Sheet, store: MailStore) -> HttpResponse:
    """Groups as their people, and who should be looked at twice, before anything is sent."""
    if any(sheet.form.errors.get(name) for name in FIELDS):
        return sheet.again(store)
    sheet.tips += everybody.checked(sheet.request.user, sheet.form, sheet.post, own=sheet.identity.address.email)
    return sheet.plain(store)


def _send(sheet: Sheet, store: MailStore) -> HttpResponse:
    form = sheet.form
    if form.is_valid() and not form.has_recipients:
        form.add_error("to", _("Say who the message is for."))
    if form.errors:
        return sheet.again(store)
    if (before := outbox.known(sheet.request, form.cleaned_data["id"])) is not None:
        return _sent_before(sheet, store, before, same=sheet.adds_nothing_to(before.content))
    try:
        planned = later.chosen(when) if (when := _when(sheet.post)) is not None else None
        later.deadline(sheet.data["remind"], sheet.data["remind_on"])
    except later.BadTime as error:
        form.add_error(None, error.text)
        return sheet.again(store)
    if (found := everybody.expanded(sheet.request.user, form)) is None:
        return sheet.again(store)
    if open_ := asking.still_open(asks.questions(sheet, found), form.cleaned_data["asked"]):
        return sheet.ask(store, open_, when=when or "")
    return _hand_over(sheet, store, _writing(sheet, store, people=found.people, planned=planned))


def _hand_over(sheet: Sheet, store: MailStore, writing: sending.Writing) -> HttpResponse:
    form = sheet.form
    if sum(len(file.content) for file in writing.message.attachments) > limits.files(sheet.request.user):
        limit = {"limit": limits.megabytes(sheet.request.user)}
        form.add_error(None, _("The files are larger than %(limit)d MB together. Remove some of them.") % limit)
        return sheet.again(store)
    try:
        again = form.cleaned_data["again"] == "yes"
        sent = outbox.send(sheet.request, store, writing, delay=sheet.request.prefs[UNDO_SEND], again=again)
    except outbox.OutcomeUnknown:
        sheet.post["again"] = "yes"
        form.add_error(None, outcome_unknown())
        return sheet.again(store)
    except outbox.NotSent as error:
        form.refuse({address: f"{address}: {text}" for address, text in error.refused.items()})
        if error.text:
            form.add_error(None, error.text)
        return sheet.again(store)
    return _done(sheet, sent)


def _when(post: QueryDict) -> str | None:
    """The time at which it is to be sent, by the button of a preset or as it was typed; None: now."""
    name = "later_at" if post.get("action") == "later" else "later"
    return str(post[name]) if name in post else None


def _sent_before(sheet: Sheet, store: MailStore, before: outbox.Sent, *, same: bool) -> HttpResponse:
    """The same once more is nothing. Something else under the same id (the page was gone back to, or its draft was
    copied) is a message of its own, if that is what is meant."""
    if same:
        return _done(sheet, before)
    sheet.post["id"], sheet.post["draft"] = prefill.new_id(), ""
    sheet.form.add_error(None, changed_since())
    return sheet.again(store)


def _done(sheet: Sheet, sent: outbox.Sent) -> HttpResponse:
    if sent.problem:
        messages.warning(sheet.request, sent.problem)
    else:
        _forget_uploads(sheet)
        messages.success(sheet.request, sent_text(sheet.request, sent))
    where = sheet.source
    back = reverse("mail:mailbox", args=(where.mailbox,)) if where else reverse("mail:index")
    return windows.leave(sheet.request, sheet.back or back)


def _forget_uploads(sheet: Sheet) -> None:
    uploads = attaching.uploads_of(sheet.request)
    for token in sheet.tokens:
        if token.startswith("u:"):
            uploads.delete(token[2:])


def _writing(
    sheet: Sheet,
    store: MailStore,
    *,
    people: Mapping[str, list[Address]] | None = None,
    planned: datetime | None = None,
) -> sending.Writing:
    """The form as a message; ``people`` takes the place of its groups. Raises ``attaching.Missing``, ``MailError``."""
    shown = prefill.html_of(sheet.data)[1]
    files = attaching.load(sheet.tokens, sheet.sources(store), shown=shown)
    message = prefill.message_of({**sheet.data, **(people or {})}, sender=sheet.identity.address, attachments=files)
    writing_id = sheet.data.get("id") or prefill.new_id()
    return sending.Writing(
        message=replace(
            message, message_id=sending.message_id(writing_id, message.from_.email), date=timezone.localtime(planned)
        ),
        id=writing_id,
        kind=sheet.data.get("kind", ""),
        source=sheet.source,
        also=forwarded.parse(sheet.data.get("also", "")),
        draft=sheet.draft,
        identity=sheet.identity.key,
        account=sheet.identity.number,
        sent_mailbox=sheet.identity.sent_mailbox,
        typed=sheet.typed if people is not None else {},
        content=sheet.content,
        planned=planned,
        remind=_deadline(sheet),
        reports=bool(sheet.data.get("reports")),
    )


def _deadline(sheet: Sheet) -> str:
    """A draft may have one that is not complete yet."""
    try:
        return later.deadline(sheet.data.get("remind", ""), sheet.data.get("remind_on", ""))
    except later.BadTime:
        return ""
