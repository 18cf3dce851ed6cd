"""Settings that are right by themselves and wrong together; ``settings.py`` asks once all of them are read."""

from __future__ import annotations

from collections.abc import Mapping

from portal.conf import Environment
from portal.net import BadServerUrl, is_loopback, parse_server_url


def mail_servers(
    env: Environment, *, imap_url: str, smtp_url: str, services: Mapping[str, Mapping[str, int]], allow_plain: bool
) -> None:
    """Both servers or none, and no password in the clear beyond this machine."""
    addresses = {"IMAP_URL": imap_url, "SMTP_URL": smtp_url}
    for name, address in addresses.items():
        if address and not allow_plain and _is_exposed(address, services[name]):
            secure = address.partition("://")[0] + "s"
            env.report(
                name,
                f"passwords would travel in the clear; write {secure}:// or {secure[:-1]}+starttls://, "
                "or ALLOW_PLAINTEXT=yes where the network itself is safe.",
            )
    unreadable = {problem.name for problem in env.problems}  # taken as not set, and reported already
    for missing, other in (("IMAP_URL", "SMTP_URL"), ("SMTP_URL", "IMAP_URL")):
        if addresses[other] and not addresses[missing] and missing not in unreadable:
            env.report(
                missing, f"is not set, but {other} is; name both servers, one to read from and one to send with."
            )


def _is_exposed(address: str, services: Mapping[str, int]) -> bool:
    try:
        server = parse_server_url(address, services=services)
    except BadServerUrl:
        return False
    return server.security == "plain" and not is_loopback(server.host)


def both_or_none(env: Environment, **values: str) -> None:
    """A login and its password."""
    missing = [name for name, value in values.items() if not value]
    if len(missing) == 1:
        (other,) = values.keys() - set(missing)
        env.report(missing[0], f"is not set, but {other} is; set both, or none.")
