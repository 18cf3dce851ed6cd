"""Somebody who writes, and a submission server that does what a test wants."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from apps.mail.models import OutboxMessage
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import sweeping
from portal.prefs import for_user
from tests.mail.desk import Writer
from tests.mail.test_outbox import State, nothing_is_left, row_of, user_of
from tests.mail.test_sending import WRITTEN
from tests.support.smtp import FaultyPost, faulty_post
from tests.support.vectors import Collection

FAULTS = Collection("send_faults")
BOB, CARLA = "bob@example.test", "carla@example.test"


@dataclass
class Stage:
    """Somebody who writes, with a submission server of the test's own making."""

    writer: Writer
    settings: object
    clock: timedelta = timedelta()

    def queue(self, recipients: str = BOB, **typed: str) -> OutboxMessage:
        for_user(user_of(self.writer.person)).save({UNDO_SEND: 10})
        said = self.writer.new().press(**(WRITTEN | typed), to=recipients).said
        assert said[0].startswith("The message goes out in"), said
        return row_of(self.writer)

    def at(self, url: str) -> None:
        self.settings.SMTP_URL, self.settings.SMTP_TLS_CA_FILE = url, ""  # type: ignore[attr-defined]

    @contextlib.contextmanager
    def post(self, **how: object) -> Iterator[FaultyPost]:
        with faulty_post(**how) as post:
            self.at(post.url)
            yield post

    def pass_time(self, **later: float) -> OutboxMessage:
        """So much later the worker looks again."""
        self.clock += timedelta(**later)
        sweeping.sweep(now=timezone.now() + self.clock)
        return row_of(self.writer)

    def sent(self) -> list[bytes]:
        return self.writer.stored("Sent")


def nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"smtp://127.0.0.1:{listener.getsockname()[1]}"


def sends_once_when_it_is_back(stage: Stage) -> None:
    """After the pause, on a server that works; and nothing more for a day."""
    with stage.post() as post:
        assert stage.pass_time(minutes=2).state == State.DONE
        stage.pass_time(days=1)
        assert [recipients for recipients, _octets in post.taken] == [[BOB]]
    assert len(stage.sent()) == 1
    assert nothing_is_left(stage.writer)
