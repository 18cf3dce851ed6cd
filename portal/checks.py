"""System checks: a wrong setting is named with its cure before anything starts. No network here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from portal import mail_servers


@register(Tags.security)
def settings_are_readable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.E001: a setting from the environment cannot be used as it stands."""
    return [
        Error(f"{problem.name} is wrong.", hint=problem.cure, id="portal.E001") for problem in settings.CONFIG.problems
    ]


@register
def apps_register(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.E002: the apps' declarations contradict each other."""
    from portal.registry import get_registry

    try:
        get_registry()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="Rename one of the two, or take one app out of PORTAL_APPS.", id="portal.E002")]
    return []


@register
def site_address_is_known(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.W001: a site that faces other machines has to say where it is."""
    from portal.conf import is_loopback_name

    beyond = not is_loopback_name(settings.HOST) or settings.TRUSTED_PROXIES
    if beyond and not settings.BASE_URL.origin:
        return [
            Warning(
                "BASE_URL is not set, but the portal is reached from other machines.",
                hint="Set BASE_URL to the address people use: cookies, links and origin checks follow from it.",
                id="portal.W001",
            )
        ]
    return []


@register
def logins_have_a_domain(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.W003: where a login is only a name, its person has no address to send from."""
    asks = [each for each in mail_servers.backends() if each.address == "login" or "{domain}" in each.address]
    if any(not each.address_domain for each in asks):
        return [
            Warning(
                "MAIL_DOMAIN is not set: who signs in with a name that is no whole address cannot send.",
                hint="Set MAIL_DOMAIN, like example.org; logins that are whole addresses stay as they are.",
                id="portal.W003",
            )
        ]
    return []


@register(Tags.database)
def database_tells_logins_apart(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """portal.W002: with a collation that ignores accents, one of two alike logins could never sign in."""
    from django.db import connections

    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "mysql":
            continue
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@collation_database")
            (collation,) = cursor.fetchone()
        if not collation.startswith("utf8mb4_") or not collation.endswith("_bin"):
            return [
                Warning(
                    f"The database compares text by {collation}.",
                    hint="Create it with: CREATE DATABASE ... CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                    id="portal.W002",
                )
            ]
    return []


def require_valid_settings() -> None:
    """For what serves people: ends the process with one line per problem instead of starting half right."""
    if settings.CONFIG.problems:
        raise SystemExit("\n".join(["The settings are wrong:", *(f"  {p}" for p in settings.CONFIG.problems)]))
