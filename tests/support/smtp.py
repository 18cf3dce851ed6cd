"""A submission server that fails the way a test says, and writes down what it took."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.scripted import scripted

HANG_UP = b""
FINE = {
    b"HELLO": b"220 here\r\n",
    b"EHLO": b"250-here\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250 SIZE 5000000\r\n",
    b"AUTH": b"235 in\r\n",
    b"DATA": b"354 go\r\n",
    b".": b"250 taken\r\n",
}


@dataclass
class FaultyPost:
    """``replies``: to lines that begin so (``HELLO`` the greeting, ``.`` the end of DATA); ``HANG_UP`` closes the
    connection. ``loses_reply``: it takes the message and closes without a word. ``drops_body``: closes in mid-body."""

    replies: dict[bytes, bytes] = field(default_factory=dict)
    loses_reply: bool = False
    drops_body: bool = False
    taken: list[tuple[list[str], bytes]] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    sessions: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def reply(self, line: bytes) -> bytes:
        given = {**self.replies, **{key: value for key, value in FINE.items() if key not in self.replies}}
        return next((given[key] for key in given if line.startswith(key)), b"250 ok\r\n")

    def serve(self, client: socket.socket) -> None:
        self.sessions += 1
        recipients: list[str] = []
        client.sendall(self.reply(b"HELLO"))
        with client.makefile("rb") as lines:
            for line in lines:
                self.heard.append(line)
                answer = self.reply(line)
                if line.startswith(b"RCPT") and answer.startswith(b"250"):
                    recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
                if answer == HANG_UP:
                    return
                client.sendall(answer)
                if line.startswith(b"DATA") and answer.startswith(b"354") and not self._data(client, lines, recipients):
                    return

    def _data(self, client: socket.socket, lines: Iterator[bytes], recipients: list[str]) -> bool:
        body: list[bytes] = []
        for line in lines:
            if line == b".\r\n":
                break
            body.append(line)
            if self.drops_body:
                return False
        else:
            return False
        answer = self.reply(b".")
        if answer.startswith(b"250"):
            self.taken.append((list(recipients), b"".join(body)))
        if self.loses_reply or answer == HANG_UP:
            return False
        client.sendall(answer)
        return True


@contextlib.contextmanager
def faulty_post(**how: object) -> Iterator[FaultyPost]:
    post = FaultyPost(**how)  # type: ignore[arg-type]
    with scripted(post.serve) as port:
        post.port = port
        yield post
