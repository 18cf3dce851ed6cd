"""What the installed apps have registered into the frame: one immutable value, built once at start-up."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, include, path
from django.utils.module_loading import module_has_submodule

from portal.contracts import (
    AddressBook,
    CardSource,
    CardTaker,
    Composer,
    FileTaker,
    Finding,
    Gate,
    OwnCards,
    Place,
    PrefStore,
    ProgramPasswords,
    Provider,
    SearchHit,
    SearchProvider,
    Shortcut,
    SpellChecker,
    Text,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from portal.prefs import Pref, PrefPage

T = TypeVar("T")
#: First parts of the addresses that are not an app's: the core's own, the Django admin's, the static files'.
RESERVED = frozenset(
    {
        "admin",
        "badge",
        "complete",
        "healthz",
        "help",
        "home",
        "language",
        "palette",
        "person",
        "preferences",
        "readyz",
        "search",
        "selftest",
        "sessions",
        "sign-in",
        "sign-out",
        "static",
        "theme",
        "your-data",
    }
)


def signed_in(request: HttpRequest) -> bool:
    return request.user.is_authenticated


@dataclass(frozen=True, kw_only=True, slots=True)
class NavItem:
    """An entry of the rail. ``visible`` runs on every page: it must not touch database or network."""

    id: str
    label: Text
    url_name: str  # reversed when rendered, never stored
    icon: str = "blocks"  # name of a symbol in the icon sprite
    order: int = 100
    key: str = ""  # keystrokes that open it: "g h"
    at_foot: bool = False  # below the gap: preferences, admin
    visible: Callable[[HttpRequest], bool] = signed_in
    badge: Callable[[HttpRequest], str] | None = None  # fetched after the page, like a block
    children: tuple[NavItem, ...] = ()  # never drawn: their pages mark this entry as the present one


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A part of the home page, rendered by a request of its own: a slow or failing one holds nobody up."""

    id: str
    title: Text
    template: str
    context: Callable[[HttpRequest], Mapping[str, object]]
    icon: str = "blocks"
    default: bool = False  # on the home page of those who never customised theirs
    order: int = 100
    width: int = 1  # of three columns, until the user says otherwise
    refresh_seconds: int = 0
    visible: Callable[[HttpRequest], bool] = signed_in


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """A check of the self-test. It may touch the network, unlike a Django system check, which may not."""

    id: str
    label: Text
    run: Callable[[], Iterable[Finding]]
    order: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class HelpTopic:
    id: str
    title: Text
    template: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WellKnown:
    """``/.well-known/<name>`` (RFC 8615) leads to a view of the app: programs that know only the host ask there."""

    name: str
    url_name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonPart:
    """What an app knows of a person: a part of the page of that person, rendered by a request of its own."""

    id: str
    title: Text
    template: str
    context: Callable[[HttpRequest, Sequence[str]], Mapping[str, object]]
    """Given the person's addresses in lower case. Empty where the app knows nothing: the part is left out then."""
    order: int = 100
    icon: str = "user"
    lately: Callable[[HttpRequest, Sequence[str]], Sequence[SearchHit]] | None = None
    """The newest of it in a few lines, beside the person's card in a book. What has no address leads to the part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DelegationKind:
    """Work that goes on without the browser, as its owner sees it under Sessions."""

    id: str
    label: Text  # what is done: "Message waiting to be sent"
    revoke: Callable[[HttpRequest, str], None]
    """Call the task off. Given the task's name; raises ``portal.delegations.CannotRevoke``."""
    url_name: str = ""  # where the app shows it


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many seals of a kind are new, still need the former key, and open under no key."""

    done: int = 0
    waiting: int = 0
    lost: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """Something that an app keeps sealed under the server's key (``portal.sealing``, ``portal.delegations``)."""

    label: str
    reseal: Callable[[], Resealed]
    """Seal it anew under the present key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """The rows of one table that are somebody's: a JSON file of their export, and gone with their data.

    Every model is in a ``Table`` of some app, or in the list of those that know no person
    (``tests/portal/test_your_data.py``).
    """

    model: str  # its label: "mail.identity"
    owner: str = (
        "user"  # the way from a row to its person, as in a filter: "contact__owner"; "pk" for the account itself
    )
    secret: tuple[str, ...] = ()  # columns that stand in no export, besides all binary ones
    derived: bool = False  # made from other rows, and no row refers to it: in no export
    clear: tuple[str, ...] = ()  # the row is not theirs alone: it stays, and loses what is in these columns
    keep: bool = False  # it stays as it is: ``Holding.stays`` says why, and how long
    with_account: bool = False  # goes when the account itself goes, and not before


@dataclass(frozen=True, slots=True)
class ExportFile:
    name: str  # in the folder of its app: "books/Friends.vcf"
    type: str  # media type
    chunks: Iterable[bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """Something that an app keeps of a person: shown to them as a number, exported whole and removed whole
    (``portal.your_data``)."""

    id: str
    label: Text
    tables: tuple[Table, ...] = ()
    """In the order in which rows go: those that refer to others first. The last one is what is counted."""
    files: Callable[[AbstractBaseUser, bool], Iterable[ExportFile]] | None = None
    """What is better read as files of another kind, or lies in none of the tables. The second argument says whether the
    person is here: what is sealed for them alone opens for nobody else."""
    before: Callable[[AbstractBaseUser], None] | None = None
    """Called in the transaction before any row goes. Files on the disk go at its end (``transaction.on_commit``)."""
    goes: Text = ""  # what it means that this is gone, where the label does not tell
    stays: Text = ""  # what is not touched or has to stay, why, and how long
    order: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class PortalApp:
    """All the ways an app can plug into the portal. It is to the frame what ``admin.py`` is to the Django admin."""

    id: str  # unique slug; also the URL prefix /<id>/ and the URL namespace
    title: Text
    urls: str = ""  # dotted module: "apps.mail.urls"
    content_urls: str = ""  # the same for CONTENT_HOST: views that get neither session nor user (portal.content_host)
    nav: tuple[NavItem, ...] = ()
    blocks: tuple[Block, ...] = ()
    pref_pages: tuple[PrefPage, ...] = ()
    help_topics: tuple[HelpTopic, ...] = ()
    well_known: tuple[WellKnown, ...] = ()
    address_books: tuple[AddressBook, ...] = ()
    card_sources: tuple[CardSource, ...] = ()
    card_taker: CardTaker | None = None
    own_cards: OwnCards | None = None
    person_parts: tuple[PersonPart, ...] = ()
    search_providers: tuple[SearchProvider, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    places: Callable[[HttpRequest], Iterable[Place]] | None = None  # may ask servers: it has a second
    spell_checkers: tuple[SpellChecker, ...] = ()
    file_takers: tuple[FileTaker, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    composer: Composer | None = None
    gate: Gate | None = None
    provider: Provider | None = None
    program_passwords: ProgramPasswords | None = None
    pref_store: PrefStore | None = None
    delegations: tuple[DelegationKind, ...] = ()
    sealed: tuple[Sealed, ...] = ()
    holdings: tuple[Holding, ...] = ()
    folders: tuple[str, ...] = ()  # of DATA_DIR, whose files belong into a backup as rows do: "pop"
    transient: tuple[str, ...] = ()  # labels of models ("mail.outboxmessage") that are in no backup
    stylesheets: tuple[str, ...] = ()  # static paths, loaded on every page of the frame
    scripts: tuple[str, ...] = ()  # static paths of ES modules, loaded on every page of the frame


class Registry:
    """The immutable sum of all ``PORTAL_APP`` constants.

    Raises ``ImproperlyConfigured`` naming both owners when two apps claim the same id, preference key or sole role.
    """

    def __init__(self, apps: Iterable[PortalApp]) -> None:
        self.apps: tuple[PortalApp, ...] = tuple(apps)
        for app in self.apps:
            _check_id(app.id)
        self._by_id = _unique("app id", ((app.id, app.title, app) for app in self.apps))
        self.nav = tuple(sorted((n for app in self.apps for n in app.nav), key=lambda item: item.order))
        self.blocks = _unique("block id", ((b.id, a.id, b) for a in self.apps for b in a.blocks))
        self.diagnostics = _unique("diagnostic id", ((d.id, a.id, d) for a in self.apps for d in a.diagnostics))
        self.help_topics = _unique("help topic id", ((h.id, a.id, h) for a in self.apps for h in a.help_topics))
        self.well_known = _unique("well-known address", ((w.name, a.id, w) for a in self.apps for w in a.well_known))
        self.pref_pages = _unique("preference page id", ((p.id, a.id, p) for a in self.apps for p in a.pref_pages))
        self.prefs: Mapping[str, Pref[Any]] = _unique(
            "preference key",
            ((pref.key, a.id, pref) for a in self.apps for page in a.pref_pages for pref in page.prefs),
        )
        self.address_books = _unique("address book id", ((b.id, a.id, b) for a in self.apps for b in a.address_books))
        self.card_sources = _unique("card source id", ((s.id, a.id, s) for a in self.apps for s in a.card_sources))
        self.card_taker = _sole("taker of cards", ((a.id, a.card_taker) for a in self.apps))
        self.own_cards = _sole("keeper of people's own cards", ((a.id, a.own_cards) for a in self.apps))
        self.person_parts = _unique("person part id", ((p.id, a.id, p) for a in self.apps for p in a.person_parts))
        self.search_providers = _unique(
            "search provider id", ((s.id, a.id, s) for a in self.apps for s in a.search_providers)
        )
        self.spell_checkers = _unique(
            "spell checker id", ((s.id, a.id, s) for a in self.apps for s in a.spell_checkers)
        )
        self.file_takers = _unique("file taker id", ((t.id, a.id, t) for a in self.apps for t in a.file_takers))
        self.delegations = _unique("delegation kind", ((d.id, a.id, d) for a in self.apps for d in a.delegations))
        self.holdings = _unique("holding id", ((h.id, a.id, h) for a in self.apps for h in a.holdings))
        self.composer = _sole("composer", ((a.id, a.composer) for a in self.apps))
        self.gate = _sole("gate before the sign-in", ((a.id, a.gate) for a in self.apps))
        self.provider = _sole("provider of sign-ins", ((a.id, a.provider) for a in self.apps))
        self.program_passwords = _sole(
            "keeper of passwords for programs", ((a.id, a.program_passwords) for a in self.apps)
        )
        self.pref_store = _sole("preference store", ((a.id, a.pref_store) for a in self.apps))
        _unique("navigation id", ((n.id, a.id, n) for a in self.apps for n in a.nav))
        for app in self.apps:
            for page in app.pref_pages:
                for pref in page.prefs:
                    if pref.key.partition(".")[0] != app.id:
                        raise ImproperlyConfigured(
                            f"The preference {pref.key!r} of the app {app.id!r} must begin with {app.id!r} and a dot."
                        )

    def get(self, app_id: str) -> PortalApp | None:
        return self._by_id.get(app_id)

    def urlpatterns(self) -> list[URLResolver | URLPattern]:
        """One ``/<id>/`` for each app with URLs; the namespace is the app's id."""
        return [path(f"{app.id}/", include((app.urls, app.id))) for app in self.apps if app.urls]

    def well_known_urlpatterns(self) -> list[URLResolver | URLPattern]:
        from portal.views.frame import well_known

        return [
            path(f".well-known/{each.name}", well_known, {"url_name": each.url_name}, name=f"well_known_{each.name}")
            for each in self.well_known.values()
        ]

    def content_urlpatterns(self) -> list[URLResolver | URLPattern]:
        """The same for CONTENT_HOST."""
        return [path(f"{app.id}/", include((app.content_urls, app.id))) for app in self.apps if app.content_urls]


