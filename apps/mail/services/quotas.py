"""How many people somebody may write to, in one message and in a day, and how much may be attached, where
administrators have set that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.models import OutboxMessage, SendingLimit

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Quota:
    """None: no limit."""

    per_message: int | None = None
    per_day: int | None = None
    megabytes: int | None = None  # of the files of one message


def of(user: AbstractBaseUser) -> Quota:
    """A group's limit takes the place of everybody's; of several the most generous counts, no limit most of all."""
    rows = list(SendingLimit.objects.filter(Q(group=None) | Q(group__in=user.groups.all())))  # type: ignore[attr-defined]
    rows = [row for row in rows if row.group_id is not None] or rows
    if not rows:
        return Quota()
    return Quota(*(_largest([getattr(row, name) for row in rows]) for name in ("per_message", "per_day", "megabytes")))


def _largest(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def exceeded(user: AbstractBaseUser, recipients: int) -> str:
    """Why a message to so many people may not be sent, in words; "" when it may. What was taken back is not counted;
    what waits for its time counts from when it was written."""
    quota = of(user)
    if quota.per_message is not None and recipients > quota.per_message:
        words = ngettext(
            "Nothing was sent: a message may go to %(limit)d recipient here, and this one has %(count)d.",
            "Nothing was sent: a message may go to %(limit)d recipients here, and this one has %(count)d.",
            quota.per_message,
        )
        return words % {"limit": quota.per_message, "count": recipients}
    if quota.per_day is None:
        return ""
    used = written_to(user.pk)
    if used + recipients <= quota.per_day:
        return ""
    words = ngettext(
        "Nothing was sent: within 24 hours you may write to %(limit)d recipient. You have written to %(used)d "
        "already, and this message has %(count)d.",
        "Nothing was sent: within 24 hours you may write to %(limit)d recipients. You have written to %(used)d "
        "already, and this message has %(count)d.",
        quota.per_day,
    )
    text = words % {"limit": quota.per_day, "used": used, "count": recipients}
    return f"{text} {_('Send it later, or ask your administrator.')}"


def written_to(user_id: int) -> int:
    """Recipients within the last 24 hours."""
    rows = OutboxMessage.objects.filter(user=user_id, created__gt=timezone.now() - DAY)
    return rows.exclude(state=OutboxMessage.State.FAILED).aggregate(total=Sum("recipients"))["total"] or 0
