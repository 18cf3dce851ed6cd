from __future__ import annotations

from collections.abc import Collection, Mapping

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import JSONField, Q, Value

from apps.prefs.models import Preference, PreferenceDefault, Scope
from portal.contracts import Json, Override
from portal.prepared import Prepared

_NEARNESS = {Scope.EVERYBODY: 0, Scope.DOMAIN: 1, Scope.GROUP: 2}


NOWHERE = "."  # no address has this domain
_OWN = Prepared(lambda user: Preference.objects.filter(user_id=user).values_list("key", "value"))
_SITE = Prepared(
    lambda user, domain: PreferenceDefault.objects.filter(
        Q(scope=Scope.EVERYBODY) | Q(scope=Scope.GROUP, group__user=user) | Q(scope=Scope.DOMAIN, domain=domain)
    ),
    values=2,
)


class DatabasePrefStore:
    """One row for each value."""

    def load(self, user: AbstractBaseUser) -> Mapping[str, Json]:
        return dict(_OWN.rows(user.pk))

    def save(self, user: AbstractBaseUser, changes: Mapping[str, Json]) -> None:
        rows = [Preference(user_id=user.pk, key=key, value=_stored(value)) for key, value in sorted(changes.items())]
        with transaction.atomic():
            Preference.objects.bulk_create(
                rows, update_conflicts=True, update_fields=["value"], unique_fields=_conflict_target()
            )

    def reset(self, user: AbstractBaseUser, keys: Collection[str]) -> None:
        Preference.objects.filter(user_id=user.pk, key__in=keys).delete()

    def overrides(self, user: AbstractBaseUser | None) -> Mapping[str, Override]:
        """In one query. Within a scope the order is the table's (two groups of one person: the later row wins)."""
        domain = str(getattr(user, "email", "")).rpartition("@")[2].lower()
        found = _SITE.objects(user.pk if user is not None else 0, domain or NOWHERE)
        rows = sorted(found, key=lambda row: (_NEARNESS[Scope(row.scope)], row.pk))
        return {row.key: Override(value=row.value, locked=row.locked, reason=row.reason) for row in rows}


def _stored(value: Json) -> object:
    """Django takes a bare ``None`` for the absence of a value; here it is one."""
    return Value(None, JSONField()) if value is None else value


def _conflict_target() -> list[str] | None:
    """SQLite wants to be told which uniqueness decides; MySQL has no way of saying it."""
    return ["user", "key"] if connection.features.supports_update_conflicts_with_target else None
