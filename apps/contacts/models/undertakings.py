"""What is done to several contacts at once: the models of imports and merges."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Undertaking(models.Model):
    """Something done to several contacts at once, and undone as a whole: an import, a merge."""

    class Kind(models.TextChoices):
        IMPORT = "import"
        MERGE = "merge"

    class State(models.TextChoices):
        READ = "read"  # looked through; nothing is done yet
        RUNNING = "running"
        DONE = "done"
        UNDONE = "undone"
        FAILED = "failed"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.DONE)
    at = models.DateTimeField(default=timezone.now)
    title = models.CharField(max_length=190, blank=True)  # the file's name
    book = models.ForeignKey("contacts.Book", models.SET_NULL, null=True, related_name="+")
    file = models.CharField(max_length=32, blank=True)  # in DATA_DIR/imports; "" when it is gone
    options = models.JSONField(default=dict)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("undertaking")
        verbose_name_plural = _("undertakings")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(self.pk)


class Row(models.Model):
    """What an import says of one card or line."""

    class State(models.TextChoices):
        NEW = "new", _("new")
        CHANGED = "changed", _("brought up to date")
        SAME = "same", _("there already")
        GROUP = "group", _("a group")
        BAD = "bad", _("not imported")

    whole = models.ForeignKey(Undertaking, models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()  # of the line where it begins
    state = models.CharField(max_length=10, choices=State)
    name = models.CharField(max_length=190, blank=True)
    remark = models.CharField(max_length=400, blank=True)
    contact = models.ForeignKey("contacts.Contact", models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("row of an import")
        verbose_name_plural = _("rows of imports")
        ordering = ["number", "pk"]

    def __str__(self) -> str:
        return f"{self.number}: {self.state}"
