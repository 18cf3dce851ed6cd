"""``DATABASE_URL`` as an entry of Django's ``DATABASES``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import environ

from portal.conf import authorities, is_loopback_name


def database(folder: Path) -> Callable[[str], dict[str, Any]]:
    """One entry of ``DATABASES``. SQLite paths are relative to ``folder``."""

    def parse(value: str) -> dict[str, Any]:
        cure = "write sqlite:///path/to/file, or mysql://user:password@host:3306/name."
        scheme = value.partition("://")[0]
        if scheme not in {"sqlite", "mysql"}:
            raise ValueError(cure)
        try:
            config: dict[str, Any] = environ.Env.db_url_config(value)
        except (ValueError, KeyError, TypeError):
            raise ValueError(cure) from None
        if not config["NAME"]:
            raise ValueError(cure)
        if scheme == "sqlite":
            return config | _sqlite(folder, str(config["NAME"]))
        return config | _mysql(config.get("HOST", ""), config.get("OPTIONS", {}))

    return parse


def _sqlite(folder: Path, name: str) -> dict[str, Any]:
    """Writers queue at BEGIN (IMMEDIATE) for the busy timeout, instead of failing when they upgrade a read lock."""
    return {
        "NAME": name if name.startswith(":") else str(folder / name),
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000",
        },
    }


#: Seconds. A database that hangs holds a request no longer than a locked SQLite would; ``patience`` has the exceptions.
MYSQL_TIMEOUTS = {"connect_timeout": 5, "read_timeout": 20, "write_timeout": 20}


def _mysql(host: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Beyond this machine with TLS, and the server's name checked; nothing in the address can say otherwise."""
    options = dict(options)
    safe: dict[str, Any] = {}
    if authority := options.pop("ssl-ca", ""):
        safe["ssl"] = {"ca": authorities(authority)}
    if host and not is_loopback_name(host) and not host.startswith("/"):
        safe["ssl_mode"] = "VERIFY_IDENTITY"
    return {
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **MYSQL_TIMEOUTS,
            **options,
            **safe,
            "charset": "utf8mb4",
            "isolation_level": "read committed",
            "init_command": "SET sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
        },
        # Two logins that differ by an accent are two people, whatever the server's default collation says.
        "TEST": {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin"},
    }
