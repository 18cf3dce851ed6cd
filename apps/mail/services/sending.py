"""Drafts and sending. What is sent is sent once, its copies follow, and what cannot be sent stays as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.mail import submission
from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.store import MailStore
from apps.mail.mime import build
from apps.mail.mime.outgoing import OutgoingMessage
from apps.mail.models import remember
from apps.mail.services import folders
from apps.mail.services.refs import MessageRef
from portal import credentials
from portal.http import PortalRequest
from portal.net import ServerUrl, parse_server_url

log = structlog.get_logger(__name__)
ANSWER_FLAGS = {"reply": "\\Answered", "forward": "$Forwarded"}
_REMEMBERED = 24 * 3600  # seconds for which a second press of "Send" finds what became of the first


class OutcomeUnknown(Exception):
    """The connection ended after the message had been handed over and before the server said that it has it."""


class NotSent(Exception):
    """Nothing has gone out. ``refused``: why, by address; ``text``: what else there is to say, for people."""

    def __init__(self, text: str = "", *, refused: Mapping[str, str] | None = None, server_text: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.refused = dict(refused or {})
        self.server_text = server_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    again: bool = False  # this very message had been sent before; nothing was done now
    problem: str = ""  # it is sent, but something after that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A message being written and where it belongs."""

    message: OutgoingMessage
    id: str  # the same for every try to send it
    kind: str = ""  # "reply", "forward" or ""
    source: MessageRef | None = None
    draft: MessageRef | None = None


def message_id(writing_id: str, sender: str) -> str:
    """The same Message-ID for every try: whoever sees two copies can tell that they are one."""
    return f"<{writing_id}@{sender.rpartition('@')[2] or 'localhost.invalid'}>"


# --- drafts -----------------------------------------------------------------------------------------------------------


def save_draft(store: MailStore, writing: Writing) -> MessageRef:
    """Store the draft, then remove the one it replaces: at no moment is there none. Raises ``MailError``."""
    state = {"id": writing.id, "kind": writing.kind, "source": str(writing.source or "")}
    octets = build.draft(replace(writing.message, draft_state=state))
    mailbox = folders.ensure_role(store, "drafts")
    uidvalidity, uid = store.append(mailbox, octets, flags=["\\Draft", "\\Seen"])
    if writing.draft is not None and uid is not None:
        discard(store, writing.draft)
    if uid is None:
        raise MailError("the server stored the draft but cannot tell where")
    return MessageRef(mailbox, uidvalidity, uid)


def discard(store: MailStore, draft: MessageRef) -> None:
    """Remove a draft. One that is gone already is no error."""
    try:
        store.expunge(draft.mailbox, [draft.uid], uidvalidity=draft.uidvalidity)
    except MailError as error:
        log.warning("draft_not_removed", error=error.__class__.__name__)


# --- sending ----------------------------------------------------------------------------------------------------------


def send(request: PortalRequest, store: MailStore, writing: Writing) -> Sent:
    """Hand the message to the submission server, then store the copy, mark the original and remove the draft.

    Raises ``NotSent`` when nothing has gone out; after the server has taken the message nothing raises any more.
    """
    key = f"mail.sent:{request.user.pk}:{writing.id}"
    if not cache.add(key, "sending", _REMEMBERED):
        if cache.get(key) == "sent":
            return Sent(again=True)
        raise NotSent(_("This message is being sent already. Look into Sent before you try again."))
    try:
        _submit(request, writing.message)
    except OutcomeUnknown:
        raise  # it may have gone out: the same message is not sent again without a word
    except BaseException:
        cache.delete(key)
        raise
    cache.set(key, "sent", _REMEMBERED)
    problem = _store_copy(store, writing.message)
    _mark_source(store, writing)
    if writing.draft is not None:
        discard(store, writing.draft)
    remember(request.user.pk, [*writing.message.to, *writing.message.cc, *writing.message.bcc])
    log.info("message_sent", recipients=len(writing.message.recipients))
    return Sent(problem=problem)


@sensitive_variables("password")
def _submit(request: PortalRequest, message: OutgoingMessage) -> None:
    if not settings.SMTP_URL:
        raise NotSent(_("No server for sending is set up on this site."))
    login, password = _smtp_login(request)
    try:
        result = submission.send(
            smtp_server(),
            login=login,
            password=password,
            sender=message.from_.email,
            recipients=message.recipients,
            message=build.message(message),
            ca_file=settings.SMTP_TLS_CA_FILE or None,
            allow_plain=settings.ALLOW_PLAINTEXT,
            all_or_nothing=True,
        )
    except submission.OutcomeUnknown as error:
        log.warning("outcome_unknown", server_text=error.server_text)
        raise OutcomeUnknown from error
    except submission.SubmissionError as error:
        log.warning("not_sent", error=error.__class__.__name__, server_text=error.server_text)
        raise NotSent(explain(error), server_text=error.server_text) from error
    if result.refused:
        raise NotSent(
            _("Nothing was sent, because the server refused an address."),
            refused={address: refusal_text(refusal) for address, refusal in result.refused.items()},
        )


def smtp_server() -> ServerUrl:
    return parse_server_url(settings.SMTP_URL, services=settings.SMTP_SERVICES)


def _smtp_login(request: PortalRequest) -> tuple[str, str]:
    if settings.SMTP_AUTH == "none":
        return "", ""
    if settings.SMTP_AUTH == "fixed":
        return settings.SMTP_LOGIN, settings.SMTP_PASSWORD
    return request.user.login, credentials.unseal(request)


def refusal_text(refusal: submission.Refusal) -> str:
    if refusal.permanent:
        return _("The server does not take this address: %(text)s") % {"text": refusal.text}
    return _("The server does not take this address just now, try again later: %(text)s") % {"text": refusal.text}


def explain(error: submission.SubmissionError) -> str:
    """The error in words. The server's own follow where it has said something."""
    if error.permanent:
        text = _("The server refused the message. Nothing was sent.")
    else:
        text = _("The server for sending cannot be reached or is busy. Nothing was sent; try again in a moment.")
    return f"{text} ({error.server_text})" if error.server_text else text


def _store_copy(store: MailStore, message: OutgoingMessage) -> str:
    """Into Sent, with the Bcc line, so that the sender knows whom it went to."""
    try:
        mailbox = folders.ensure_role(store, "sent")
        store.append(mailbox, build.draft(message), flags=["\\Seen"])
    except MailError as error:
        log.warning("copy_not_stored", error=error.__class__.__name__, server_text=error.server_text)
        return _("The message was sent, but no copy of it could be stored in Sent.")
    return ""


def _mark_source(store: MailStore, writing: Writing) -> None:
    flag = ANSWER_FLAGS.get(writing.kind)
    if writing.source is None or flag is None:
        return
    ref = writing.source
    try:
        store.set_flags(ref.mailbox, [ref.uid], uidvalidity=ref.uidvalidity, add=[flag])
    except MailError as error:
        log.warning("original_not_marked", error=error.__class__.__name__)
