"""What mail offers to other apps: the people written to as an address book, and itself as the place to write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.mail.mime import addresses
from apps.mail.models import Recipient, address_key
from portal.contracts import Address, Contact


class RecentRecipients:
    """The address book of the people a user has written to."""

    id = "mail.recent"

    def complete(self, user: AbstractBaseUser, prefix: str, limit: int) -> Iterable[Contact]:
        found = Recipient.objects.filter(user_id=user.pk).matching(prefix)[:limit]
        return [Contact(address=person.address, source=_("Recent")) for person in found]

    def resolve(self, user: AbstractBaseUser, emails: Collection[str]) -> Mapping[str, Contact]:
        keys = [address_key(email) for email in emails]
        found = Recipient.objects.filter(user_id=user.pk, key__in=keys)
        return {person.email.lower(): Contact(address=person.address, source=_("Recent")) for person in found}

    def add_url(self, address: Address) -> str:
        return ""


class MailComposer:
    """Writing to somebody from anywhere in the portal."""

    def can_write(self, user: AbstractBaseUser) -> bool:
        return not getattr(user, "is_local", True)

    def compose_url(self, to: Sequence[Address]) -> str:
        query = urlencode({"to": addresses.format(to)}) if to else ""
        return reverse("mail:compose") + (f"?{query}" if query else "")
