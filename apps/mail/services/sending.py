"""Drafts, and what there is to say about sending. The sending itself is in ``outbox`` and ``delivery``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from apps.mail import submission
from apps.mail.mailbox.errors import MailError, NoSuchMessage
from apps.mail.mailbox.routed import at, standing
from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime import build, drafts, headers, wire
from apps.mail.mime.outgoing import OutgoingMessage
from apps.mail.services import folders, forwarded, servers
from apps.mail.services.letters import Letter
from apps.mail.services.refs import MessageRef
from apps.mail.services.stores import backend_of
from apps.mail.submission_errors import TokensAway
from portal.contracts import Text

if TYPE_CHECKING:
    from apps.auth.models import User

log = structlog.get_logger(__name__)
#: What the original is marked with. Every program sees what was answered to an invitation, and that it was answered.
INVITATION_FLAGS = {
    "accept": "$Invitation-Accepted",
    "tentative": "$Invitation-Tentative",
    "decline": "$Invitation-Declined",
}
ANSWER_FLAGS = {
    "reply": "\\Answered",
    "forward": "$Forwarded",
    "redirect": "$Forwarded",
    "receipt": "$MDNSent",
    **dict.fromkeys(INVITATION_FLAGS, "\\Answered"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A message being written and where it belongs."""

    message: OutgoingMessage
    id: str  # the same for every try to send it
    kind: str = ""  # "reply", "forward", "redirect", "receipt", one of ``INVITATION_FLAGS``, or ""
    source: MessageRef | None = None
    also: tuple[MessageRef, ...] = ()  # further messages that are forwarded with it, as files
    draft: MessageRef | None = None
    octets: bytes = field(default=b"", repr=False)  # what goes out, where it is not made of ``message``
    identity: str = ""  # the key of the one it is written as
    account: int = 0  # the number of the account that it goes out from, and lies in the drafts of; 0 is the main one
    sent_mailbox: str = ""  # where that one keeps what is sent; "": where the account does
    typed: Mapping[str, str] = field(default_factory=dict)  # fields whose groups were expanded, as they stood there
    content: str = ""  # tells what was written from what is written now under the same id
    planned: datetime | None = None  # when it is to go out; None: now, or after the seconds to undo
    remind: str = ""  # until when an answer is expected: see ``services.later.deadline``
    reports: bool = False  # the server is to report what becomes of it (RFC 3461)


def message_id(writing_id: str, sender: str) -> str:
    """The same Message-ID for every try: whoever sees two copies can tell that they are one."""
    domain = wire.addr_spec("From", sender).rpartition("@")[2] if wire.can_be_written_to(sender) else ""
    return f"<{writing_id}@{domain or 'localhost.invalid'}>"


# --- drafts -----------------------------------------------------------------------------------------------------------


def save_draft(store: MailStore, writing: Writing, *, unfinished: Mapping[str, str] | None = None) -> MessageRef:
    """Store the draft, then remove the one it replaces: at no moment is there none. ``unfinished``: recipients that
    are no addresses yet, as they were typed. Raises ``MailError``, ``build.Refused``."""
    octets = build.draft(replace(writing.message, draft_state={**state_of(writing), **(unfinished or {})}))
    here = standing(store, writing.account)
    return store_draft(here, octets, writing_id=writing.id, instead_of=writing.draft)


def was_changed_elsewhere(store: MailStore, writing: Writing) -> bool:
    """Whether another tab, or another device, has saved this draft since this page last did."""
    if writing.draft is not None:
        try:
            store.message(writing.draft.mailbox, writing.draft.uid, uidvalidity=writing.draft.uidvalidity)
            return False
        except NoSuchMessage:
            pass
    here = standing(store, writing.account)
    return bool(here.find_message_id(folders.ensure_role(here, "drafts"), writing.message.message_id))


def as_copy(writing: Writing, writing_id: str) -> Writing:
    """The same text as a message of its own: neither takes the other's place."""
    message = replace(writing.message, message_id=message_id(writing_id, writing.message.from_.email))
    return replace(writing, message=message, id=writing_id, draft=None)


def state_of(writing: Writing) -> dict[str, str]:
    """What the compose view has to know of a draft besides the message."""
    state = {"id": writing.id, "kind": writing.kind, "source": str(writing.source or ""), "identity": writing.identity}
    if writing.also:
        state["also"] = forwarded.written(writing.also)
    if writing.remind:
        state["remind"] = writing.remind
    if writing.reports:
        state["reports"] = "yes"
    return {**state, **writing.typed}


