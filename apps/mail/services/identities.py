"""As whom somebody writes: their identities, which of them an answer comes from, and what changes with another one.

Nobody has to set up anything: the first identity is made of the account and of what the site sets. It becomes a row
with the first change. A name or signature that the site has locked holds for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.http import QueryDict

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import addresses, headers
from apps.mail.mime.signature import Signature, exchange
from apps.mail.models import Identity, SenderAddress, own_address
from apps.mail.prefs import ANSWER, SENDER_NAME, SIGNATURE
from apps.mail.services import folders, other_accounts
from portal.contracts import Address
from portal.http import PortalRequest
from portal.prepared import Prepared

MOST = 30
FIELDS = ("account_id", "label", "name", "email", "reply_to", "bcc", "sent_mailbox", "signature", "signature_html")

_IDENTITIES = Prepared(lambda user: Identity.objects.filter(user=user))


def of(request: PortalRequest) -> list[Identity]:
    """Those that may be written from now, the default first; there is always one."""
    rows = all_of(request)
    allowed = permitted(request) if any(row.email and not row.number for row in rows) else None
    found = [row for row in rows if _is_usable(row, allowed)]
    return found if any(not row.number for row in found) else [first(request), *found]


def _is_usable(row: Identity, allowed: frozenset[str] | None) -> bool:
    """Who may write from an address of another account, the server of that account decides."""
    if row.number:
        return bool(row.account and row.account.outgoing)
    return allowed is None or not row.email or row.email.casefold() in allowed


def all_of(request: PortalRequest) -> list[Identity]:
    """Those of ``of``, and those whose address may not be used any more."""
    rows = _IDENTITIES.objects(request.user.pk)
    accounts = {each.pk: each for each in other_accounts.of(request.user.pk)} if any(r.number for r in rows) else {}
    rows = [row for row in rows if not row.number or row.number in accounts]
    for row in rows:
        row.user, row.account = request.user, accounts.get(row.number)
        _lock(row, request)
    return rows or [first(request)]


def first(request: PortalRequest) -> Identity:
    """What somebody has who has set up nothing. Not in the database."""
    prefs = request.prefs
    return Identity(user=request.user, name=prefs[SENDER_NAME], signature=prefs[SIGNATURE])


def _lock(identity: Identity, request: PortalRequest) -> None:
    if request.prefs.lock(SENDER_NAME):
        identity.name = request.prefs[SENDER_NAME]
    if request.prefs.lock(SIGNATURE):
        identity.signature, identity.signature_html = request.prefs[SIGNATURE], ""


def permitted(request: PortalRequest) -> frozenset[str] | None:
    """The addresses that the site lets somebody write from, case-folded; None for any (``SENDER_ADDRESSES``)."""
    if settings.SENDER_ADDRESSES == "any":
        return None
    listed = SenderAddress.objects.filter(user_id=request.user.pk).values_list("email", flat=True)
    return frozenset(email.casefold() for email in (own_address(request.user), *listed))


def find(identities: Sequence[Identity], key: str | None) -> Identity | None:
    return next((identity for identity in identities if identity.key == key), None)


def signature_of(identity: Identity) -> Signature:
    return Signature.of(identity.signature, identity.signature_html)


def people(text: str) -> tuple[Address, ...]:
    return tuple(address for address in addresses.split(text) if address.email)


# --- the right one ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    identity: Identity
    because: str = ""  # the address of the original that decided; "" where nothing has to be explained


def choose(identities: Sequence[Identity], header: bytes, *, account: int = 0) -> Choice:
    """By whom the original was written to: the identity whose address it names. The writer's own message goes on as
    whoever wrote it. Identities of the account that it lies in come first, and one of them answers what names none."""
    own = [each for each in identities if each.number == account] or list(identities)
    identities = [*own, *(each for each in identities if each not in own)]
    fields = headers.parse(header)
    for name in ("From", "To", "Cc", "X-Original-To", "Delivered-To"):
        values = fields.all(name)
        # each server on the way puts its own Delivered-To on top: the lowest is the one written to
        for address in addresses.parse(b", ".join(reversed(values) if name == "Delivered-To" else values)):
            found = by_address(identities, address.email)
            if found is not None:
                explain = name != "From" and found is not identities[0]
                return Choice(found, address.email if explain else "")
    return Choice(identities[0])


def by_address(identities: Sequence[Identity], email: str) -> Identity | None:
    """Case does not matter; ``ann+shop@`` is also ``ann@``, unless it is an identity of its own."""
    for fold in (str.casefold, _without_tag):
        for identity in identities:
            if email and fold(identity.address.email) == fold(email):
                return identity
    return None


def _without_tag(email: str) -> str:
    local, _at, domain = email.casefold().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


# --- another one ------------------------------------------------------------------------------------------------------


def follow(request: PortalRequest, post: QueryDict) -> Identity:
    """Bring a writing form in line with the identity chosen in it, where it is still drawn for another one
    (``signed``): signature, Reply-To and Bcc, each as far as it is as it was put in. Returns the identity."""
    known = of(request)
    chosen = find(known, post.get("undo") or post.get("identity")) or known[0]
    before = find(known, post.get("signed"))
    if before is not None and before is not chosen:
        kind = post.get("kind", "")
        above = kind == "forward" or (kind == "reply" and request.prefs[ANSWER] != "below")
        text = post.get("text", "").replace("\r\n", "\n")
        post["text"] = exchange(text, signature_of(before), signature_of(chosen), above=above)
        post["bcc"] = with_bcc(post.get("bcc", ""), chosen, instead_of=before)
        if people(post.get("reply_to", "")) == people(before.reply_to):
            post["reply_to"] = chosen.reply_to
        post["because"] = ""
    post["identity"] = post["signed"] = chosen.key
    return chosen


def with_bcc(text: str, identity: Identity, *, instead_of: Identity | None = None) -> str:
    """A field of recipients with the identity's blind copies added, and those of the one before taken away."""
    old = people(instead_of.bcc) if instead_of else ()
    new = people(identity.bcc)
    if not old and not new:
        return text
    (stay,) = addresses.unique([addresses.split(text)], without=[address.email for address in old])
    return addresses.format(addresses.unique([(*stay, *new)])[0])


