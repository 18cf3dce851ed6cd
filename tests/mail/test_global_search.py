"""The search over everything finds mail too, and stands when mail does not answer."""

from __future__ import annotations

import html
import re
from typing import Any

from django.urls import reverse

from apps.mail.services import stores
from tests.mail.conftest import Person, letter


def found(anna: Person, words: str) -> str:
    return html.unescape(anna.client.get(reverse("portal:search"), {"q": words}).content.decode())


def test_messages_of_the_inbox_are_found_newest_first(anna: Person) -> None:
    anna.receive(letter("Poles for the yurt"), letter("Felt, and poles"), letter("Nothing of the kind"))
    page = found(anna, "poles")
    assert "Messages in the inbox" in page
    assert page.index("Felt, and poles") < page.index("Poles for the yurt")
    assert "Nothing of the kind" not in page


def test_what_does_not_fit_is_a_link_to_the_list(anna: Person) -> None:
    anna.receive(*(letter(f"Poles {number}") for number in range(12)))
    page = found(anna, "poles")
    assert "All 12 messages" in page
    assert f"{anna.url('mailbox', 'INBOX')}?q=poles" in page


def test_a_dead_mail_server_leaves_the_other_results(anna: Person, settings: Any) -> None:
    stores.pool().close_all()
    settings.IMAP_URL = "imap://127.0.0.1:9"
    page = found(anna, "language")
    assert "No answer from here just now" in page
    assert reverse("portal:preferences") in page


def test_the_words_can_be_cleared_from_the_field(anna: Person) -> None:
    page = found(anna, "poles")
    field = page[page.index('role="search"') :].partition("</form>")[0]
    assert re.search(r'href="/search/" aria-label="Clear the search"', field)
