"""What the core keeps: notices on the home page, who put them away, how people arranged their home page, sessions and
the browsers they were begun in, and what goes on for somebody without their browser."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal import browsers

if TYPE_CHECKING:
    from portal.sessions import SessionStore


class NoticeQuerySet(models.QuerySet["Notice"]):
    def current(self, user: AbstractBaseUser | AnonymousUser, *, now: datetime | None = None) -> NoticeQuerySet:
        """What holds now and is meant for this person: begun and not over."""
        now = now or timezone.now()
        groups = Group.objects.filter(user=user.pk)
        return (
            self.filter(Q(starts__lte=now), Q(ends__isnull=True) | Q(ends__gt=now))
            .filter(Q(audience__isnull=True) | Q(audience__in=groups))
            .filter(Q(user__isnull=True) | Q(user=user.pk))
            .select_related("author")
            .order_by("-level", "-starts")
        )

    def not_dismissed(self, user: AbstractBaseUser) -> NoticeQuerySet:
        gone = NoticeDismissal.objects.filter(user=user.pk).values("notice_id")
        return self.exclude(dismissible=True, pk__in=gone)


class Notice(models.Model):
    """A line on top of the home page: from administrators, or for one person from the portal itself
    (``notices.alert``)."""

    class Level(models.IntegerChoices):
        INFO = 10, _("information")
        OK = 15, _("good news")
        WARNING = 20, _("warning")
        DANGER = 30, _("urgent")

    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"), blank=True)
    url = models.URLField(_("link to details"), blank=True)
    level = models.PositiveSmallIntegerField(_("level"), choices=Level, default=Level.INFO)
    starts = models.DateTimeField(_("shown from"), default=timezone.now)
    ends = models.DateTimeField(_("shown until"), null=True, blank=True, help_text=_("Empty: until it is deleted."))
    audience = models.ForeignKey(
        Group,
        verbose_name=_("for"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("Empty: everybody."),
    )
    user = models.ForeignKey(  # of an alert; what administrators write is for a group or everybody
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.CASCADE, related_name="+"
    )
    dismissible = models.BooleanField(_("can be dismissed"), default=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("written by"),
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends__isnull=True) | Q(ends__gt=models.F("starts")),
                name="portal_notice_ends_after_start",
                violation_error_message=_("A notice must end after it starts."),
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def css_class(self) -> str:
        return {10: "info", 15: "ok", 20: "warn", 30: "bad"}[self.level]

    @property
    def icon(self) -> str:
        return {10: "megaphone", 15: "circle-check", 20: "triangle-alert", 30: "octagon-alert"}[self.level]


class NoticeDismissal(models.Model):
    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="dismissals")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "user"], name="portal_notice_dismissed_once")]

    def __str__(self) -> str:
        return f"{self.notice_id} by {self.user_id}"


class HomeBlock(models.Model):
    """Where one person wants one block.

    There is one row for every block that person has ever had on the page: a removed one stays with ``shown=False``,
    so that only blocks nobody has decided about appear by themselves. A row whose app is switched off is left alone.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    block = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField()
    width = models.PositiveSmallIntegerField()
    shown = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["user", "block"], name="portal_home_block_once")]

    def __str__(self) -> str:
        return self.block


class WorkerPing(models.Model):
    """A question of the self-test to the task worker; the worker answers it by setting ``answered``."""

    asked = models.DateTimeField(auto_now_add=True)
    answered = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.asked)


class Delegation(models.Model):
    """A secret that one task of one account may open until it expires (``portal.delegations``)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=100)  # id of a ``DelegationKind``
    task = models.CharField(max_length=100)  # which of them: the app's own name for it
    account = models.CharField(max_length=320)
    sealed = models.BinaryField()
    created = models.DateTimeField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "task"], name="portal_delegation_one_task")]

    def __str__(self) -> str:
        return f"{self.kind} {self.task}"


class Session(AbstractBaseSession):
    """Django's, with columns for what a list of sessions shows. ``portal.sessions`` fills them from the data."""

    # Without a constraint: a request of somebody who is being deleted ends without an error.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        null=True,
        db_constraint=False,
        on_delete=models.CASCADE,
        related_name="+",
    )
    reference = models.CharField(_("reference"), max_length=16, blank=True)
    address = models.CharField(_("address"), max_length=45, blank=True)
    browser = models.CharField(_("browser"), max_length=browsers.MAX_SUMMARY, blank=True)
    trusted = models.BooleanField(_("own computer"), default=True)
    started = models.DateTimeField(_("signed in"), null=True)
    seen = models.DateTimeField(_("last used"), null=True)

    def __str__(self) -> str:
        return self.reference  # never the key

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        from portal.sessions import SessionStore

        return SessionStore

    @property
    def browser_label(self) -> str:
        return browsers.label(self.browser)


class KnownDevice(models.Model):
    """A browser in which somebody has signed in (``portal.devices``)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)  # of what its cookie holds
    browser = models.CharField(max_length=browsers.MAX_SUMMARY)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="portal_known_device_once")]

    def __str__(self) -> str:
        return self.browser
