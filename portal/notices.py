"""Notices on the home page, and the urgent one that stands over every page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.cache import cache
from django.db.models import Q
from django.utils import timezone

from portal.models import Notice, NoticeDismissal

ANY_URGENT = "portal.any_urgent_notice"
ALERT_DAYS = 30
MOST_ALERTS = 10  # of one person
REMEMBERED = 60  # seconds; the process that saves a notice knows at once


def current(user: AbstractBaseUser | AnonymousUser) -> Sequence[Notice]:
    """Everything that holds now, put away or not: for the block on the home page."""
    return list(Notice.objects.current(user))


def unread(user: AbstractBaseUser) -> Sequence[Notice]:
    """What stands on top of the home page until it is put away."""
    return list(Notice.objects.current(user).not_dismissed(user))


def banner(user: AbstractBaseUser) -> Notice | None:
    """The newest urgent notice that this person has not put away. While the site has none, pages ask no database."""
    there = cache.get(ANY_URGENT)
    if there is None:
        there = remember_urgent()
    if not there:
        return None
    return Notice.objects.current(user).not_dismissed(user).filter(level=Notice.Level.DANGER).first()


def remember_urgent(**_signal: object) -> bool:
    """Whether there is an urgent notice that is not over, for anybody; one that begins later counts already."""
    not_over = Q(ends__isnull=True) | Q(ends__gt=timezone.now())
    found = Notice.objects.filter(not_over, level=Notice.Level.DANGER).exists()
    cache.set(ANY_URGENT, found, REMEMBERED)
    return found


def dismiss(*, user: AbstractBaseUser, notice_id: int) -> bool:
    """Put a notice away for good; False when it is not theirs to put away. Doing it twice is as good as once."""
    notice = Notice.objects.current(user).filter(pk=notice_id, dismissible=True).first()
    if notice is None:
        return False
    NoticeDismissal.objects.get_or_create(notice=notice, user_id=user.pk)
    return True


def alert(*, user_id: int, title: str, text: str, url: str = "") -> None:
    """A notice for one person, from the portal itself: about something they may not have done. The newest are kept."""
    ends = timezone.now() + timedelta(days=ALERT_DAYS)
    Notice.objects.create(user_id=user_id, title=title, text=text, url=url, level=Notice.Level.WARNING, ends=ends)
    old = Notice.objects.filter(user=user_id).order_by("-pk").values_list("pk", flat=True)[MOST_ALERTS:]
    Notice.objects.filter(pk__in=list(old)).delete()


def forget_old() -> None:
    """Alerts that are over; what administrators wrote is theirs to delete."""
    Notice.objects.filter(user__isnull=False, ends__lte=timezone.now()).delete()
