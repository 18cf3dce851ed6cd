"""The hand inside a network namespace: takes orders as lines of JSON, answers each with one, and ends with its pipe.

Standard library only: it runs as a file, outside of the project. What it starts dies with it (`tests.support.zones`).
"""

from __future__ import annotations

import base64
import ctypes
import http.client
import json
import selectors
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCAN_SECONDS = 1.0  # a handshake inside one kernel takes microseconds; what is dropped never answers
_MDWE = (65, 1, 0, 0, 0)  # prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN)
_kept: list[socket.socket] = []


def run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")


def low_ports_for_all() -> None:
    """Servers run as unprivileged users, and on the ports that the site's files name."""
    Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")


def start(words: list[str], environment: dict[str, str], log: str, port: int, address: str, folder: str) -> int:
    """Start a server and wait until it listens. Without memory that is both writable and executable where the kernel
    can forbid it, as systemd's MemoryDenyWriteExecute does."""
    with Path(log).open("ab") as out:
        process = subprocess.Popen(
            ["setpriv", "--no-new-privs", "--", *words],
            env=environment or None,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(*_MDWE),
        )
    deadline = time.monotonic() + 60
    while not _connects(address, port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{words[0]} did not start: {Path(log).read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
    return process.pid


def _connects(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def listen(ports: list[int]) -> None:
    """Something on each of these ports, TCP and UDP, IPv4 and IPv6. Handshakes are the kernel's; UDP is echoed."""
    for port in ports:
        taken = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
        echo = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        echo.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        echo.bind(("::", port))
        _kept.extend((taken, echo))
        threading.Thread(target=_echo, args=(echo,), daemon=True).start()


def _echo(service: socket.socket) -> None:
    while True:
        data, sender = service.recvfrom(16)
        service.sendto(data, sender)


def scan(targets: dict[str, list[str]], ports: list[int]) -> list[tuple[str, str, str, int]]:
    """What answers: (zone, "tcp" or "udp", "4" or "6", port)."""
    found = []
    with selectors.DefaultSelector() as waiting:
        for zone, addresses in targets.items():
            for address in addresses:
                for port in ports:
                    _knock(waiting, zone, address, port)
        deadline = time.monotonic() + SCAN_SECONDS
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                probe = key.fileobj
                assert isinstance(probe, socket.socket)
                waiting.unregister(probe)
                if _answered(probe):
                    found.append(key.data)
                probe.close()
    return found


def _knock(waiting: selectors.BaseSelector, zone: str, address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind, name in ((socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")):
        probe = socket.socket(family, kind)
        probe.setblocking(False)
        try:
            probe.connect((address, port))
            probe.send(b"?")
        except BlockingIOError:
            pass
        except OSError:  # our own rules do not even let it out
            probe.close()
            continue
        wanted = selectors.EVENT_WRITE if name == "tcp" else selectors.EVENT_READ
        waiting.register(probe, wanted, (zone, name, "6" if ":" in address else "4", port))


def _answered(probe: socket.socket) -> bool:
    if probe.type == socket.SOCK_STREAM:
        return probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    try:
        return probe.recv(16) == b"?"
    except OSError:
        return False


def fetch(
    address: str,
    host: str,
    *,
    path: str = "/",
    method: str = "GET",
    headers: list[tuple[str, str]] = [],  # noqa: B006 - read only
    body: str = "",
    port: int = 443,
    authority: str = "",
    identity: str = "",
    newest: str = "TLSv1_3",
) -> dict[str, Any]:
    """One request to ``host``, found at ``address``. Without ``authority`` in the clear; ``identity`` is a PEM file
    with a client's certificate and key."""
    connection = http.client.HTTPConnection(host)
    raw = socket.create_connection((address, port), timeout=60)
    if authority:
        context = ssl.create_default_context(cafile=authority)
        if newest != "TLSv1_3":
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion[newest]
            context.set_ciphers("ALL:@SECLEVEL=0")
        if identity:
            context.load_cert_chain(identity)
        connection.sock = context.wrap_socket(raw, server_hostname=host)
    else:
        connection.sock = raw
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if method == "POST":
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body.encode() if body else None)
    answer = connection.getresponse()
    text = base64.b64encode(answer.read()).decode()
    connection.close()
    return {"status": answer.status, "headers": answer.getheaders(), "body": text}


def stall(address: str, host: str, path: str, authority: str, count: int) -> None:
    """So many uploads that begin and do not go on, kept open."""
    context = ssl.create_default_context(cafile=authority)
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\n"
    head += f"Content-Type: application/x-www-form-urlencoded\r\nCookie: __Host-yurt_csrf={'a' * 32}\r\n"
    for _ in range(count):
        upload = context.wrap_socket(socket.create_connection((address, 443), timeout=60), server_hostname=host)
        upload.sendall(f"{head}Content-Length: 1000000\r\n\r\na=".encode())
        _kept.append(upload)


ORDERS: dict[str, Callable[..., Any]] = {
    order.__name__: order for order in (run, low_ports_for_all, start, listen, scan, fetch, stall)
}


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"answer": ORDERS[order["do"]](**order["with"])}
        except Exception as error:  # noqa: BLE001 - told to who gave the order
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
