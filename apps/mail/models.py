"""What the mail app keeps of a person: whom they wrote to, as whom they write, how they sort, what they search for,
and, sealed, what is on its way out. Nobody's mail."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.mail.account_models import AccountKey, OtherAccount
from apps.mail.folder_models import FolderSetting, Transfer, TransferNote
from apps.mail.mime.addresses import clean_name
from apps.mail.pop_models import Maildrop, PopFolder, PopMessage
from apps.mail.writing_models import Reminder, SendingLimit, SharedTemplate, Template, Written
from portal.contracts import Address

__all__ = [
    "AccountKey",
    "FolderSetting",
    "Identity",
    "Label",
    "ListOrder",
    "Maildrop",
    "OtherAccount",
    "OutboxMessage",
    "PopFolder",
    "PopMessage",
    "Recipient",
    "Reminder",
    "SavedSearch",
    "SenderAddress",
    "SendingLimit",
    "SharedTemplate",
    "Template",
    "Transfer",
    "TransferNote",
    "Written",
]

if TYPE_CHECKING:
    from apps.auth.models import User


class RecipientQuerySet(models.QuerySet["Recipient"]):
    def matching(self, prefix: str) -> RecipientQuerySet:
        """Whose address, or any word of whose name, begins like this; whom one writes to most and last comes first."""
        return self.filter(words__contains=f" {_folded(prefix)}").order_by("-uses", "-last_used")


class Recipient(models.Model):
    """Somebody a user has written to: only they are collected, never senders, who could choose their own name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    email = models.CharField(_("mail address"), max_length=320)
    name = models.CharField(_("name"), max_length=190, blank=True)
    key = models.CharField(max_length=64, editable=False)  # of the case-folded address: the same on every database
    words = models.CharField(max_length=800, editable=False)  # name and address as they are searched: see ``words_of``
    uses = models.PositiveIntegerField(default=1)
    last_used = models.DateTimeField(default=timezone.now)

    objects = RecipientQuerySet.as_manager()

    class Meta:
        verbose_name = _("person written to")
        verbose_name_plural = _("people written to")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="mail_recipient_once")]
        indexes = [models.Index(fields=["user", "-uses"], name="mail_recipient_most")]

    def __str__(self) -> str:
        return self.email

    @property
    def address(self) -> Address:
        return Address(email=self.email, name=self.name)

    @property
    def rank(self) -> float:
        """See ``portal.contracts.Contact``."""
        days = max(0.0, (timezone.now() - self.last_used).total_seconds()) / 86400
        return float(self.uses * 0.5 ** (days / 90))


def address_key(email: str) -> str:
    return hashlib.sha256(email.casefold().encode()).hexdigest()


def words_of(address: Address) -> str:
    """Folded, each word after a blank: databases disagree about the case of letters, and of other alphabets most."""
    return f" {_folded(address.name)} {_folded(address.email)}"[:800]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", " ".join(text.split())).casefold()


def remember(user_id: int, addresses: Iterable[Address]) -> None:
    """Note that these were written to, once more each. A name given now replaces the one from before."""
    now = timezone.now()
    people: dict[str, Address] = {}
    for address in addresses:
        if address.name or address_key(address.email) not in people:
            people[address_key(address.email)] = address
    known: Sequence[str] = list(Recipient.objects.filter(user_id=user_id, key__in=people).values_list("key", flat=True))
    Recipient.objects.filter(user_id=user_id, key__in=known).update(uses=F("uses") + 1, last_used=now)
    for key in known:
        if name := people[key].name[:190]:
            renamed = Recipient.objects.filter(user_id=user_id, key=key).exclude(name=name)
            renamed.update(name=name, words=words_of(people[key]))
    Recipient.objects.bulk_create(
        [
            Recipient(
                user_id=user_id,
                key=key,
                email=address.email,
                name=address.name[:190],
                words=words_of(address),
                last_used=now,
            )
            for key, address in people.items()
            if key not in known
        ],
        ignore_conflicts=True,
    )


