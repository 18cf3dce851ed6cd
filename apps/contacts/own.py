"""The card of the person themselves, as they hand it out."""

from __future__ import annotations

from dataclasses import replace

from django.contrib.auth.models import AbstractBaseUser

from apps.contacts.card import Card
from apps.contacts.lenses import private
from apps.contacts.models import OwnCard
from apps.contacts.services import access
from apps.contacts.vcard.writing import written

#: What stands on a card that one hands out; notes, birthdays and who is related to whom do not.
HANDED_OUT = frozenset({"FN", "N", "NICKNAME", "ORG", "TITLE", "ROLE", "TEL", "EMAIL", "IMPP", "URL", "ADR"})


class HandedOut:
    def own_card(self, user: AbstractBaseUser) -> tuple[str, str] | None:
        assert user.pk is not None
        contact = OwnCard.of(user.pk)
        card = access.documents(user.pk, [contact]).get(contact.pk) if contact is not None else None
        if card is None:
            return None
        shown = [each for each in card.values if each.name in HANDED_OUT and not private(each)]
        plain = [replace(each, raw="") for each in shown]
        return card.name, written(Card(plain), uid="", version="3.0")
