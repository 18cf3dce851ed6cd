"""A message sent on as it is, to somebody it was rather meant for. Answers go to who wrote it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.mail.mailbox.store import MailStore
from apps.mail.mime.outgoing import Group, OutgoingMessage
from apps.mail.mime.resent import resent
from apps.mail.models import Identity
from apps.mail.services import sending
from apps.mail.services.refs import MessageRef
from apps.mail.services.sending import Writing
from portal.contracts import Address


def writing(store: MailStore, ref: MessageRef, *, id: str, identity: Identity, to: Sequence[Address]) -> Writing:
    """What ``outbox`` sends. Raises ``MailError``, ``build.Refused``."""
    sender = identity.address
    message_id = sending.message_id(id, sender.email)
    subject = store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity).summary.envelope.subject
    raw = b"".join(store.stream(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity))
    return Writing(
        message=OutgoingMessage(from_=sender, to=tuple(to), message_id=message_id, subject=subject),
        octets=resent(raw, sender=sender, to=to, message_id=message_id, date=timezone.localtime()),
        id=id,
        kind="redirect",
        source=ref,
        identity=identity.key,
        account=identity.number,
        sent_mailbox=identity.sent_mailbox,
    )


def content(identity: str, to: Sequence[Address], groups: Sequence[Group] = ()) -> str:
    """Tells one order from another under the same id: as whom, to whom."""
    fields = [identity, *(address.email for address in to), *(group.ref or group.name for group in groups)]
    return salted_hmac("mail.redirect", json.dumps(fields), algorithm="sha256").hexdigest()