class ListOrder(models.Model):
    """How somebody wants to see one folder: its order, and what is put together. Its name is not kept, only what tells
    it from others."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, editable=False)  # see ``folder_key``
    order = models.CharField(_("order"), max_length=20)  # as ``str(Sort)`` writes it
    mode = models.CharField(_("shown as"), max_length=20, blank=True, default="")  # ``MODES``; "": as preferred

    class Meta:
        verbose_name = _("order of a message list")
        verbose_name_plural = _("orders of message lists")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="mail_list_order_once")]

    def __str__(self) -> str:
        return self.order


def folder_key(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    def in_order(self) -> SavedSearchQuerySet:
        return self.order_by("position", "pk")


class SavedSearch(models.Model):
    """A search that stands in somebody's folder column."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=100)
    key = models.CharField(max_length=64, editable=False)  # of the case-folded name: the same on every database
    query = models.CharField(_("search"), max_length=500)  # as it stands in the search box
    mailbox = models.CharField(_("folder"), max_length=1000)  # where it is searched, or was made
    everywhere = models.BooleanField(_("in all folders"), default=False)
    position = models.PositiveIntegerField(default=0)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="mail_search_once")]

    def __str__(self) -> str:
        return self.name


def name_key(name: str) -> str:
    return hashlib.sha256(_folded(name).encode()).hexdigest()


class Label(models.Model):
    """What somebody calls an IMAP keyword, and how it looks (``services.labels``). Without rows there are Thunderbird's
    five; one of them that was removed keeps its row."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    keyword = models.CharField(_("keyword"), max_length=100)  # in lower case
    name = models.CharField(_("name"), max_length=60, blank=True)  # "" for one of the five that has its own
    colour = models.PositiveSmallIntegerField(_("colour"), default=0)  # a hue of ``yurt.css``, 0 for grey
    hidden = models.BooleanField(_("hidden"), default=False)
    removed = models.BooleanField(_("removed"), default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        constraints = [models.UniqueConstraint(fields=["user", "keyword"], name="mail_label_once")]

    def __str__(self) -> str:
        return self.name or self.keyword


class Identity(models.Model):
    """As whom somebody writes. The first one is what new messages begin with. What is empty is the account's own."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    account = models.ForeignKey(
        OtherAccount, models.CASCADE, null=True, related_name="identities"
    )  # None: the main one
    position = models.PositiveSmallIntegerField(default=0)
    label = models.CharField(_("label"), max_length=60, blank=True)
    name = models.CharField(_("name"), max_length=100, blank=True)
    email = models.CharField(_("mail address"), max_length=254, blank=True)
    reply_to = models.CharField(_("replies go to"), max_length=1000, blank=True)  # as typed: ``addresses.split``
    bcc = models.CharField(_("blind copy to"), max_length=1000, blank=True)
    sent_mailbox = models.CharField(_("folder for sent messages"), max_length=1000, blank=True)
    signature = models.TextField(_("signature"), max_length=2000, blank=True)
    signature_html = models.TextField(_("formatted signature"), max_length=20_000, blank=True)  # cleaned

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.label or self.address.label

    @property
    def key(self) -> str:
        """Its name in forms. "0": the one that everybody has who has set up none."""
        return str(self.pk or 0)

    @property
    def address(self) -> Address:
        """A mail account without any address writes as its login."""
        own = self.account.email if self.account_id and self.account else own_address(self.user)
        return Address(self.email or own, clean_name(self.name) or self.user.display_name)

    @property
    def number(self) -> int:
        """Of the account that it writes from; 0 is the main one."""
        return self.account_id or 0


def own_address(user: User) -> str:
    return user.email or user.login


