"""Redis that keeps nothing on disk."""

from __future__ import annotations

import contextlib
import socket

from scripts.servers.base import HOST, Server, Workdir


class Redis(Server):
    name = "redis"
    packages = ("redis-server",)
    programs = ("/usr/bin/redis-server",)

    def __init__(self, workdir: Workdir, *, die_with_parent: bool = True) -> None:
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.port = workdir.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def configure(self) -> None:
        self.workdir.own()

    def command(self) -> list[str]:
        return [
            *("/usr/bin/redis-server", "--bind", HOST, "--port", str(self.port)),
            *("--save", "", "--appendonly", "no", "--dir", str(self.directory)),
        ]

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def facts(self) -> dict[str, str | int]:
        return {"url": self.url}
