"""Many rows at once, without an object for each: of an import of 50,000 cards objects would be half the time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """``columns``: as the database calls them; all others have to have a default there, or be NULL or a number of its
    own. Times and JSON are to be given as ``moment`` and ``packed`` make them."""
    quote = connection.ops.quote_name
    names, holes = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({holes})"  # noqa: S608 - names
    every = list(rows)
    if every:
        with connection.cursor() as cursor:
            cursor.executemany(statement, every)


def moment(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def packed(data: Any) -> str:
    return json.dumps(data)
