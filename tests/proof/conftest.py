"""The mail tests' people sign in here too: on the server a test names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.mail.conftest import Person, signed_in
from tests.support.mailserver import MailServer

SignInTo = Callable[[MailServer], Person]


@pytest.fixture
def sign_in_to(settings, db: None) -> Iterator[SignInTo]:
    """``sign_in_to(server)``: somebody with an empty mailbox there, signed in through the sign-in page."""
    from apps.mail.services import stores

    def enter_at(server: MailServer) -> Person:
        settings.IMAP_URL = server.url
        return signed_in(server)

    yield enter_at
    stores.pool().close_all()
