"""Writes the audit log: a row for each event that the core tells (``portal.security_events``).

What strangers and guessers cause is bounded. Of each kind, the first ``EACH`` tries from an address in a minute are
rows, and the first ``ALL`` from everywhere; what comes beyond is one row for the address, or for all of them, and its
``count`` goes up.

A name that nobody has here may be a password in the wrong field. It is written as a keyed digest: the same name twice
is seen to be the same, and an administrator who asks for a name finds it (``admin``), but none can be read out of the
log. Not even its first letters stand there: they would be a password's first letters.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.auth.audit import alerts
from apps.auth.audit.models import AuditEvent, Outcome
from apps.auth.models import User
from portal.accounts import canonical_login
from portal.countries import country
from portal.logging import is_secret_name
from portal.security_events import SecurityEvent
from portal.throttle import network_of

EACH, ALL = 20, 200  # rows of one kind in a minute: for one address, for all
MOST_FACTS, LONGEST_FACT = 10, 200


def record(*, event: SecurityEvent, request: Any = None, **_signal: Any) -> None:
    """For ``security_event``."""
    now = timezone.now()
    user_id, login = _who(event)
    row = AuditEvent(
        time=now,
        kind=event.kind[:40],
        outcome=Outcome.REFUSED if event.refused else Outcome.DONE,
        user_id=user_id,
        login=login,
        address=event.address[:45],
        country=country(event.address),
        browser=event.browser,
        way=event.way[:40],
        session=event.session,
        facts=_facts(event),
    )
    bucket = _bucket(row, now) if event.refused or event.user_id is None else ""
    if bucket:
        _count_up(row, bucket)
    else:
        alerts.consider(row, request=request)
        row.save()


def forget_old() -> int:
    return AuditEvent.objects.filter(time__lt=timezone.now() - timedelta(days=settings.AUDIT_DAYS)).delete()[0]


def _who(event: SecurityEvent) -> tuple[int | None, str]:
    """The person, and what is written for the login: it stays when the account is deleted."""
    if event.user_id is not None:
        return event.user_id, User.objects.filter(pk=event.user_id).values_list("login", flat=True).first() or ""
    try:
        login = canonical_login(event.login)
    except ValueError:
        return None, digest_of(event.login) if event.login else ""
    found = [user.pk for user in User.objects.filter(login=login) if user.login == login]
    return found[0] if len(found) == 1 else None, login if found else digest_of(login)


def digest_of(name: str) -> str:
    """What stands in the log for a name that nobody has."""
    return f"?{salted_hmac('portal.audit.login', name, algorithm='sha256').hexdigest()[:16]}"


def _facts(event: SecurityEvent) -> dict[str, str]:
    kept = [(name, value) for name, value in event.facts.items() if not is_secret_name(name)]
    return {name[:40]: value[:LONGEST_FACT] for name, value in kept[:MOST_FACTS]}


def _bucket(row: AuditEvent, now: datetime) -> str:
    """Which row counts this one; empty for one of its own."""
    minute, network = f"{row.kind} {now:%Y%m%d%H%M}", network_of(row.address)
    if _how_many(f"{minute} {network}") > EACH:
        return f"{minute} {network}"
    return f"{minute} *" if _how_many(f"{minute} *") > ALL else ""


def _how_many(what: str) -> int:
    key = f"audit.{what}".replace(" ", "_")
    cache.add(key, 0, 120)
    try:
        return cache.incr(key)
    except ValueError:  # it expired in between
        return 1


def _count_up(row: AuditEvent, bucket: str) -> None:
    """One row for many: it names nobody, and no address where it stands for all."""
    same = AuditEvent.objects.filter(bucket=bucket)
    if same.update(count=F("count") + 1):
        return
    row.bucket, row.user_id, row.login, row.facts, row.browser = bucket, None, "", {}, ""
    if bucket.endswith("*"):
        row.address = row.country = ""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:  # another one of the same moment was first
        same.update(count=F("count") + 1)
