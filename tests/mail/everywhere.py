"""For stories in which servers differ: they are told on another real server, too, which has none of Dovecot's habits.

A module that has ``every_server`` uses it wherever it says ``server``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.mail.services import stores
from tests.support.mailserver import MailServer


@pytest.fixture(name="server", params=["dovecot", "pymap_server", "cyrus"])
def every_server(request: pytest.FixtureRequest, settings) -> Iterator[MailServer]:
    chosen: MailServer = request.getfixturevalue(request.param)
    settings.IMAP_URL = chosen.url
    yield chosen
    stores.pool().close_all()
