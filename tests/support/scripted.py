"""A peer that says what a test tells it to, for what no honest server does: early bytes, nonsense, silence."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Script = Callable[[socket.socket], None]


@contextlib.contextmanager
def scripted(script: Script) -> Iterator[int]:
    """Run ``script`` with each connection, one after the other; yields the port. What it raises, ends that one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                clients.append(client)
                client.settimeout(10)
                with client, contextlib.suppress(OSError, IndexError):
                    script(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for client in clients:  # whoever keeps a connection is not waited for
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            thread.join(15)


def answering(greeting: bytes, answers: dict[bytes, bytes], heard: list[bytes] | None = None) -> Script:
    """Greet; then to each line that contains a key say its answer, ``%t`` being the line's first word."""

    def script(client: socket.socket) -> None:
        client.sendall(greeting)
        with client.makefile("rb") as lines:
            for line in lines:
                if heard is not None:
                    heard.append(line)
                answer = next((answers[key] for key in answers if key in line), None)
                if answer is None:
                    return
                client.sendall(answer.replace(b"%t", line.split()[0]))

    return script
