"""The floor: IMAP with nothing around it."""

from __future__ import annotations

import socket

from scripts.servers.base import HOST
from scripts.servers.dovecot import PASSWORD


class BareImap:
    """Writes a line, reads until the tagged answer, parses nothing."""

    def __init__(self, port: int, login: str) -> None:
        self._socket = socket.create_connection((HOST, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._read(b"* ")
        self.command(f"LOGIN {login} {PASSWORD}")

    def command(self, *lines: str) -> bytes:
        """Several are sent together and each is waited for."""
        answers = b""
        self._socket.sendall("".join(f"x {line}\r\n" for line in lines).encode())
        for _ in lines:
            answers += self._checked()
        return answers

    def send(self, octets: bytes) -> bytes:
        """One command, with its literals."""
        self._socket.sendall(octets)
        return self._checked()

    def close(self) -> None:
        self._socket.close()

    def _checked(self) -> bytes:
        answer = self._read(b"x ")
        assert b"\r\nx OK" in b"\r\n" + answer, answer[-200:]
        return answer

    def _read(self, tag: bytes) -> bytes:
        """Until a line that begins with the tag. One answer at a time: the server sends no second before the first."""
        data = bytearray(self._rest)
        searched = 0
        while True:
            at = 0 if data.startswith(tag) else data.find(b"\r\n" + tag, max(0, searched - len(tag) - 2))
            if at >= 0:
                end = data.find(b"\r\n", at + 2)
                if end >= 0:
                    self._rest = bytes(data[end + 2 :])
                    return bytes(data[: end + 2])
            searched = len(data) if at < 0 else at
            more = self._socket.recv(1 << 20)
            assert more, "the server closed the connection"
            data += more
