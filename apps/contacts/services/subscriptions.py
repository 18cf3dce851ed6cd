"""Subscribed address books: found, chosen, refreshed, given up. They are copies and read only here: what is changed
there comes with the next refresh (docs/decisions/0013-subscribed-books.md)."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from apps.contacts.foreign import finding
from apps.contacts.foreign.client import Client
from apps.contacts.models import Book, Subscription
from apps.contacts.services import books
from apps.contacts.services.keeping import Doing, NotKept
from portal import delegations, outward, sealing
from portal.models import Delegation
from portal.outward import Trouble
from portal.throttle import Throttle

if TYPE_CHECKING:
    from apps.auth.models import User

KIND = "contacts.subscription"  # of its delegation
YEAR = timedelta(days=365)  # a password is kept so long after its owner was here last
BOX_HOURS = 1  # to choose a book in
FIND_SECONDS = 25.0
STALE = timedelta(minutes=10)  # a refresh that has not got on for so long has died
WAITS = timedelta(hours=6)  # one that no worker has taken is forgotten
_slots = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))

#: What can be wrong, in words. ``about``: the server's own, or the host it names.
TROUBLE = {
    "address": gettext_lazy("This is no address of an address book. It looks like https://dav.example.org/."),
    "plain": gettext_lazy("The address begins with http: your password would travel unprotected. Try https."),
    "port": gettext_lazy("This site asks no servers at that port. Leave the port out, or ask the administrators."),
    "name": gettext_lazy("No server with this name can be reached from here. Check how it is spelled."),
    "refused": gettext_lazy("The server does not accept connections. It may be down, or the address is not right."),
    "slow": gettext_lazy("The server takes too long to answer. It may be overloaded: try again later."),
    "certificate": gettext_lazy("The server cannot prove who it is: its certificate is wrong (%(about)s)."),
    "password": gettext_lazy("The server does not accept this name and password."),
    "way": gettext_lazy("The server asks for a way of signing in that this portal does not know."),
    "forbidden": gettext_lazy("The server knows you, but does not let you read this address book."),
    "gone": gettext_lazy("There is no such address book on the server."),
    "notbook": gettext_lazy("What is at this address is no address book."),
    "nobooks": gettext_lazy("The server is there, but has no address book for you."),
    "broken": gettext_lazy("What answers there is no server of address books."),
    "nonsense": gettext_lazy("The server's answer cannot be understood."),
    "failed": gettext_lazy("The server reports a fault of its own. Try again later."),
    "busy": gettext_lazy("The server is too busy just now. Try again later."),
    "large": gettext_lazy("The server sends more than can be taken over: at most %(most)d contacts."),
    "loop": gettext_lazy("The server sends on from one address to the next without end."),
    "elsewhere": gettext_lazy(
        "The server sends on to %(about)s. Your password goes to nobody you did not name: if you trust that server,"
        " give its address instead."
    ),
    "revoked": gettext_lazy("The password for this address book is not kept any more. Enter it again."),
    "ours": gettext_lazy("Something went wrong in the portal. The administrators find the reason in the log."),
}
MOST = 50_000  # contacts of a book


def words(what: str, about: str = "") -> str:
    return str(TROUBLE.get(what, TROUBLE["ours"])) % {"about": about or "–", "most": MOST}


@dataclass(frozen=True, slots=True)
class Account:
    """Where somebody has books, and how to get in."""

    address: str  # as it was typed
    login: str
    password: str = field(repr=False)

    @sensitive_variables()
    def sealed(self, user_id: int) -> str:
        """For the form between finding and choosing. It opens for this person only, and for an hour."""
        content = json.dumps([self.address, self.login, self.password, time.time()]).encode()
        return base64.b64encode(sealing.seal(content, purpose=KIND, bound=str(user_id))).decode()

    @classmethod
    @sensitive_variables()
    def opened(cls, box: str, user_id: int) -> Account:
        """Raises ``NotKept`` for a box that is too old, or somebody else's."""
        try:
            content = sealing.unseal(base64.b64decode(box, validate=True), purpose=KIND, bound=str(user_id))
        except (binascii.Error, ValueError, sealing.Broken):
            raise NotKept(_("This form is too old. Enter the address again.")) from None
        address, login, password, made = json.loads(content)
        if time.time() - made > BOX_HOURS * 3600:
            raise NotKept(_("This form is too old. Enter the address again."))
        return cls(address, login, password)

    def client(self, *, until: float) -> Client:
        """Raises ``Trouble``."""
        return Client(self.login, self.password, finding.trusted(finding.start(self.address)), until)


