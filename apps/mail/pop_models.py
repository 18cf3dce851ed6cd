"""What the mail app keeps of mail on POP3 servers, which know neither folders nor marks: an index of the maildrop, and
folders whose messages lie in files of ours (``services.pop_shelf``)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Maildrop(models.Model):
    """Somebody's mail on one POP3 server. One person may have several, and several people the same."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    server = models.CharField(_("server"), max_length=190)  # its host
    login = models.CharField(_("login"), max_length=190)
    validity = models.PositiveBigIntegerField(default=0)  # the UIDVALIDITY that was given last

    class Meta:
        verbose_name = _("mail on a POP3 server")
        verbose_name_plural = _("mail on POP3 servers")
        constraints = [models.UniqueConstraint(fields=["user", "server", "login"], name="mail_maildrop_once")]

    def __str__(self) -> str:
        return f"{self.login} ({self.server})"


class PopFolder(models.Model):
    drop = models.ForeignKey(Maildrop, models.CASCADE, related_name="folders")
    name = models.CharField(_("name"), max_length=190)
    role = models.CharField(_("used for"), max_length=10, blank=True)
    uidvalidity = models.PositiveBigIntegerField()
    uidnext = models.PositiveBigIntegerField(default=1)
    modseq = models.PositiveBigIntegerField(default=1)  # grows with every change

    class Meta:
        verbose_name = _("folder of the portal")
        verbose_name_plural = _("folders of the portal")
        constraints = [models.UniqueConstraint(fields=["drop", "name"], name="mail_pop_folder_once")]

    def __str__(self) -> str:
        return self.name


class PopMessage(models.Model):
    """A message on the server (``uidl``) or here (``file``)."""

    class State(models.IntegerChoices):
        HEARD = 0  # it is there; nothing else is known yet
        READY = 1
        LEAVING = 2  # for people it is gone, and the server has to delete it yet

    folder = models.ForeignKey(PopFolder, models.CASCADE, related_name="messages")
    uid = models.PositiveBigIntegerField()
    uidl = models.CharField(max_length=90, blank=True)
    file = models.CharField(max_length=40, blank=True)
    state = models.PositiveSmallIntegerField(choices=State.choices, default=State.HEARD)
    size = models.PositiveBigIntegerField(default=0)
    received = models.DateTimeField(null=True)
    seen = models.BooleanField(default=False)  # one of ``flags``, to be counted
    flags = models.TextField(blank=True)  # with blanks between
    digest = models.TextField(blank=True)  # what lists show, as JSON (``services.pop_digests``)
    text = models.TextField(blank=True)  # what words are looked for in

    class Meta:
        verbose_name = _("message on a POP3 server or in a folder of the portal")
        verbose_name_plural = _("messages on POP3 servers and in folders of the portal")
        constraints = [models.UniqueConstraint(fields=["folder", "uid"], name="mail_pop_message_once")]
        indexes = [models.Index(fields=["folder", "state", "seen"], name="mail_pop_message_count")]

    def __str__(self) -> str:
        return f"{self.folder_id}/{self.uid}"
