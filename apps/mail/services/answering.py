"""The answer to an invitation (RFC 5546 section 3.2.3, RFC 6047): a message to its organiser like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.mail.mailbox.store import MessageDetail
from apps.mail.mime import build, calendars, decode
from apps.mail.mime.calendars import Event, Guest
from apps.mail.mime.outgoing import Attachment, OutgoingMessage
from apps.mail.mime.parts import Part
from apps.mail.models import Identity
from apps.mail.services import identities, invitations, sending
from apps.mail.services.refs import MessageRef
from apps.mail.services.sending import Writing
from portal.contracts import Address

#: PARTSTAT by what the form calls the answer.
ANSWERS = {"accept": "ACCEPTED", "tentative": "TENTATIVE", "decline": "DECLINED"}
MOST_COMMENT = 2000  # characters


class NoAnswer(Exception):
    """There is nothing here to answer."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers, and as whom they were invited; None where nobody by any of their addresses was."""

    identity: Identity
    invited: Guest | None

    @property
    def address(self) -> Address:
        """As the organiser knows it."""
        mine = self.identity.address
        return replace(mine, email=self.invited.address.email) if self.invited else mine


def answerer(known: Sequence[Identity], event: Event, header: bytes, *, account: int = 0) -> Answerer:
    """The identity that was invited, else the one that the message was sent to."""
    for guest in event.guests:
        found = identities.by_address(known, guest.address.email)
        if found is not None:
            return Answerer(found, guest)
    return Answerer(identities.choose(known, header, account=account).identity, None)


def is_ours(known: Sequence[Identity], event: Event) -> bool:
    """Whether the organiser is who reads."""
    return event.organizer is not None and identities.by_address(known, event.organizer.address.email) is not None


def event_of(part: Part, raw: bytes) -> Event:
    """What can be answered. Raises ``NoAnswer``."""
    try:
        calendar = invitations.load(part, raw)
    except calendars.NotReadable as error:
        raise NoAnswer from error
    event = calendar.main
    if calendar.method != "request" or event is None or event.organizer is None or event.kind != "event":
        raise NoAnswer
    return event


def writing(
    detail: MessageDetail, ref: MessageRef, part: Part, raw: bytes, *, id: str, answer: str, comment: str, who: Answerer
) -> Writing:
    """What ``outbox`` sends to the organiser. ``id``: the form's. Raises ``NoAnswer``, ``build.Refused``."""
    event = event_of(part, raw)
    octets = calendars.reply(
        decode.payload(part, raw),
        part.charset,
        guest=who.address,
        answer=ANSWERS[answer],
        comment=comment,
        now=timezone.now(),
    )
    sender = who.identity.address
    subject, sentence = _said(answer, event, sender)
    in_reply_to, references = build.references(detail.header)
    message = OutgoingMessage(
        from_=sender,
        to=(event.organizer.address,) if event.organizer else (),
        reply_to=identities.people(who.identity.reply_to),
        subject=" ".join(subject.split())[:500],
        text=f"{sentence}\n\n{comment}\n" if comment else f"{sentence}\n",
        calendar=Attachment(content=octets, type="text/calendar", params={"method": "REPLY", "charset": "utf-8"}),
        message_id=sending.message_id(id, sender.email),
        date=timezone.localtime(),
        in_reply_to=in_reply_to,
        references=references,
    )
    return Writing(
        message=message,
        id=id,
        kind=answer,
        source=ref,
        identity=who.identity.key,
        account=who.identity.number,
        sent_mailbox=who.identity.sent_mailbox,
        content=salted_hmac("mail.answer", f"{answer} {comment}", algorithm="sha256").hexdigest(),
    )


def _said(answer: str, event: Event, sender: Address) -> tuple[str, str]:
    """(subject, sentence), for who has invited."""
    values = {"title": event.summary or _("(no title)"), "who": sender.label}
    subject = {
        "accept": pgettext("subject of an answer", "Accepted: %(title)s"),
        "tentative": pgettext("subject of an answer", "Maybe: %(title)s"),
        "decline": pgettext("subject of an answer", "Declined: %(title)s"),
    }
    sentence = {
        "accept": _("%(who)s has accepted the invitation to “%(title)s”."),
        "tentative": _("%(who)s may come to “%(title)s”."),
        "decline": _("%(who)s has declined the invitation to “%(title)s”."),
    }
    return subject[answer] % values, sentence[answer] % values
