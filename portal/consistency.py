"""Settings that are right by themselves and wrong together; ``settings.py`` asks once all of them are read."""

from __future__ import annotations

from collections.abc import Mapping

from portal.conf import BaseUrl, Environment, is_loopback_name
from portal.conf import base_url as read_base_url
from portal.net import BadServerUrl, is_loopback, parse_server_url

MOST_ISSUER = 180  # characters, as much as an account has room for
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def no_exposed_passwords(
    env: Environment, servers: Mapping[str, tuple[str, Mapping[str, int]]], *, allow_plain: bool
) -> None:
    """No password in the clear beyond this machine. ``servers``: address and services by the setting's name."""
    for name, (address, services) in servers.items():
        if address and not allow_plain and _is_exposed(address, services):
            secure = address.partition("://")[0] + "s"
            env.report(
                name,
                f"passwords would travel in the clear; write {secure}:// or {secure[:-1]}+starttls://, "
                "or ALLOW_PLAINTEXT=yes where the network itself is safe.",
            )


def both_servers(env: Environment, **addresses: str) -> None:
    """One to read from and one to send with, or none."""
    unreadable = {problem.name for problem in env.problems}  # taken as not set, and reported already
    if addresses["IMAP_URL"] and addresses["POP3_URL"]:
        env.report("POP3_URL", "is set, and so is IMAP_URL; take one of them out.")
    incoming = "POP3_URL" if addresses["POP3_URL"] else "IMAP_URL"
    for missing, other in ((incoming, "SMTP_URL"), ("SMTP_URL", incoming)):
        if addresses[other] and not addresses[missing] and not {missing, "POP3_URL"} & unreadable:
            env.report(
                missing, f"is not set, but {other} is; name both servers, one to read from and one to send with."
            )


def directory(env: Environment, *, url: str, base: str, wanted: bool, user_filter: str, login_attribute: str) -> None:
    """What is needed to ask it. People are looked for again by the login that their account has."""
    unreadable = {problem.name for problem in env.problems}
    if wanted and not url and "LDAP_URL" not in unreadable:
        env.report("LDAP_URL", "is not set, but SIGN_IN names ldap; write e.g. ldaps://ldap.example.org.")
    if url and not base:
        env.report(
            "LDAP_BASE", "is not set, but LDAP_URL is; write where people are, like ou=people,dc=example,dc=org."
        )
    if f"({login_attribute}={{login}})".lower() not in user_filter.lower():
        env.report(
            "LDAP_USER_FILTER", f"has to hold ({login_attribute}={{login}}), the attribute of LDAP_LOGIN_ATTRIBUTE."
        )


def provider(env: Environment, *, wanted: bool, issuer: str, client_id: str) -> None:
    """What is needed to send somebody there."""
    unreadable = {problem.name for problem in env.problems}
    if wanted and not issuer and "OIDC_ISSUER" not in unreadable:
        env.report("OIDC_ISSUER", "is not set, but SIGN_IN names oidc; write e.g. https://id.example.org/realms/staff.")
    if issuer and not client_id:
        env.report("OIDC_CLIENT_ID", "is not set, but OIDC_ISSUER is; write the name the provider knows this site by.")
    if issuer and len(issuer) > MOST_ISSUER:
        env.report("OIDC_ISSUER", f"is longer than {MOST_ISSUER} characters.")


def _is_exposed(address: str, services: Mapping[str, int]) -> bool:
    try:
        server = parse_server_url(address, services=services)
    except BadServerUrl:
        return False
    return server.security == "plain" and not is_loopback(server.host)


def served_here(env: Environment, *, host: str, port: int, http_port: int, base_url: BaseUrl) -> BaseUrl:
    """The portal's address where it does TLS itself: cookies and redirects follow from it."""
    if port == http_port:
        env.report("HTTP_PORT", "is PORT, where TLS is spoken; choose another port for plain HTTP.")
    if base_url.scheme == "http":
        env.report("BASE_URL", "begins with http://, but TLS is on; write the https address.")
    if base_url.origin:
        return base_url
    if host in ANY_ADDRESS:
        env.report("BASE_URL", f"is not set, but TLS is on and HOST is {host}; write the https address people use.")
    return read_base_url(own_address(host, port))


def own_address(host: str, port: int) -> str:
    """``localhost`` for this machine alone, because passkeys and cookies want a name."""
    if host in ANY_ADDRESS or is_loopback_name(host):
        host = "localhost"
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def content_host(env: Environment, *, base_url: BaseUrl, content: BaseUrl) -> None:
    """Cookies know host names, not ports: only another name keeps them from what messages bring."""
    if not content.origin:
        return
    if not base_url.origin:
        env.report("CONTENT_HOST", "needs BASE_URL too: only its pages may show what comes from there.")
    elif content.path:
        env.report("CONTENT_HOST", "write it without a path, like https://content.example.org.")
    elif content.host == base_url.host:
        env.report("CONTENT_HOST", "is the host of BASE_URL; another port is not enough, give it a name of its own.")
    elif content.scheme != base_url.scheme:
        env.report("CONTENT_HOST", f"write {base_url.scheme}://, as in BASE_URL.")


def both_or_none(env: Environment, **values: str) -> None:
    """A login and its password."""
    missing = [name for name, value in values.items() if not value]
    if len(missing) == 1:
        (other,) = values.keys() - set(missing)
        env.report(missing[0], f"is not set, but {other} is; set both, or none.")
