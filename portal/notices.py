"""Notices on the home page."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from portal.models import Notice, NoticeDismissal


def current(user: AbstractBaseUser | AnonymousUser) -> Sequence[Notice]:
    """Everything that holds now, put away or not: for the block on the home page."""
    return list(Notice.objects.current(user))


def unread(user: AbstractBaseUser) -> Sequence[Notice]:
    """What stands on top of the home page until it is put away."""
    return list(Notice.objects.current(user).not_dismissed(user))


def dismiss(*, user: AbstractBaseUser, notice_id: int) -> bool:
    """Put a notice away for good; False when it is not theirs to put away. Doing it twice is as good as once."""
    notice = Notice.objects.current(user).filter(pk=notice_id, dismissible=True).first()
    if notice is None:
        return False
    NoticeDismissal.objects.get_or_create(notice=notice, user_id=user.pk)
    return True