@sensitive_variables("account")
def find(account: Account, user_id: int) -> list[finding.Found]:
    """The books there. Raises ``NotKept`` with what is wrong, in words."""
    if not (account.address.strip() and account.login and account.password):
        raise NotKept(_("Fill in all three fields."))
    try:
        host = finding.trusted(finding.start(account.address))
    except Trouble as trouble:
        raise NotKept(words(trouble.what)) from trouble
    tries = Throttle(what=f"contacts {host}", who=f"person {user_id}")
    if wait := tries.enter():
        raise NotKept(_("That was wrong several times. Wait %(seconds)d seconds.") % {"seconds": wait})
    if not _slots.acquire(timeout=1.0):
        tries.withdraw()
        raise NotKept(_("Too many people are looking for address books just now. Try again in a minute."))
    try:
        found = finding.books(account.client(until=time.monotonic() + FIND_SECONDS), account.address)
    except Trouble as trouble:
        if trouble.what != "password":
            tries.withdraw()
        raise NotKept(words(trouble.what, trouble.about)) from trouble
    finally:
        _slots.release()
    tries.passed()
    return found


@transaction.atomic
@sensitive_variables("account")
def subscribe(user: User, account: Account, url: str, name: str) -> Subscription:
    """A book of this name, which a refresh will fill. Raises ``NotKept``."""
    try:
        client = account.client(until=0)
        host = outward.parsed(url).hostname or ""
    except Trouble as trouble:
        raise NotKept(words(trouble.what)) from trouble
    if not client.trusts(host) or len(url) > 1000:
        raise NotKept(words("elsewhere", host))
    if (known := of_user(user.pk).filter(url=url).first()) is not None:
        raise NotKept(_("You have this address book already: “%(name)s”.") % {"name": known.book.name})
    book = books.make(user.pk, _unused(user.pk, name or host))
    made = Subscription.objects.create(book=book, url=url, login=account.login[:190], trusted=client.trusted)
    _delegate(made, account.password)
    return made


def _unused(user_id: int, name: str) -> str:
    """Two servers call their books alike."""
    taken = set(Book.objects.filter(owner_id=user_id).values_list("key", flat=True))
    names = [name[:90], *(f"{name[:90]} {number}" for number in range(2, 200))]
    return next((each for each in names if Book.key_of(each) not in taken), name)


def _delegate(subscription: Subscription, password: str) -> None:
    row, _opened = delegations.grant(
        user_id=subscription.book.owner_id,
        kind=KIND,
        task=subscription.task,
        account=f"{subscription.login} · {subscription.trusted}"[:320],
        secret=password,
        lifetime=YEAR,
    )
    row.save(force_insert=True)


@transaction.atomic
@sensitive_variables("password")
def set_password(subscription: Subscription, password: str) -> None:
    """Another one, or the first after it was revoked."""
    if not password:
        raise NotKept(_("Enter the password."))
    Delegation.objects.filter(kind=KIND, task=subscription.task).delete()
    _delegate(subscription, password)
    Subscription.objects.filter(pk=subscription.pk).update(trouble="", about="")


def client_of(subscription: Subscription, *, until: float) -> Client:
    """Raises ``portal.delegations.Over``. Whoever is still about keeps their password here for another year."""
    row = Delegation.objects.filter(kind=KIND, task=subscription.task).first()
    opened = delegations.unseal(row)
    assert row is not None and isinstance(opened.secret, str)
    last = subscription.book.owner.last_login
    if last is not None and row.expires < last + YEAR - timedelta(days=1):
        delegations.extend(row, until=last + YEAR)
    return Client(subscription.login, opened.secret, subscription.trusted, until)


def revoke(request: HttpRequest, task: str) -> None:
    """For the page of delegations: the copy stays, and is refreshed no more."""
    Subscription.objects.filter(task=task, book__owner=request.user.pk).update(trouble="revoked", about="")


def of_user(user_id: int) -> QuerySet[Subscription]:
    return Subscription.objects.filter(book__owner_id=user_id).select_related("book", "book__owner")


def under_way(subscription: Subscription, *, now: datetime | None = None) -> bool:
    now = now or timezone.now()
    waits = subscription.asked is not None and subscription.asked > now - WAITS
    return waits or (subscription.busy is not None and subscription.busy > now - STALE)


def ask_refresh(subscription: Subscription) -> None:
    """As a task: it goes on when its owner leaves."""
    from apps.contacts import tasks

    if not under_way(subscription):
        Subscription.objects.filter(pk=subscription.pk).update(asked=timezone.now(), total=0, done=0)
        transaction.on_commit(lambda: tasks.refresh_books.delay())


@transaction.atomic
def unsubscribe(subscription: Subscription, *, keep: bool, doing: Doing) -> None:
    """The book stays as one of one's own, or goes with its contacts to the trash. Raises ``NotKept``."""
    book = subscription.book
    Delegation.objects.filter(kind=KIND, task=subscription.task).delete()
    subscription.delete()
    if not keep:
        books.remove(book, doing)
