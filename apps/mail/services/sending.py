"""Drafts and sending. What is sent is sent once, its copies follow, and what cannot be sent stays as it was written."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache as cached

import structlog
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.debug import sensitive_variables

from apps.mail import submission
from apps.mail.mailbox.errors import MailError, NoSuchMessage
from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime import build, drafts, headers, wire
from apps.mail.mime.outgoing import OutgoingMessage
from apps.mail.models import remember
from apps.mail.services import folders, identities
from apps.mail.services.refs import MessageRef
from portal import credentials
from portal.contracts import Text
from portal.http import PortalRequest
from portal.net import ServerUrl, parse_server_url

log = structlog.get_logger(__name__)
ANSWER_FLAGS = {"reply": "\\Answered", "forward": "$Forwarded", "redirect": "$Forwarded"}
_REMEMBERED = 24 * 3600  # seconds for which a second press of "Send" finds what became of the first
_UNDER_WAY = 15 * 60  # seconds that the longest try can take


class OutcomeUnknown(Exception):
    """The message was handed over, and nobody knows whether the server has taken it."""


class NotSent(Exception):
    """Nothing has gone out. ``refused``: why, by address; ``text``: what else there is to say, for people."""

    def __init__(self, text: str = "", *, refused: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.refused = dict(refused or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    again: bool = False  # this very message had been sent before; nothing was done now
    problem: str = ""  # it is sent, but something after that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A message being written and where it belongs."""

    message: OutgoingMessage
    id: str  # the same for every try to send it
    kind: str = ""  # "reply", "forward", "redirect" or ""
    source: MessageRef | None = None
    draft: MessageRef | None = None
    octets: bytes = field(default=b"", repr=False)  # what goes out, where it is not made of ``message``
    identity: str = ""  # the key of the one it is written as
    sent_mailbox: str = ""  # where that one keeps what is sent; "": where the account does
    content: str = ""  # tells what was written from what is written now under the same id


def message_id(writing_id: str, sender: str) -> str:
    """The same Message-ID for every try: whoever sees two copies can tell that they are one."""
    return f"<{writing_id}@{sender.rpartition('@')[2] or 'localhost.invalid'}>"


# --- drafts -----------------------------------------------------------------------------------------------------------


def save_draft(store: MailStore, writing: Writing, *, unfinished: Mapping[str, str] | None = None) -> MessageRef:
    """Store the draft, then remove the one it replaces: at no moment is there none. ``unfinished``: recipients that
    are no addresses yet, as they were typed. Raises ``MailError``, ``build.Refused``."""
    state = {"id": writing.id, "kind": writing.kind, "source": str(writing.source or ""), "identity": writing.identity}
    state |= unfinished or {}
    octets = build.draft(replace(writing.message, draft_state=state))
    mailbox = folders.ensure_role(store, "drafts")
    uidvalidity, uid = store.append(mailbox, octets, flags=["\\Draft", "\\Seen"])
    if uid is None:
        raise MailError("the server stored the draft but cannot tell where")
    if writing.draft is not None:
        discard(store, writing.draft, writing_id=writing.id)
    return MessageRef(mailbox, uidvalidity, uid)


def discard(store: MailStore, draft: MessageRef, *, writing_id: str) -> bool:
    """Remove a draft; False where it stays. What is no draft, or the draft of another message, is left alone."""
    try:
        detail = store.message(draft.mailbox, draft.uid, uidvalidity=draft.uidvalidity)
        if not _is_draft_of(store, draft.mailbox, detail, writing_id):
            log.warning("draft_not_removed", error="not this draft")
            return False
        store.expunge(draft.mailbox, [draft.uid], uidvalidity=draft.uidvalidity)
    except NoSuchMessage:
        return True
    except MailError as error:
        log.warning("draft_not_removed", error=error.__class__.__name__)
        return False
    return True


def _is_draft_of(store: MailStore, mailbox: str, detail: MessageDetail, writing_id: str) -> bool:
    known = drafts.state_of(headers.parse(detail.header)).get("id")
    if known is not None:
        return known == writing_id
    return detail.summary.draft or folders.role_of(store.mailboxes(status=False), mailbox) == "drafts"


# --- sending ----------------------------------------------------------------------------------------------------------


def sent_before(request: PortalRequest, writing_id: str) -> str | None:
    """``Writing.content`` of what was sent under this id; None when nothing was."""
    state, _colon, content = str(cache.get(_key(request, writing_id), "")).partition(":")
    return content if state == "sent" else None


