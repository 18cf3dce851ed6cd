"""Whom one is about to write to, looked at twice: is it who it seems to be, and is it the first time?

Only what is here is asked: our own tables, and the address books that are no other server's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _

from apps.mail.mailbox.cache import LruCache
from apps.mail.models import Recipient, address_key
from portal import addressing, lookalikes
from portal.contracts import Address, Contact
from portal.lookalikes import Kind, Sign
from portal.prepared import Prepared

if TYPE_CHECKING:
    from apps.auth.models import User

MOST = 30  # addresses of one message that are looked at
#: Where many people have their mail, so that a slip is one of these rather than somebody's own.
WELL_KNOWN = frozenset(
    {"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.co.uk", "hotmail.fr", "live.com", "msn.com"}
    | {
        "yahoo.com",
        "yahoo.co.uk",
        "yahoo.fr",
        "icloud.com",
        "aol.com",
        "gmx.de",
        "gmx.net",
        "gmx.at",
        "gmx.ch",
        "web.de",
    }
    | {
        "t-online.de",
        "freenet.de",
        "posteo.de",
        "mailbox.org",
        "proton.me",
        "protonmail.com",
        "fastmail.com",
        "zoho.com",
    }
    | {"yandex.ru", "orange.fr", "laposte.net", "wanadoo.fr", "libero.it", "naver.com"}
)
MOST_DOMAINS = 500  # people written to most, whose domains are known ones
REMEMBERED = 600.0  # seconds

_RECIPIENT = Prepared(lambda user, key: Recipient.objects.filter(user=user, key=key).values_list("pk"), values=2)
_known_signs: LruCache[tuple[object, ...], tuple[float, Sign | None]] = LruCache(20_000, lambda _: 1)


def signs(user: AbstractBaseUser, own: str, people: Iterable[Address]) -> Mapping[str, Sign]:
    """By lower-case address; who needs no second look is absent. ``own``: the writer's address."""
    asked = {address.email.lower(): address for address in people if "@" in address.email}
    asked = dict(list(asked.items())[:MOST])
    if not asked:
        return {}
    books = addressing.resolve(user=user, emails=asked)
    kept = {key for key, contact in books.items() if contact.url}  # somebody has a page of them
    written = _written_to(user, asked.values())
    domain, domains = lookalikes.domain_of(own), _domains(user)
    found = {}
    for key, address in asked.items():
        if key in kept:
            continue
        known = _like(user, address, kept_only=key in written)
        near = {lookalikes.domain_of(each.email) for each in known}
        sign = lookalikes.sign_of(address, known=known, domains=domains | near | WELL_KNOWN, own=domain)
        if sign is None and key not in written and lookalikes.domain_of(key) != domain:
            sign = Sign(Kind.FIRST)
        if sign is not None:
            found[key] = sign
    return found


@dataclass(frozen=True, slots=True)
class Sender:
    """Who has written: how they are known, or the sign that speaks for looking twice."""

    contact: Contact | None = None  # of a book, with a page
    written_to: bool = False
    near: bool = False  # of the reader's own domain
    sign: Sign | None = None


def sender(user: User, own: str, address: Address) -> Sender:
    """Whether this reader knows who has written, asked in the order of what is cheap, since each message that is opened
    asks. Of whom they know, only the name is looked at. ``own``: the reader's address."""
    hidden = lookalikes.sign_of(address, known=(), domains=())
    if lookalikes.domain_of(address.email) == lookalikes.domain_of(own) != "":
        return Sender(near=True, sign=hidden)
    if _RECIPIENT.rows(user.pk, address_key(address.email)):
        return Sender(written_to=True, sign=hidden)
    kept = addressing.resolve(user=user, emails=[address.email]).get(address.email.lower())
    if kept is not None and kept.url:
        return Sender(kept, sign=hidden)
    return Sender(sign=hidden or _sign_of_stranger(user, own, address))


def _sign_of_stranger(user: User, own: str, address: Address) -> Sign | None:
    """Remembered for a while: it takes several questions to the database, and few senders of many messages change."""
    key, now = (user.pk, user.login, own, address), time.monotonic()
    remembered = _known_signs.get(key)
    if remembered is not None and now - remembered[0] < REMEMBERED:
        return remembered[1]
    known = _like(user, address, kept_only=False)
    domains = _domains(user) | {lookalikes.domain_of(each.email) for each in known}
    sign = lookalikes.sign_of(address, known=known, domains=domains, own=lookalikes.domain_of(own))
    _known_signs.put(key, (now, sign))
    return sign


def mistyped(user: AbstractBaseUser, own: str, people: Iterable[Address]) -> Mapping[str, str]:
    """By address, the domain that is likely to be meant: of those that were written to, the writer's own, or of those
    where many people have their mail. Who was written to before, or has a page, is not asked about."""
    asked = {address.email.lower(): lookalikes.domain_of(address.email) for address in people if "@" in address.email}
    known = _domains(user) | {lookalikes.domain_of(own)}
    fresh = {email: domain for email, domain in asked.items() if domain not in known | WELL_KNOWN}
    likely = {domain: _meant(domain, known) for domain in set(fresh.values())}
    found = {email: likely[domain] for email, domain in fresh.items() if likely[domain]}
    if not found:
        return {}
    kept = {email for email, contact in addressing.resolve(user=user, emails=found).items() if contact.url}
    return {email: like for email, like in found.items() if email not in kept}


def _meant(domain: str, known: Iterable[str]) -> str:
    return next((each for each in (*sorted(known), *sorted(WELL_KNOWN)) if lookalikes.looks_like(domain, each)), "")


def mistyped_text(address: str, like: str) -> str:
    words = _("Is “%(address)s” right? Its domain is close to %(like)s.")
    return words % {"address": address, "like": like}


def is_external(email: str) -> bool:
    """Whether an address is outside of the site's own domains (OWN_DOMAINS), where it has said what they are."""
    domain = email.rpartition("@")[2].casefold().rstrip(".")
    return bool(settings.OWN_DOMAINS) and not any(
        domain == own or domain.endswith(f".{own}") for own in settings.OWN_DOMAINS
    )


def _like(user: AbstractBaseUser, address: Address, *, kept_only: bool) -> list[Address]:
    """People of the books here by the same name, or with the same words before the "@"; those first of whom somebody
    has a page. ``kept_only``: nobody else, since of two that were only written to neither is the right one."""
    local = address.email.partition("@")[0]
    asked = dict.fromkeys(text for text in (address.name, local) if len(text.strip()) > 1)
    found = [each for text in asked for each in addressing.complete(user=user, prefix=text[:100])]
    others = [each for each in found if each.address.email.lower() != address.email.lower()]
    kept = [each.address for each in others if each.url]
    return kept if kept_only else kept + [each.address for each in others if not each.url]


def _written_to(user: AbstractBaseUser, people: Iterable[Address]) -> set[str]:
    keys = {address_key(address.email): address.email.lower() for address in people}
    known = Recipient.objects.filter(user_id=user.pk, key__in=keys)
    return {keys[key] for key in known.values_list("key", flat=True)}


def _domains(user: AbstractBaseUser) -> set[str]:
    emails = Recipient.objects.filter(user_id=user.pk).order_by("-uses").values_list("email", flat=True)
    return {lookalikes.domain_of(email) for email in emails[:MOST_DOMAINS]}
