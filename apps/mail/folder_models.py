"""What the mail app keeps about folders: how somebody wants theirs, and what goes into them and out of them as a whole.
The messages of an import lie in a sealed file until they are where they belong, of an export nothing is kept."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.mail.archives.entries import Place


class FolderSetting(models.Model):
    """How somebody wants one folder. Its name is not kept, only what tells it from others (``models.folder_key``)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, editable=False)
    colour = models.CharField(_("colour"), max_length=10, blank=True)  # of ``folders.COLOURS``
    unpolled = models.BooleanField(_("not looked into for new messages"), default=False)
    role = models.CharField(_("used for"), max_length=10, blank=True)  # of ``folders.ROLE_NAMES``; "none": for nothing

    class Meta:
        verbose_name = _("setting of a folder")
        verbose_name_plural = _("settings of folders")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="mail_folder_setting_once")]

    def __str__(self) -> str:
        return self.key[:8]


class TransferQuerySet(models.QuerySet["Transfer"]):
    def free(self, now: datetime) -> TransferQuerySet:
        """Imports that should go on, and that nobody is at."""
        return self.filter(
            Q(lease_until=None) | Q(lease_until__lte=now), kind=Transfer.Kind.IMPORT, state=Transfer.State.RUNNING
        )

    def unfinished(self) -> TransferQuerySet:
        return self.filter(state__in=Transfer.UNFINISHED)


class Transfer(models.Model):
    """An import or export of folders. Who works at it has a lease and a number; only the last one may change it."""

    class Kind(models.TextChoices):
        IMPORT = "import"
        EXPORT = "export"

    class State(models.TextChoices):
        RECEIVING = "receiving"  # an import whose file is on its way here
        RUNNING = "running"  # goes on by itself; an export: is being downloaded, or ready to be
        PAUSED = "paused"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"
        UNDOING = "undoing"
        UNDONE = "undone"

    UNFINISHED = (State.RECEIVING, State.RUNNING, State.PAUSED)
    ENDS = (State.DONE, State.CANCELLED, State.FAILED)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    delegation = models.ForeignKey("portal.Delegation", models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State)
    title = models.CharField(max_length=190, blank=True)  # the file's name
    folder = models.CharField(max_length=1000)  # where to, or what of
    format = models.CharField(max_length=12)
    subfolders = models.BooleanField(default=True)
    file = models.CharField(max_length=32, blank=True)  # "" when there is none (any more)
    size = models.BigIntegerField(default=0)  # octets of the file
    received = models.BigIntegerField(default=0)  # octets of it that are here
    number = models.BigIntegerField(default=0)  # ``archives.entries.Place``: what is done with
    outer = models.BigIntegerField(default=0)
    inner = models.BigIntegerField(default=0)
    passed = models.BigIntegerField(default=0)  # octets of the file that were read: for the bar only
    begun = models.TextField(blank=True)  # JSON: the batch that may or may not be in; an export: where its part begins
    part = models.PositiveIntegerField(default=1)  # of an export
    total = models.BigIntegerField(default=0)  # messages of an export
    done = models.BigIntegerField(default=0)  # messages
    left = models.BigIntegerField(default=0)  # messages that were not taken: see ``TransferNote``
    stored = models.TextField(default="[]")  # JSON: [folder, UIDVALIDITY, "1:5,9"] of what an import has stored
    made = models.TextField(default="[]")  # JSON: folders that it made
    trouble = models.CharField(max_length=20, blank=True)  # why it waits, or ended: a key of ``transfers.TROUBLE``
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        verbose_name = _("import or export of folders")
        verbose_name_plural = _("imports and exports of folders")
        indexes = [models.Index(fields=["user", "-created"], name="mail_transfer_newest")]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind} {self.state}"

    @property
    def place(self) -> Place:
        return Place(self.number, self.outer, self.inner)

    @property
    def is_export(self) -> bool:
        return self.kind == self.Kind.EXPORT

    @property
    def title_of_part(self) -> str:
        """The name of an export's file."""
        stem, dot, ending = self.title.rpartition(".")
        return self.title if self.part == 1 else f"{stem} {self.part}{dot}{ending}"

    @property
    def percent(self) -> int:
        """How far it has come: of an import by octets, since nobody has counted its messages."""
        if self.state == self.State.DONE:
            return 100
        if self.state == self.State.RECEIVING:
            return min(99, 100 * self.received // max(1, self.size))
        if self.is_export:
            return min(99, 100 * self.done // max(1, self.total))
        return min(99, 100 * self.passed // max(1, self.size))


class TransferNote(models.Model):
    """A message of an import that was not taken, and why."""

    transfer = models.ForeignKey(Transfer, models.CASCADE, related_name="notes")
    number = models.BigIntegerField()
    reason = models.CharField(max_length=20)  # a key of ``transfers.REASONS``
    about = models.CharField(max_length=300, blank=True)  # its name in the archive, or the server's words

    class Meta:
        verbose_name = _("message that was not imported")
        verbose_name_plural = _("messages that were not imported")
        indexes = [models.Index(fields=["transfer", "number"], name="mail_transfer_notes")]

    def __str__(self) -> str:
        return f"{self.number} {self.reason}"
