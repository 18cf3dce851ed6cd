"""What the buttons of the writing page do. Whatever goes wrong, the page comes back with everything as it was typed.

Files are saved before the mail server is asked anything, so that neither a password asked for again nor a server that
is away costs anybody an upload.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.formats import time_format
from django.utils.translation import gettext as _

from apps.mail.forms import FIELDS, ComposeForm, changed_since, outcome_unknown
from apps.mail.mailbox.errors import MailError, SignInRefused
from apps.mail.mailbox.store import MailStore
from apps.mail.mime.outgoing import Refused
from apps.mail.models import Identity
from apps.mail.prefs import ANSWER, ATTACHMENT_REMINDER, UNDO_SEND
from apps.mail.services import attaching, identities, limits, options, outbox, prefill, sending, trouble
from apps.mail.services.attaching import Item
from apps.mail.services.refs import MessageRef
from apps.mail.services.stores import open_store
from apps.mail.services.uploads import TooLarge
from apps.mail.views import everybody
from apps.mail.views.common import column
from apps.mail.views.outbox import sent_text
from portal.contracts import Address
from portal.credentials import Locked
from portal.http import PortalRequest

JSON = "application/json"
FIELD_OF_HEADER = {"To": "to", "Cc": "cc", "Bcc": "bcc", "Subject": "subject"}
#: What makes one message another, besides its recipients.
SAID = ("identity", "subject", "text", "html", "format", "priority", "receipt")


@dataclass
class Sheet:
    """The form as it came, while it is being answered."""

    request: PortalRequest
    post: QueryDict  # what the form is bound to
    form: ComposeForm
    tokens: list[str]
    identity: Identity
    notes: list[str] = field(default_factory=list)  # what else went wrong on the way
    tips: list[str] = field(default_factory=list)  # what there is to know

    @property
    def data(self) -> Mapping[str, Any]:
        return self.form.cleaned_data

    @property
    def draft(self) -> MessageRef | None:
        return MessageRef.parse(self.data.get("draft", ""))

    @property
    def source(self) -> MessageRef | None:
        return MessageRef.parse(self.data.get("source", ""))

    @property
    def typed(self) -> dict[str, str]:
        """The fields with groups in them, as they stand in the form."""
        return {name: self.post.get(name, "") for name in FIELDS if getattr(self.data.get(name), "groups", ())}

    @property
    def content(self) -> str:
        """Tells one message from another: a digest of what is written (under the site's key), and how many files."""
        fields = [str(self.data.get(name, "")) for name in (*FIELDS, *SAID)] + [str(self.typed)]
        return f"{salted_hmac('mail.content', json.dumps(fields), algorithm='sha256').hexdigest()}:{len(self.tokens)}"

    def adds_nothing_to(self, content: str) -> bool:
        """Whether this is what was sent. A page gone back to may have lost its files; more of them are news."""
        digest, _colon, files = content.partition(":")
        mine, _colon, count = self.content.partition(":")
        return mine == digest and int(count) <= int(files)

    def sources(self, store: MailStore) -> attaching.Sources:
        uploads = attaching.uploads_of(self.request)
        return attaching.Sources(store=store, uploads=uploads, source=self.source, draft=self.draft)

    def again(self, store: MailStore | None, *, status: int = 422) -> HttpResponse:
        """The page with everything as it was typed, and what was wrong with it."""
        for note in self.notes:
            self.form.add_error(None, note)
        return draw(self.request, store, self.form, self._items(store), status=status)

    def plain(self, store: MailStore) -> HttpResponse:
        """The page as it was, for a button that changes only the list of files."""
        items = self._items(store)
        form = ComposeForm(initial={key: self.post.get(key, "") for key in self.form.fields})
        return draw(self.request, store, form, items, notes=self.notes, tips=self.tips)

    def _items(self, store: MailStore | None) -> list[Item]:
        if store is None:
            found = attaching.items_unseen(self.tokens, attaching.uploads_of(self.request))
        else:
            found = attaching.items(self.tokens, self.sources(store))
        if len(found) < len(self.tokens):
            self.notes.append(_("An attached file is not there any more. Attach it again."))
            self.form.add_error(None, self.notes[-1])
        return found


def answer(request: PortalRequest) -> HttpResponse:
    """Do what the button says. Raises ``portal.credentials.Locked``, with the files already among what is kept."""
    sheet = _taken(request)
    try:
        with open_store(request) as store:
            return _act(sheet, store)
    except SignInRefused as error:
        raise Locked(refused=True) from error
    except MailError as error:
        found = trouble.describe(error)
        sheet.notes.append(f"{found.title}. {found.text}")
        return sheet.again(None, status=found.status)


def _taken(request: PortalRequest) -> Sheet:
    """The form with its files put aside; a page that asks for the password carries them from here on."""
    tokens = attaching.valid(request.POST.getlist("attachment"))
    notes = []
    limit = limits.megabytes()
    for file in request.FILES.getlist("files"):
        try:
            item = attaching.save(request, name=file.name or "", type=file.content_type or "", chunks=file.chunks())
            tokens.append(item.token)
        except TooLarge:
            notes.append(_("“%(name)s” is larger than %(limit)d MB.") % {"name": file.name, "limit": limit})
    if is_too_large(request):
        notes.append(_("The files are larger than %(limit)d MB together and were not attached.") % {"limit": limit})
    if len(tokens) > attaching.MOST:
        notes.append(_("At most %(count)d files can be attached to one message.") % {"count": attaching.MOST})
        tokens = tokens[: attaching.MOST]
    kept = request.POST.copy()
    kept.setlist("attachment", tokens)
    request.POST = kept  # type: ignore[assignment]  # django-stubs: immutable
    request.FILES.clear()
    identity = identities.follow(request, kept)
    form = ComposeForm(kept)
    form.is_valid()
    return Sheet(request, kept, form, tokens, identity, notes)


def is_too_large(request: PortalRequest) -> bool:
    """Files are taken into memory, sealed, and never laid down as they are; beyond this size Django drops them."""
    return int(request.META.get("CONTENT_LENGTH") or 0) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE


def _act(sheet: Sheet, store: MailStore) -> HttpResponse:
    post = sheet.post
    if "undo" in post:  # of the identity that was chosen for the writer
        return sheet.plain(store)
    if "remove" in post:
        sheet.tokens = [token for token in sheet.tokens if token != post["remove"]]
        return sheet.plain(store)
    if sheet.notes:
        return sheet.again(store)
    do: Callable[[Sheet, MailStore], HttpResponse]
    do = {"save": _save, "discard": _discard, "attach": Sheet.plain, "identity": Sheet.plain, "check": _check}.get(
        post.get("action", ""), _send
    )
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
    url = f"{reverse('mail:edit', args=(ref.mailbox, ref.uid))}?v={ref.uidvalidity}"
    if sheet.request.accepts(JSON) and not sheet.request.accepts("text/html"):
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
    return HttpResponseRedirect(reverse("mail:index"))


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
    if word := _forgotten(sheet):
        sheet.post["reminded"] = "yes"
        form.add_error(None, options.reminder(word))
        return sheet.again(store)
    if (people := everybody.of(sheet.request.user, form)) is None:
        return sheet.again(store)
    writing = _writing(sheet, store, people=people)
    if sum(len(file.content) for file in writing.message.attachments) > limits.files():
        limit = {"limit": limits.megabytes()}
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


def _forgotten(sheet: Sheet) -> str:
    """Asked once for each message."""
    if not sheet.request.prefs[ATTACHMENT_REMINDER] or sheet.data["reminded"]:
        return ""
    above = sheet.data["kind"] == "forward" or sheet.request.prefs[ANSWER] != "below"
    signature = identities.signature_of(sheet.identity)
    return options.forgotten(sheet.data, signature, files=len(sheet.tokens), above=above)


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
    return HttpResponseRedirect(reverse("mail:mailbox", args=(where.mailbox,)) if where else reverse("mail:index"))


def _forget_uploads(sheet: Sheet) -> None:
    uploads = attaching.uploads_of(sheet.request)
    for token in sheet.tokens:
        if token.startswith("u:"):
            uploads.delete(token[2:])


def _writing(sheet: Sheet, store: MailStore, *, people: Mapping[str, list[Address]] | None = None) -> sending.Writing:
    """The form as a message; ``people`` takes the place of its groups. Raises ``attaching.Missing``, ``MailError``."""
    shown = prefill.html_of(sheet.data)[1]
    files = attaching.load(sheet.tokens, sheet.sources(store), shown=shown)
    message = prefill.message_of({**sheet.data, **(people or {})}, sender=sheet.identity.address, attachments=files)
    writing_id = sheet.data.get("id") or prefill.new_id()
    return sending.Writing(
        message=replace(
            message, message_id=sending.message_id(writing_id, message.from_.email), date=timezone.localtime()
        ),
        id=writing_id,
        kind=sheet.data.get("kind", ""),
        source=sheet.source,
        draft=sheet.draft,
        identity=sheet.identity.key,
        sent_mailbox=sheet.identity.sent_mailbox,
        typed=sheet.typed if people is not None else {},
        content=sheet.content,
    )


# --- the page ---------------------------------------------------------------------------------------------------------


def draw(
    request: PortalRequest,
    store: MailStore | None,
    form: ComposeForm,
    items: Iterable[Item],
    *,
    status: int = 200,
    notes: Iterable[str] = (),
    tips: Iterable[str] = (),
) -> HttpResponse:
    """The writing page; without a store (the server is away) its folders come later, by themselves."""
    form.mark_errors()
    context: dict[str, Any] = {
        "form": form,
        "attachments": list(items),
        "notes": list(notes),
        "tips": list(tips),
        **_senders(request, form),
        "heading": form["subject"].value() or _("New message"),
        "upload_limit": limits.files(),
        "upload_text": limit_text(),
        "ask_limit": not limits.is_known(),
        "back_url": _back_url(form),
        "below": form["kind"].value() == "reply" and request.prefs[ANSWER] == "below",
        "unsaved": request.method == "POST",
    }
    if store is not None:
        context |= column(request, store, "")
    return render(request, "mail/compose.html", context, status=status)


def limit_text() -> str:
    return _("At most %(limit)d MB for one message.") % {"limit": limits.megabytes()}


def _senders(request: PortalRequest, form: ComposeForm) -> dict[str, Any]:
    known = identities.of(request)
    identity = identities.find(known, form["identity"].value()) or known[0]
    return {
        "identity": identity,
        "sender": identity.address,
        "senders": [(each, identities.signature_of(each)) for each in known],
        "because": form["because"].value() if identity is not known[0] else "",
        "asks_more": form["priority"].value() or form["receipt"].value(),
    }


def _back_url(form: ComposeForm) -> str:
    source = MessageRef.parse(form["source"].value() or "")
    if source is None:
        return reverse("mail:index")
    return f"{reverse('mail:message', args=(source.mailbox, source.uid))}?v={source.uidvalidity}"
