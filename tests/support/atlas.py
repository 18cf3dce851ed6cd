"""A country database in MaxMind's format, small enough to be made for a test.

MaxMind DB File Format 2.0: a binary tree over the bits of an address, then the data its leaves point to, then a map
that describes both.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path

_MARKER = b"\xab\xcd\xefMaxMind.com"


_WIDTHS = {"node_count": b"\xc4", "build_epoch": b"\x08\x02"}  # uint32, uint64; the other numbers are uint16


def _field(value: object, name: str = "") -> bytes:
    if isinstance(value, str):
        return bytes([2 << 5 | len(value)]) + value.encode()
    if isinstance(value, int):
        head = _WIDTHS.get(name, b"\xa2")
        return head + value.to_bytes(head[0] & 31, "big")
    if isinstance(value, list):  # empty; an extended type
        return b"\x00\x04"
    if isinstance(value, Mapping):
        return bytes([7 << 5 | len(value)]) + b"".join(_field(key) + _field(inner, key) for key, inner in value.items())
    raise TypeError(type(value))


def write(path: Path, countries: Mapping[str, str]) -> Path:
    """``countries``: ISO code by network, IPv4 ones included (they lie below ::/96)."""
    nodes: list[list[int | bytes | None]] = [[None, None]]
    for network, code in countries.items():
        net = ipaddress.ip_network(network)
        shift = 96 if net.version == 4 else 0
        bits = f"{int(net.network_address):0128b}"[: net.prefixlen + shift]
        at = 0
        for bit in bits[:-1]:
            following = nodes[at][int(bit)]
            if not isinstance(following, int):
                nodes.append([None, None])
                following = nodes[at][int(bit)] = len(nodes) - 1
            at = following
        nodes[at][int(bits[-1])] = _field({"country": {"iso_code": code}})
    data, tree = b"", b""
    for node in nodes:
        for record in node:
            value = len(nodes) if record is None else record
            if isinstance(value, bytes):
                data, value = data + value, len(nodes) + 16 + len(data)
            tree += value.to_bytes(3, "big")
    about: dict[str, object] = {
        "node_count": len(nodes),
        "record_size": 24,
        "ip_version": 6,
        "database_type": "Test-Country",
    }
    about |= {"binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1}
    about |= {"description": {"en": "for tests"}, "languages": []}
    path.write_bytes(tree + b"\0" * 16 + data + _MARKER + _field(about))
    return path