def store_draft(store: MailStore, octets: bytes, *, writing_id: str, instead_of: MessageRef | None) -> MessageRef:
    """Raises ``MailError``."""
    mailbox = folders.ensure_role(store, "drafts")
    uidvalidity, uid = folders.append(store, mailbox, octets, flags=["\\Draft", "\\Seen"])
    if uid is None:
        raise MailError("the server stored the draft but cannot tell where")
    stored = MessageRef(mailbox, uidvalidity, uid)
    if stored == instead_of:  # all that was found of this message is what it was before
        raise MailError("the server said that it stored the draft, and has not")
    if instead_of is not None:
        discard(store, instead_of, writing_id=writing_id)
    return stored


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
    return detail.summary.draft or folders.role_of(at(store, mailbox).mailboxes(status=False), mailbox) == "drafts"


def letter_of(writing: Writing, other: Mapping[str, str | int]) -> Letter:
    """What the Outbox keeps of it besides its octets. ``other``: the account it goes out from, if not the main one."""
    message = writing.message
    notes = build.draft_notes(replace(message, draft_state=state_of(writing)))
    return Letter(
        sender="<>" if writing.kind == "receipt" else message.from_.email,
        recipients=list(message.recipients),
        people=[[a.name, a.email] for a in (*message.to, *message.cc, *message.bcc)],
        subject=message.subject,
        message_id=message.message_id,
        bcc=wire.address_list("Bcc", message.bcc) if message.bcc else "",
        notes=notes,
        kind=writing.kind,
        source=str(writing.source or ""),
        also=forwarded.written(writing.also),
        draft=str(writing.draft or ""),
        sent_mailbox=writing.sent_mailbox,
        other=dict(other),
        remind=writing.remind,
        reports=writing.reports,
    )


# --- the submission server --------------------------------------------------------------------------------------------


def untakeable(message: OutgoingMessage, user: User) -> dict[str, str]:
    """Why addresses of this message cannot go by the server for sending: letters of all scripts before the "@" need
    SMTPUTF8 (RFC 6531). It is asked only where there are any; where it cannot be asked, delivering will tell."""
    people = (message.from_, *message.reply_to, *message.to, *message.cc, *message.bcc)
    wanted = [address.email for address in people if wire.needs_utf8(address.email)]
    if not wanted:
        return {}
    offers = servers.smtp_offers(backend_of(user))
    if offers is None or "SMTPUTF8" in offers:
        return {}
    return dict.fromkeys(wanted, _("The server for sending does not accept such letters before the @."))


def refusal_text(refusal: submission.Refusal) -> str:
    if refusal.permanent:
        return _("The server does not accept this address: %(text)s") % {"text": refusal.text}
    return _("The server does not accept this address just now; try again later: %(text)s") % {"text": refusal.text}


def why_of(refusal: Sequence[object]) -> str:
    """The same of a refusal as the Outbox keeps it: code, text, whether it is for good."""
    code, text, permanent = refusal
    return refusal_text(submission.Refusal(int(str(code)), str(text), bool(permanent)))


_WHY: tuple[tuple[type[submission.SubmissionError], Text], ...] = (
    (submission.MessageTooLarge, _lazy("The message is larger than the server for sending accepts.")),
    (submission.SignInRefused, _lazy("The server for sending does not accept your name and password.")),
    (TokensAway, _lazy("The provider with which you sign in does not answer. Try again in a moment.")),
    (submission.SenderRefused, _lazy("The server does not let you write from this address.")),
    (submission.TlsFailed, _lazy("The server for sending could not prove who it is, so it was not trusted.")),
    (submission.ServerUnreachable, _lazy("The server for sending is busy or away. Try again in a moment.")),
)


def without_addresses(text: str) -> str:
    """For the log, which says nothing about who writes to whom."""
    return re.sub(r"[^\s<>]+@[^\s<>]+", "…@…", text)


def explain(error: submission.SubmissionError) -> str:
    """The error in words. The server's own follow where it has said something."""
    why = next((text for kind, text in _WHY if isinstance(error, kind)), None)
    if why is None:
        why = _("The server refused the message.") if error.permanent else _("The server accepts no mail just now.")
    text = _("Nothing was sent. %(why)s") % {"why": why}
    return f"{text} ({error.server_text})" if error.code and error.server_text else text


def mark_source(store: MailStore, kind: str, ref: MessageRef | None) -> None:
    """The original is answered or forwarded now; that it cannot be marked holds nothing up."""
    flag = ANSWER_FLAGS.get(kind)
    if ref is None or flag is None:
        return
    try:
        store.set_flags(ref.mailbox, [ref.uid], uidvalidity=ref.uidvalidity, add=[flag])
        if kind in INVITATION_FLAGS:  # by itself: not every server has keywords
            others = [other for answer, other in INVITATION_FLAGS.items() if answer != kind]
            add = [INVITATION_FLAGS[kind]]
            store.set_flags(ref.mailbox, [ref.uid], uidvalidity=ref.uidvalidity, add=add, remove=others)
    except MailError as error:
        log.warning("original_not_marked", error=error.__class__.__name__)
