"""People of the mail tests: each signs in through the sign-in page, on Dovecot and on the poor server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.mail.prefs import UNDO_SEND
from apps.mail.services import limits, stores
from portal.prefs import for_user
from tests.mail.desk import Writer
from tests.support.mailserver import DovecotServer, MailServer
from tests.support.receiver import PostOffice, RealPost, SmallPost

pytest.register_assert_rewrite("tests.mail.imap_faults", "tests.mail.send_faults")
HTMX = {"HX-Request": "true"}


@dataclass
class Person:
    """Somebody who is signed in, with the way behind the portal's back to their mailbox."""

    server: MailServer
    login: str
    client: Client

    def receive(
        self, *messages: bytes, mailbox: str = "INBOX", flags: str = "", date: datetime | None = None
    ) -> list[int]:
        return self.server.append(self.login, *messages, mailbox=mailbox, flags=flags, date=date)

    def flags(self, uid: int, mailbox: str = "INBOX") -> set[str]:
        return self.server.flags(self.login, uid, mailbox)

    def count(self, mailbox: str = "INBOX") -> int:
        return len(self.server.messages(self.login, mailbox))

    def uidvalidity(self, mailbox: str = "INBOX") -> int:
        with self.server.session(self.login) as session:
            _status, answer = session.status(f'"{mailbox}"', "(UIDVALIDITY)")
            return int(answer[0].rpartition(b" ")[2].rstrip(b")"))

    def url(self, name: str, *args: object, **query: object) -> str:
        from urllib.parse import urlencode

        return reverse(f"mail:{name}", args=args) + (f"?{urlencode(query)}" if query else "")


def letter(
    subject: str = "The poles are cut",
    *,
    text: str = "We raise the felt tomorrow.",
    html: str = "",
    sender: str = "Aigerim Tokoeva <aigerim@example.test>",
    to: str = "alice@example.test",
    files: tuple[tuple[str, str, bytes], ...] = (),
    **headers: str,
) -> bytes:
    """A well-formed message; ``files`` are (name, type, content)."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = f"<{abs(hash((subject, text, html)))}@example.test>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for name, kind, content in files:
        maintype, _slash, subtype = kind.partition("/")
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@pytest.fixture(params=["dovecot", "pymap_server"])
def server(request: pytest.FixtureRequest, settings) -> Iterator[MailServer]:
    """Both servers: the rich one and the one without extensions. For a third one: ``tests.mail.everywhere``."""
    chosen: MailServer = request.getfixturevalue(request.param)
    settings.IMAP_URL = chosen.url
    yield chosen
    stores.pool().close_all()


def signed_in(server: MailServer) -> Person:
    """Somebody with an empty mailbox there, signed in through the sign-in page."""
    login = server.new_user()
    client = Client()
    answer = client.post(reverse("portal:sign_in"), {"username": login, "password": server.password})
    assert answer.status_code == 302, answer.content.decode()
    return Person(server, login, client)


SignIn = Callable[[], Person]


@pytest.fixture
def sign_in(server: MailServer, db: None) -> SignIn:
    return partial(signed_in, server)


@pytest.fixture
def anna(sign_in: SignIn) -> Person:
    """Somebody with an empty mailbox of her own."""
    return sign_in()


@pytest.fixture
def post(request: pytest.FixtureRequest, server: MailServer, settings, tmp_path: Path) -> Iterator[PostOffice]:
    """The way out that belongs to the server: Exim before Dovecot, a small receiver beside the poor one. Uploads lie
    in ``tmp_path``."""
    cache.delete(limits.KEY)  # of another server
    stores.pool()  # it outlives the test, and so has to be made outside of its folder
    settings.DATA_DIR = tmp_path
    settings.MAIL_DOMAIN = "example.test"
    if isinstance(server, DovecotServer):
        office: PostOffice = RealPost(request.getfixturevalue("submission"))
        settings.SMTP_TLS_CA_FILE = office.ca_file
        settings.SMTP_URL = office.url
        yield office
        return
    small = SmallPost(server.password)
    small.start()
    settings.SMTP_URL = small.url
    yield small
    small.stop()


@pytest.fixture
def writer(post: PostOffice, sign_in: SignIn) -> Writer:
    """Somebody who has an empty mailbox and an address, and whose mail goes out at once."""
    person = sign_in()
    send_at_once(person)
    return Writer(person, post)


def send_at_once(person: Person, *, seconds: int = 0) -> None:
    """No time to undo, or so many seconds."""
    user = get_user_model().objects.get(pk=person.client.session["_auth_user_id"])
    for_user(user).save({UNDO_SEND: seconds})