def send(request: PortalRequest, store: MailStore, writing: Writing, *, again: bool = False) -> Sent:
    """Hand the message to the submission server, then store the copy, mark the original and remove the draft.

    Raises ``NotSent`` when nothing has gone out, ``OutcomeUnknown`` when that cannot be told (``again`` sends it all
    the same, under the same Message-ID), ``build.Refused``. After the server has taken the message nothing raises.
    """
    key = _key(request, writing.id)
    octets = writing.octets or build.message(writing.message)
    copy = _copy(writing.message, octets)
    if not cache.add(key, "sending", _UNDER_WAY):
        _not_twice(str(cache.get(key)), again=again)
        cache.set(key, "sending", _UNDER_WAY)
    try:
        with _way_out():
            _submit(request, writing.message, octets)
    except OutcomeUnknown:
        cache.set(key, "unknown", _REMEMBERED)
        raise
    except BaseException:
        cache.delete(key)
        raise
    cache.set(key, f"sent:{writing.content}", _REMEMBERED)
    problem = _store_copy(store, copy, writing.sent_mailbox)
    _mark_source(store, writing)
    if writing.draft is not None and not problem:  # without a copy in Sent, the draft is all there is
        discard(store, writing.draft, writing_id=writing.id)
    remember(request.user.pk, [*writing.message.to, *writing.message.cc, *writing.message.bcc])
    log.info("message_sent", recipients=len(writing.message.recipients))
    return Sent(problem=problem)


@cached
def _slots() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@contextmanager
def _way_out() -> Iterator[None]:
    """A server for sending that hangs holds a quarter of the request threads, and as many mailboxes' connections, at
    most. Nobody waits for a place: who finds none is told so, and keeps what was written."""
    if not _slots().acquire(blocking=False):
        log.warning("not_sent", error="too many under way")
        raise NotSent(_("Nothing was sent: many messages wait for the server for sending. Try again in a moment."))
    try:
        yield
    finally:
        _slots().release()


def _key(request: PortalRequest, writing_id: str) -> str:
    return f"mail.sent:{request.user.pk}:{writing_id}"


def _not_twice(state: str, *, again: bool) -> None:
    """What became of the first try decides about this one."""
    if state == "unknown" and not again:
        raise OutcomeUnknown
    if state != "unknown":
        raise NotSent(_("This message is being sent already. Look into Sent before you try again."))


def _copy(message: OutgoingMessage, octets: bytes) -> bytes:
    """For Sent: the very message, with the Bcc line, so that the sender knows whom it went to."""
    return (wire.address_list("Bcc", message.bcc).encode("ascii") if message.bcc else b"") + octets


@sensitive_variables("password")
def _submit(request: PortalRequest, message: OutgoingMessage, octets: bytes) -> None:
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
            message=octets,
            ca_file=settings.SMTP_TLS_CA_FILE or None,
            allow_plain=settings.ALLOW_PLAINTEXT,
            all_or_nothing=True,
        )
    except submission.OutcomeUnknown as error:
        log.warning("outcome_unknown", server_text=_without_addresses(error.server_text))
        raise OutcomeUnknown from error
    except submission.SubmissionError as error:
        log.warning("not_sent", error=error.__class__.__name__, server_text=_without_addresses(error.server_text))
        if _may_ask_for_password(request, error):
            raise credentials.Locked(refused=True) from error
        raise NotSent(explain(error)) from error
    if result.refused:
        raise NotSent(
            _("Nothing was sent, because the server refused an address."),
            refused={address: refusal_text(refusal) for address, refusal in result.refused.items()},
        )


def _may_ask_for_password(request: PortalRequest, error: submission.SubmissionError) -> bool:
    """The password may have changed since the mailbox was opened. Asked once: a server for sending that refuses the
    right one would have people type it for ever."""
    refused = isinstance(error, submission.SignInRefused) and bool(error.code)
    return refused and settings.SMTP_AUTH == "user" and credentials.FIELD not in request.POST


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


_WHY: tuple[tuple[type[submission.SubmissionError], Text], ...] = (
    (submission.MessageTooLarge, _lazy("The message is larger than the server for sending takes.")),
    (submission.SignInRefused, _lazy("The server for sending does not take your name and password.")),
    (submission.SenderRefused, _lazy("The server does not let you write from this address.")),
    (submission.TlsFailed, _lazy("The server for sending could not prove who it is, so it was not trusted.")),
    (submission.ServerUnreachable, _lazy("The server for sending is busy or away. Try again in a moment.")),
)


def _without_addresses(text: str) -> str:
    """For the log, which says nothing about who writes to whom."""
    return re.sub(r"[^\s<>]+@[^\s<>]+", "…@…", text)


def explain(error: submission.SubmissionError) -> str:
    """The error in words. The server's own follow where it has said something."""
    why = next((text for kind, text in _WHY if isinstance(error, kind)), None)
    if why is None:
        why = _("The server refused the message.") if error.permanent else _("The server takes no mail just now.")
    text = _("Nothing was sent. %(why)s") % {"why": why}
    return f"{text} ({error.server_text})" if error.code and error.server_text else text


def _store_copy(store: MailStore, octets: bytes, mailbox: str) -> str:
    try:
        store.append(identities.sent_mailbox(store, mailbox), octets, flags=["\\Seen"])
    except MailError as error:
        log.warning("copy_not_stored", error=error.__class__.__name__, detail=str(error))
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
