"""One's own card, as it is handed out with a message."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.auth.models import User
from apps.contacts.card import Value
from apps.contacts.lenses import marked
from portal.registry import get_registry
from tests.contacts.world import add

pytestmark = pytest.mark.django_db


def test_only_what_is_for_others_stands_on_it(alice: User, bob: User, client: Client) -> None:
    keeper = get_registry().own_cards
    assert keeper is not None and keeper.own_card(alice) is None
    more = (
        Value("TEL", "+49 30 1", ("work",)),
        marked(Value("TEL", "+49 30 2", ("home",)), on=True),
        Value("NOTE", "allergic"),
        Value("BDAY", "1980-02-03"),
    )
    card = add(alice, "Alice Keller", "alice@ims.example", more=more)
    client.force_login(alice)
    client.post(reverse("contacts:act", args=[card.pk]), {"do": "mine"})
    name, text = keeper.own_card(alice) or ("", "")
    lines = text.split("\r\n")
    assert name == "Alice Keller"
    assert lines[:2] == ["BEGIN:VCARD", "VERSION:3.0"]
    assert {line.partition(";")[0].partition(":")[0] for line in lines[2:-2]} == {"FN", "N", "EMAIL", "TEL"}
    assert "+49 30 1" in text and "+49 30 2" not in text
    assert keeper.own_card(bob) is None
