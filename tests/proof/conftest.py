"""The mail tests' people sign in here too: on the server a test names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import reverse

from tests.mail.conftest import Person
from tests.support.mailserver import MailServer

SignInTo = Callable[[MailServer], Person]


@pytest.fixture
def sign_in_to(settings, db: None) -> Iterator[SignInTo]:
    """``sign_in_to(server)``: somebody with an empty mailbox there, signed in through the sign-in page."""
    from apps.mail.services import stores

    def enter(server: MailServer) -> Person:
        settings.IMAP_URL = server.url
        login = server.new_user()
        client = Client()
        answer = client.post(reverse("portal:sign_in"), {"username": login, "password": server.password})
        assert answer.status_code == 302, answer.content.decode()
        return Person(server, login, client)

    yield enter
    stores.pool().close_all()
