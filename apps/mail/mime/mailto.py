"""mailto: addresses (RFC 6068)."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote


def fields(address: str) -> dict[str, str]:
    """to, cc, bcc, subject and body of it, as far as it names them; nothing of any other kind of address."""
    scheme, _colon, rest = address.partition(":")
    if scheme.strip().lower() != "mailto":
        return {}
    path, _mark, query = rest.partition("#")[0].partition("?")
    found = {"to": unquote(path)}
    for key, value in parse_qsl(query.replace("+", "%2B")):
        name = key.lower()
        if name in {"to", "cc", "bcc"}:
            found[name] = ", ".join(filter(None, (found.get(name), value)))
        elif name in {"subject", "body"}:
            found[name] = value
    return found
