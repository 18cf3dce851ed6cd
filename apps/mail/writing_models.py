"""What the mail app keeps for writing: how much may be sent, answers that are awaited, and templates."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SendingLimit(models.Model):
    """How much somebody may send. Of several groups the most generous one counts; without any, that for everybody."""

    group = models.OneToOneField(
        "auth.Group", models.CASCADE, null=True, blank=True, verbose_name=_("group"), help_text=_("Empty: everybody.")
    )
    per_message = models.PositiveIntegerField(
        _("recipients of one message"), null=True, blank=True, help_text=_("Empty: as many as the form takes.")
    )
    per_day = models.PositiveIntegerField(
        _("recipients in 24 hours"), null=True, blank=True, help_text=_("Over all messages. Empty: no limit.")
    )

    megabytes = models.PositiveIntegerField(
        _("megabytes of files in one message"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: as many as the site takes (MAX_MESSAGE_MB). It cannot be more than that."),
    )

    class Meta:
        verbose_name = _("limit of sending")
        verbose_name_plural = _("limits of sending")

    def __str__(self) -> str:
        return str(self.group) if self.group else str(_("Everybody"))


class Reminder(models.Model):
    """A message to which an answer is expected until ``due``. What it says and whom it went to stays on the server."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, editable=False)  # of the Message-ID: the same on every database
    message_id = models.CharField(_("Message-ID"), max_length=500)
    mailbox = models.CharField(
        _("folder"), max_length=1000, blank=True
    )  # where it was kept; "": where the account does
    sent = models.DateTimeField(_("sent"), default=timezone.now)
    due = models.DateTimeField(_("remind at"))
    looked = models.DateTimeField(null=True)  # when an answer was looked for last, and there was none

    class Meta:
        verbose_name = _("reminder of a missing answer")
        verbose_name_plural = _("reminders of missing answers")
        ordering = ["due", "pk"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="mail_reminder_once")]

    def __str__(self) -> str:
        return self.message_id


class Written(models.Model):
    """A text to begin a message with, or to put into one. Placeholders in it: ``services.templates``."""

    name = models.CharField(_("name"), max_length=100)
    subject = models.CharField(_("subject"), max_length=500, blank=True)
    to = models.CharField(_("recipients"), max_length=2000, blank=True)  # as typed: ``addresses.split``
    text = models.TextField(_("text"), max_length=100_000, blank=True)
    html = models.TextField(_("formatted text"), max_length=300_000, blank=True)  # cleaned

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Template(Written):
    """Somebody's own."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["name", "pk"]


class SharedTemplate(Written):
    """For the members of groups, or for everybody: administrators write them."""

    groups = models.ManyToManyField(
        "auth.Group",
        blank=True,
        verbose_name=_("groups"),
        help_text=_("Who may use it. None: everybody."),
        related_name="+",
    )

    class Meta:
        verbose_name = _("shared template")
        verbose_name_plural = _("shared templates")
        ordering = ["name", "pk"]
