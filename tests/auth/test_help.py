"""The page for people who cannot sign in."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.auth.factors import invitations
from apps.auth.factors.models import Rule
from apps.auth.models import User
from tests.auth.proving import asked, carol, first, patient, second
from tests.auth.world import SIGN_IN, world

__all__ = ["asked", "carol", "patient", "world"]  # the fixtures
HELP = "/auth/help/"


def said() -> str:
    answer = Client().get(HELP)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("rules", [False, True])
def test_both_pages_of_signing_in_lead_there(db: None, rules: bool) -> None:
    if rules:
        Rule.objects.create(title="everybody", needs="code")
    assert f'href="{HELP}"' in Client().get(SIGN_IN).content.decode()
    assert f'href="{SIGN_IN}"' in said()


def test_it_tells_what_the_site_asks_for_and_no_more(db: None) -> None:
    assert "Two steps" not in said()
    rule = Rule.objects.create(title="everybody", needs="code")
    assert "The code is not accepted" in said()
    assert "The passkey is not asked for" not in said()
    rule.needs = "passkey"
    rule.save()
    assert "The code is not accepted" not in said()
    assert "The passkey is not asked for" in said()
    assert "Recovery code" in said()


def test_whom_to_ask_is_a_setting(db: None, settings) -> None:
    assert "who have given you your mailbox" in said()
    settings.HELPDESK = "Room <12>, help@example.org"
    assert 'Room &lt;12&gt;, <a href="mailto:help@example.org">help@example.org</a>' in said()


def test_it_is_open_to_who_has_to_enrol_first(client: Client, carol: User, asked: Rule) -> None:
    first(client, "invitation", invitations.invite(carol))
    second(client)
    assert client.get("/letter/")["Location"] == "/auth/enrol/"
    assert client.get(HELP).status_code == 200