class SenderAddress(models.Model):
    """An address that somebody may write from besides their own, because an administrator says so."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("person"),
        related_name="+",
        limit_choices_to=~models.Q(source="local"),
    )
    email = models.EmailField(_("mail address"), max_length=254)

    class Meta:
        verbose_name = _("further address")
        verbose_name_plural = _("further addresses")
        ordering = ["email"]
        constraints = [models.UniqueConstraint(fields=["user", "email"], name="mail_sender_address_once")]

    def __str__(self) -> str:
        return self.email


class OutboxQuerySet(models.QuerySet["OutboxMessage"]):
    def kept(self) -> OutboxQuerySet:
        """What still has to be done, or to be decided by its writer."""
        return self.exclude(state=OutboxMessage.State.DONE)

    def due(self, now: datetime) -> OutboxQuerySet:
        """What a sender may take now. A message from the future was queued before the clock was set back; one that is
        planned waits for its time by whatever clock."""
        waiting = self.filter(state__in=OutboxMessage.WAITS)
        return waiting.filter(Q(due__lte=now) | Q(created__gt=now + timedelta(minutes=1), planned=None))

    def abandoned(self, now: datetime) -> OutboxQuerySet:
        """What somebody began and did not end: their lease ran out."""
        return self.filter(state__in=OutboxMessage.AT_WORK, lease_until__lte=now)


class OutboxMessage(models.Model):
    """A message on its way out, or what became of it. Its octets lie encrypted in a file, what else is private in
    ``sealed``; both open only under the delegation (``apps.mail.services.outbox``)."""

    class State(models.TextChoices):
        WAITING = "waiting"  # until ``due``: to be taken back, or to be tried again
        SENDING = "sending"  # on the wire; nobody has it yet
        HANDING = "handing"  # the closing dot may be out: from here on only the server knows
        UNKNOWN = "unknown"  # nobody knows whether the server has taken it: never sent again by itself
        COPYING = "copying"  # taken; the copy for Sent is being stored
        SENT = "sent"  # taken; the copy is still to be stored at ``due``
        FAILED = "failed"  # not taken; waits for its writer
        DONE = "done"  # nothing is left of it but its id, so that the same form finds it

    WAITS = (State.WAITING, State.SENT)
    AT_WORK = (State.SENDING, State.HANDING, State.COPYING)
    ENDS = (State.DONE, State.FAILED, State.UNKNOWN)
    TAKEN = (State.COPYING, State.SENT, State.DONE)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    delegation = models.ForeignKey("portal.Delegation", models.SET_NULL, null=True, related_name="+")
    writing_id = models.CharField(max_length=64)  # of the form: the same for every try to send it
    content = models.CharField(max_length=80, blank=True)  # keyed digest: tells it from what is written later
    file = models.CharField(max_length=32, blank=True)  # "" when the octets are gone
    sealed = models.BinaryField(default=b"")  # ``services.letters.Letter``
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    due = models.DateTimeField()
    planned = models.DateTimeField(null=True)  # for when its writer has said that it is to be sent later
    created = models.DateTimeField(default=timezone.now)
    other_account = models.PositiveIntegerField(
        default=0
    )  # the number of the account it goes out from; 0: the main one
    recipients = models.PositiveIntegerField(default=0)  # how many addresses, for ``services.quotas``
    finished = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=0)  # fencing: only who holds the last one may change the row
    tries = models.PositiveIntegerField(default=0)  # that have failed since it was last given leave to wait
    server_away = models.BooleanField(default=False)  # it did not answer: who waits for it goes on as soon as it does
    lease_until = models.DateTimeField(null=True)
    told = models.BooleanField(default=False)  # its writer has been told how it ended

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("message in the outbox")
        verbose_name_plural = _("messages in the outbox")
        constraints = [models.UniqueConstraint(fields=["user", "writing_id"], name="mail_outbox_once")]
        indexes = [models.Index(fields=["state", "due"], name="mail_outbox_due")]

    def __str__(self) -> str:
        return f"{self.pk} {self.state}"

    @property
    def since(self) -> datetime:
        """From when on it waits for a server, rather than for its time."""
        return self.planned or self.created

    @property
    def keeps_its_time(self) -> bool:
        """Whether it waits for the time that its writer has chosen, and for nothing else."""
        return self.state == self.State.WAITING and self.planned == self.due
