"""Settings that say how one thing follows from another: templates for logins and addresses, and questions to a
directory. Parsers as in ``portal.conf``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from portal.conf import text, words


def address_rule(value: str) -> str:
    """``login``, or a template with ``{login}``, ``{local}`` (before the @) and ``{domain}`` (MAIL_DOMAIN)."""
    if value == "login" or ("@" in value and _is_template(value, {"login", "local", "domain"})):
        return value
    raise ValueError("write login, or a template like {local}@example.org (also known: {login}, {domain}).")


def login_rule(value: str) -> str:
    """A template as for addresses, with ``{mail}`` as well."""
    if _is_template(value, {"login", "local", "domain", "mail"}):
        return value
    raise ValueError("write a template with one or more of {login}, {local}, {domain} and {mail}.")


def _is_template(value: str, known: set[str]) -> bool:
    fields = set(re.findall(r"\{(.*?)\}", text(value)))
    return bool(fields) and fields <= known and value.count("{") == value.count("}")


#: Names for what sites usually want of MAP_URL.
MAPS = {
    "openstreetmap": "https://www.openstreetmap.org/search?query={place}",
    "geo": "geo:0,0?q={place}",
    "none": "",
}


def map_url(value: str) -> str:
    """One of ``MAPS``, or a web address with ``{place}``; "" for no map."""
    if value in MAPS:
        return MAPS[value]
    if not re.fullmatch(r"https?://[^\s{}/]+/[^\s{}]*\{place\}[^\s{}]*", value):
        raise ValueError(
            f"write {', '.join(MAPS)}, or a web address with {{place}}: https://maps.example.org/?q={{place}}."
        )
    return value


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template of one of these settings with its values: in one pass, for a value may itself look like a part."""
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


def ldap_filter(value: str) -> str:
    """Looked at roughly (RFC 4515): the server knows best, and the self-test asks it."""
    if value and not (value[0] == "(" and value[-1] == ")" and value.count("(") == value.count(")")):
        raise ValueError("write a filter in parentheses, like (uid={login}).")
    return text(value)


def ldap_attribute(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", value):
        raise ValueError("write the name of one attribute, like uid or mail.")
    return value


def claim(value: str) -> str:
    """The name of a claim about somebody (OpenID Connect Core, section 5.1), or of one of the provider's own."""
    if not re.fullmatch(r"[A-Za-z][\w:./-]*", value, re.ASCII):
        raise ValueError("write the name of one claim, like preferred_username or email.")
    return value


def scopes(value: str) -> str:
    """RFC 6749 section 3.3, separated by blanks."""
    found = re.split(r"[\s,]+", value.strip(", "))
    if "openid" not in found or not all(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", scope) for scope in found):
        raise ValueError("write scopes with openid among them, like openid profile email.")
    return " ".join(found)


def servers(value: str) -> tuple[str, ...]:
    """Names by which mail servers call themselves (authserv-id, RFC 8601 section 2.5)."""
    found = tuple(words(value))
    for name in found:
        if not re.fullmatch(r"[\w.-]{1,253}", name):
            raise ValueError(f"{name!r} is not such a name; write mx.example.org, as it stands in the header fields.")
    return found


def inside_networks(value: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Networks whose servers people may name (``portal.outward``)."""
    try:
        return tuple(ipaddress.ip_network(item, strict=False) for item in words(value))
    except ValueError:
        raise ValueError("write addresses or networks of your own, such as 10.1.0.0/16, with commas between.") from None
