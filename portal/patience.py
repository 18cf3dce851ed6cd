"""How long a database that is somewhere else may keep us waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

LONG = 3600  # seconds: a migration of a large table


@contextmanager
def patient() -> Iterator[None]:
    """For what an administrator runs: no statement of this block is given up before its time.

    The limits of ``databases.MYSQL_TIMEOUTS`` are for pages, and hold from when a connection is made: it is made anew.
    """
    options = connection.settings_dict["OPTIONS"]
    if connection.vendor != "mysql" or connection.in_atomic_block:
        yield
        return
    before = {name: options[name] for name in ("read_timeout", "write_timeout") if name in options}
    connection.close()
    options.update(dict.fromkeys(before, LONG))
    try:
        yield
    finally:
        connection.close()
        options.update(before)