def sent_mailbox(store: MailStore, wanted: str) -> str:
    """Where a copy goes: the identity's folder while there is one, else that of the account."""
    mailboxes = store.mailboxes(status=False)
    if wanted and any(mailbox.name == wanted and mailbox.selectable for mailbox in mailboxes):
        return wanted
    return folders.ensure_role(store, "sent", mailboxes)


# --- setting them up --------------------------------------------------------------------------------------------------


def save(request: PortalRequest, identity: Identity) -> None:
    """Store an identity, a new one behind the others; the same new one twice is one. What stood in the preferences
    goes over into the first row. What the site has locked is not the person's: it is not stored over their own."""
    prefs = request.prefs
    locked = {"name": SENDER_NAME, "signature": SIGNATURE, "signature_html": SIGNATURE}
    values = {name: getattr(identity, name) for name in FIELDS}
    mine = Identity.objects.filter(user_id=request.user.pk)
    with transaction.atomic():
        if identity.pk is not None:
            mine.filter(pk=identity.pk).update(
                **{name: value for name, value in values.items() if name not in locked or not prefs.lock(locked[name])}
            )
            return
        if identity.position and not mine.exists():
            first(request).save()
        if not mine.filter(**values).exists():
            identity.save()
    prefs.reset([pref for pref in (SENDER_NAME, SIGNATURE) if not prefs.lock(pref)])


def arrange(request: PortalRequest, keys: Sequence[str]) -> None:
    """Into this order; those that are not named follow as they are. The same again changes nothing."""
    rows = _IDENTITIES.objects(request.user.pk)
    place = {key: number for number, key in enumerate(keys)}
    rows.sort(key=lambda row: place.get(row.key, len(place)))
    with transaction.atomic():
        for number, row in enumerate(rows):
            Identity.objects.filter(pk=row.pk).update(position=number)


def delete(request: PortalRequest, key: str) -> None:
    Identity.objects.filter(user_id=request.user.pk, pk=int(key)).delete()
