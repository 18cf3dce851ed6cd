"""Messages that go along in a new one as files: which they are, from the list they are chosen in until they are marked
as forwarded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.core import signing

from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.store import MailStore
from apps.mail.services.refs import MessageRef

SALT = "mail.forwarded"
FLAG = "$Forwarded"
log = structlog.get_logger(__name__)


def signed(user: AbstractBaseUser, refs: Iterable[MessageRef]) -> str:
    """As the address of the writing page carries them: nobody else's link gets messages marked."""
    return signing.dumps([user.pk, written(refs)], salt=SALT, compress=True)


def opened(user: AbstractBaseUser, text: str) -> str:
    """What ``signed`` has made, as the form carries it; "" where it is not ours."""
    try:
        owner, refs = signing.loads(text, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return refs if owner == user.pk and isinstance(refs, str) else ""


def written(refs: Iterable[MessageRef]) -> str:
    return " ".join(map(str, refs))


def parse(text: str) -> tuple[MessageRef, ...]:
    return tuple(ref for each in text.split() if (ref := MessageRef.parse(each)) is not None)


def mark(store: MailStore, refs: Iterable[MessageRef]) -> None:
    """They are forwarded now; that they cannot be marked holds nothing up."""
    together: dict[tuple[str, int], list[int]] = defaultdict(list)
    for ref in refs:
        together[ref.mailbox, ref.uidvalidity].append(ref.uid)
    for (mailbox, uidvalidity), uids in together.items():
        try:
            store.set_flags(mailbox, uids, uidvalidity=uidvalidity, add=[FLAG])
        except MailError as error:
            log.warning("original_not_marked", error=error.__class__.__name__)
