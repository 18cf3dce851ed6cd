"""Read receipts (RFC 8098): a sender asks for one, the reader decides, and either answer is kept as ``$MDNSent``
(RFC 3503), so that nobody is asked twice, on whichever device. Where a server keeps no such mark, the portal remembers
it for a while by itself, as well as its cache does."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import cache
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.store import MailStore
from apps.mail.mime import addresses, headers, reports
from apps.mail.mime.outgoing import OutgoingMessage
from apps.mail.prefs import RECEIPTS
from apps.mail.services import identities, outbox, security, sending
from apps.mail.services.reading import Opened
from apps.mail.services.refs import MessageRef
from apps.mail.services.sending import Writing
from apps.mail.services.strangers import Sender
from apps.mail.services.times import full_time
from portal.http import PortalRequest

MDN_SENT = "$MDNSent"
REMEMBERED = 90 * 86400  # seconds
UNASKED_ROLES = security.OWN_ROLES | {"junk"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """``to``: whom it would go to; ``instead_of``: where the message came from, if that is another address."""

    to: str
    instead_of: str = ""


def wanted(request: PortalRequest, opened: Opened, *, role: str, known: Sender | None) -> Wanted | None:
    """The request that the reader is asked about; None where there is none, or an answer has been given, here, on
    another device or by a preference."""
    prefers = request.prefs[RECEIPTS]
    if opened.inside or role in UNASKED_ROLES or prefers == "never" or reports.RECEIPT not in opened.fields:
        return None
    if opened.detail.summary.has(MDN_SENT) or opened.receipt or opened.delivery:
        return None
    if prefers == "known" and not (known and (known.contact or known.written_to or known.near)):
        return None
    people = reports.wanted_by(opened.fields)
    if not people or cache.get(_key(request, opened.detail.header)):
        return None
    return Wanted(addresses.format(people), reports.goes_elsewhere(opened.fields, people))


def send(request: PortalRequest, store: MailStore, ref: MessageRef) -> outbox.Sent:
    """Put the receipt into the Outbox as whoever the message was written to; it goes out at once, and the message is
    marked. Once, however often it is asked for. Raises what ``outbox.send`` does, ``LookupError`` where nobody wants
    one."""
    detail = store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    to = reports.wanted_by(headers.parse(detail.header))
    key = _key(request, detail.header)
    if not to or detail.summary.has(MDN_SENT) or cache.get(key):
        raise LookupError
    account = account_of(ref.mailbox)
    identity = identities.choose(identities.of(request), detail.header, account=account).identity
    sender, envelope = identity.address, detail.summary.envelope
    message_id = sending.message_id(key, sender.email)
    subject = _("Read: %(subject)s") % {"subject": envelope.subject or _("(no subject)")}
    octets = reports.receipt(
        detail.header,
        sender=sender,
        to=to,
        subject=subject,
        text=_text(sender.email, envelope.subject, full_time(envelope.date) if envelope.date else ""),
        message_id=message_id,
        date=timezone.localtime(),
    )
    writing = Writing(
        message=OutgoingMessage(from_=sender, to=to, message_id=message_id, subject=subject),
        octets=octets,
        id=key,
        kind="receipt",
        source=ref,
        identity=identity.key,
        account=identity.number,
        sent_mailbox=identity.sent_mailbox,
    )
    sent = outbox.send(request, store, writing, delay=0)
    cache.set(key, True, REMEMBERED)
    return sent


def _key(request: PortalRequest, header: bytes) -> str:
    """Of this message for this person, wherever it lies."""
    return salted_hmac(f"mail.receipt.{request.user.pk}", header, algorithm="sha256").hexdigest()[:40]


def _text(email: str, subject: str, date: str) -> str:
    values = {"email": email, "subject": subject or _("(no subject)"), "date": date}
    first = (
        _("Your message “%(subject)s” of %(date)s to %(email)s was opened.")
        if date
        else _("Your message “%(subject)s” to %(email)s was opened.")
    )
    return f"{first % values}\n\n{_('This does not say that it was read or understood.')}\n"


def refuse(request: PortalRequest, store: MailStore, ref: MessageRef) -> None:
    """Send nothing, and do not ask again. Raises ``MailError``."""
    detail = store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    cache.set(_key(request, detail.header), True, REMEMBERED)
    store.set_flags(ref.mailbox, [ref.uid], uidvalidity=ref.uidvalidity, add=[MDN_SENT])
