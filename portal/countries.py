"""The country of an address, where the site has a database for it (GEOIP_DATABASE, MaxMind's format). Only such a site
loads the library."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from maxminddb import Reader


def database(value: str) -> str:
    """For ``portal.settings``: the path of a database, tried out."""
    if value:
        import maxminddb

        try:
            maxminddb.open_database(value).close()
        except (OSError, ValueError, maxminddb.InvalidDatabaseError):
            raise ValueError(f"{value} is no MaxMind database that can be read; give the path of a .mmdb.") from None
    return value


def country(address: str) -> str:
    """ISO 3166-1 alpha-2; "" for addresses that are nowhere, as those of a house are, and without a database."""
    if not settings.GEOIP_DATABASE or not address:
        return ""
    found: Any = None
    with contextlib.suppress(ValueError):  # an IPv6 address, and a database that knows none
        found = _reader(settings.GEOIP_DATABASE).get(address)
    code = (found.get("country") or {}).get("iso_code") if isinstance(found, dict) else None
    return code if isinstance(code, str) and len(code) == 2 else ""


@lru_cache(maxsize=1)
def _reader(path: str) -> Reader:
    """Open for the life of the process: a new file is read after a restart."""
    import maxminddb

    return maxminddb.open_database(path)
