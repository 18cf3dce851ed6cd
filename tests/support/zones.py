"""Zones as network namespaces, on one wire: between them stands nothing but the firewall rules that each one loads.

Each zone has one hand inside (`tests.support.zone_agent`), the first process of a PID namespace, which ends with its
pipe to us: the kernel then ends all that it has started, and takes the namespaces away. So nothing has a name on this
machine, parallel runs do not meet, and nothing is left behind, however a test ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scripts.servers import network

AGENT = Path(__file__).with_name("zone_agent.py")
_OWN = ("unshare", "--net", "--pid", "--fork", "--kill-child")
#: Why a test may be skipped in CI as well: root was refused, and no package would help.
REFUSED = "this kernel gives no network namespaces"


@dataclass
class Zone:
    """A network namespace with an address in the wire's two networks."""

    name: str
    number: int
    _process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [*_OWN, sys.executable, str(AGENT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def address(self) -> str:
        return f"10.77.0.{self.number}"

    @property
    def addresses(self) -> list[str]:
        return [self.address, f"fd77::{self.number}"]

    def order(self, name: str, **details: Any) -> None:
        """Give an order; ``answer`` waits for its end, so that several zones can work at the same time."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": name, "with": details}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout
        found = json.loads(self._process.stdout.readline() or '{"error": "it has ended"}')
        if "error" in found:
            raise RuntimeError(f"{self.name}: {found['error']}")
        return found["answer"]

    def do(self, name: str, **details: Any) -> Any:
        self.order(name, **details)
        return self.answer()

    def run(self, *words: str) -> None:
        self.do("run", words=words)

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


class Wire:
    """``with Wire("outside", "front") as wire:`` and each zone reaches all ports of all others."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.zones: dict[str, Zone] = {}

    def __getitem__(self, name: str) -> Zone:
        return self.zones[name]

    def __enter__(self) -> Wire:
        try:
            self._join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for zone in self.zones.values():
            zone.close()

    def _join(self) -> None:
        for number, name in enumerate(self.names, 1):
            zone = self.zones[name] = Zone(name, number)
            zone.do("low_ports_for_all")
            first = self.zones[self.names[0]]
            if zone is first:
                zone.run("ip", "link", "add", "name", "wire", "type", "bridge")
            else:
                plug = f"port{number}"
                first.run(*f"ip link add name {plug} type veth peer name wire netns /proc/{zone.pid}/ns/net".split())
                first.run("ip", "link", "set", plug, "master", "wire", "up")
            zone.run("ip", "link", "set", "lo", "up")
            zone.run("ip", "link", "set", "wire", "up")
            zone.run("ip", "address", "add", f"{zone.address}/24", "dev", "wire")
            zone.run("ip", "address", "add", f"{zone.addresses[1]}/64", "dev", "wire", "nodad")


def need_program(*programs: Path) -> None:
    for program in programs:
        if not program.exists():
            pytest.skip(f"{program.name} is not installed (Debian packages: {' '.join(network.PACKAGES)})")


def need_namespaces() -> None:
    """Skip without root, where a program is missing, or where the kernel refuses: it is asked, not guessed."""
    if os.getuid():
        pytest.skip("network namespaces need root")
    need_program(network.IP, network.NFT)
    trial = "ip link add name wire type bridge && ip link add name a0 type veth peer name b0 && nft add table inet yurt"
    done = subprocess.run([*_OWN, "sh", "-c", trial], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(REFUSED)