def _check_id(app_id: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", app_id):
        raise ImproperlyConfigured(
            f"The app id {app_id!r} is no slug: it is a part of addresses, in lower-case letters, digits, _ and -."
        )
    if app_id in RESERVED:
        raise ImproperlyConfigured(f"The app id {app_id!r} is taken: /{app_id}/ is an address of the portal itself.")


def _unique(what: str, items: Iterable[tuple[str, object, T]]) -> Mapping[str, T]:
    owners: dict[str, object] = {}
    values: dict[str, T] = {}
    for key, owner, value in items:
        if key in values:
            raise ImproperlyConfigured(f"The {what} {key!r} is claimed by both {owners[key]!s} and {owner!s}.")
        owners[key], values[key] = owner, value
    return MappingProxyType(values)


def _sole(what: str, items: Iterable[tuple[str, T | None]]) -> T | None:
    claims = [(owner, value) for owner, value in items if value is not None]
    if len(claims) > 1:
        raise ImproperlyConfigured(f"There can be one {what}, but {claims[0][0]} and {claims[1][0]} both bring one.")
    return claims[0][1] if claims else None


def discover() -> Registry:
    """Collect ``PORTAL_APP`` from every installed app that has a ``portal.py``.

    An error inside such a module propagates: a broken app must never vanish quietly.
    """
    from django.apps import apps as django_apps

    found: list[PortalApp] = []
    for config in django_apps.get_app_configs():
        if config.name == "portal" or not module_has_submodule(config.module, "portal"):
            continue
        module = importlib.import_module(f"{config.name}.portal")
        app = getattr(module, "PORTAL_APP", None)
        if not isinstance(app, PortalApp):
            raise ImproperlyConfigured(f"{config.name}/portal.py must define PORTAL_APP = PortalApp(...).")
        found.append(app)
    return Registry([*_core_app(), *found])


def _core_app() -> list[PortalApp]:
    """The core's own navigation, blocks, preferences and checks, registered the way any app's are."""
    from portal.core_app import PORTAL_APP

    return [PORTAL_APP]


@cache
def _registry() -> Registry:
    return discover()


_override: list[Registry] = []  # filled by portal.testing.override_registry only


def get_registry() -> Registry:
    return _override[-1] if _override else _registry()
