"""The invented people of the demo."""

import tomllib
from dataclasses import dataclass
from datetime import timedelta, timezone
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Person:
    key: str
    name: str
    mail: str
    zone: timezone


def _zone(hours: float) -> timezone:
    return timezone(timedelta(hours=hours))


def _load() -> dict[str, Person]:
    table = tomllib.loads((HERE / "people.toml").read_text(encoding="utf-8"))
    return {
        key: Person(key, row["name"], row["mail"], timezone(timedelta(hours=row["offset"])))
        for key, row in table.items()
    }


PEOPLE = _load()
