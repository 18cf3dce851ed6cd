"""The words apps share: frozen value objects and Protocols. Imports the standard library only.

An app never imports another app. What one app offers to the others, it offers through one of these Protocols, and
names the object that fulfils it in its ``portal.py``.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse, HttpResponseBase
    from django.utils.functional import _StrPromise

    from apps.auth.models import User
    from portal.secret import Bearer, Tokens

    Text: TypeAlias = str | _StrPromise
else:
    Text = object

#: What ``json.dumps`` takes.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of RFC 5322 section 3.4: ``name <email>``. Both are decoded text, for people."""

    email: str
    name: str = ""

    @property
    def label(self) -> str:
        """The name where there is one, else the address."""
        return self.name or self.email


#: Members of a group that are counted while somebody writes. One more is said of a larger one.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Contact:
    """A person that an address book knows, or a group of people."""

    address: Address  # of a group: its name, and its own address where it has one
    url: str = ""  # the person's own page, "" where there is none
    source: str = ""  # translated name of the book, shown at the end of a completion line
    rank: float = 0.0  # how much they are written to: messages, of which those of three months ago count half
    group: str = ""  # what its book calls this group; "" for a person
    members: int = 0  # people in the group, at most ``MOST_COUNTED`` + 1


@dataclass(frozen=True, slots=True)
class SearchHit:
    title: str
    url: str
    snippet: str = ""
    when: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortcut:
    """Keys that do something on an app's pages: declared, so that they can be shown and changed (``portal.shortcuts``).
    A template names them by ``data-key``, a script by ``register``."""

    key: str  # as ``keys.js`` writes it: "e", "Shift+I", "g i"
    label: Text
    roundcube: str = ""  # where people who come from there look for it, if elsewhere


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go to: a folder, an address book."""

    label: str
    url: str
    icon: str = "blocks"


@dataclass(frozen=True, slots=True)
class Misspelling:
    offset: int  # in characters from the start of the text
    word: str
    language: str  # of its paragraph


@dataclass(frozen=True, slots=True)
class WritingPart:
    """A part of somebody else's page on which a text is written. Its template stands within the form."""

    template: str
    context: Mapping[str, object]  # what it gets, as ``part``
    stylesheets: tuple[str, ...] = ()  # static paths
    scripts: tuple[str, ...] = ()  # static paths of ES modules


class Level(enum.StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one self-test check has found."""

    level: Level
    message: Text  # what is the case: "Expires in 9 days"
    cure: Text = ""  # what to do about it
    command: str = ""  # a command line that does it, shown with a copy button


class BlockUnavailable(Exception):
    """A block of the home page cannot be shown just now. Its words say why, to the person: "The mail server isn't
    answering"."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason)
        self.reason = reason


class NotTaken(Exception):
    """A file cannot be taken over. Its words say why, to the person."""


class FileTaker(Protocol):
    """Has a use for files of a kind, wherever they come from: whoever shows such a file offers to hand it over."""

    @property
    def id(self) -> str: ...

    @property
    def label(self) -> Text:
        """What is done with it, as on a button: "Add to contacts"."""
        ...

    @property
    def icon(self) -> str: ...

    @property
    def most(self) -> int:
        """Octets of a file; a larger one is not handed over."""
        ...

    def takes(self, type: str, name: str) -> bool:
        """Whether it has a use for files of this media type or name. Asked on pages: no database, no network."""
        ...

    def take(self, request: HttpRequest, name: str, content: bytes) -> str:
        """Keep the file for the person of ``request``; returns the address where it goes on. Raises ``NotTaken``."""
        ...


class AddressBook(Protocol):
    """Knows people by address. ``user`` is the one who asks: a book answers with what that user may see."""

    @property
    def id(self) -> str: ...

    @property
    def remote(self) -> bool:
        """Whether another server is asked: whoever writes gets its people in a second answer, and waits for none."""
        ...

    def complete(self, user: AbstractBaseUser, prefix: str, limit: int) -> Iterable[Contact]: ...

    def resolve(self, user: AbstractBaseUser, emails: Collection[str]) -> Mapping[str, Contact]:
        """The people behind many addresses at once, keyed by the lower-case address; unknown ones are absent."""
        ...

    def add_url(self, address: Address) -> str:
        """Where this person can be added; "" for a book that cannot be written to."""
        ...

    def expand(self, user: AbstractBaseUser, group: str) -> Sequence[Address]:
        """Everybody of a group (``Contact.group``), and of the groups in it, each address once; who has none comes
        with an empty ``Address.email``. Raises ``LookupError`` for a group that is not there, or not for this user, and
        ``OSError`` where another server does not answer."""
        ...

    def names(self, user: AbstractBaseUser, words: Collection[str]) -> Collection[str]:
        """Those of ``words`` that are part of the name of somebody in the book, however they are written. Not asked of
        ``remote`` ones."""
        ...


class CardSource(Protocol):
    """Keeps cards of people; an address book can take copies of them and keep those fresh."""

    @property
    def id(self) -> str: ...

    @property
    def label(self) -> Text:
        """What a copy says of where it comes from: "Staff directory"."""
        ...

    def cards(
        self, user: AbstractBaseUser, keys: Collection[str], request: HttpRequest | None = None
    ) -> Mapping[str, str]:
        """vCards 4.0 (RFC 6350) by the keys of the source, of those that are there for this user. ``request`` is theirs
        while they are here. Raises ``OSError`` where another server does not answer, or where only the user could ask
        it, and is not here."""
        ...


class CardTaker(Protocol):
    """Takes copies of the cards of a ``CardSource``."""

    def take_url(self) -> str:
        """Where ``source`` and ``key`` are posted to."""
        ...

    def taken(self, user: AbstractBaseUser, source: str, keys: Collection[str]) -> Mapping[str, str]:
        """The pages of the copies that this user has already, by the keys of the source."""
        ...


class OwnCards(Protocol):
    """Knows which card is that of the person themselves."""

    def own_card(self, user: AbstractBaseUser) -> tuple[str, str] | None:
        """Their name and their card as they hand it out: a vCard 3.0 (RFC 2426), which every program reads, without
        what concerns nobody else. None where they have not said which card is theirs."""
        ...


class SearchProvider(Protocol):
    """Finds things for the person of ``request``: who needs the sealed password of the session has it there."""

    @property
    def id(self) -> str: ...

    @property
    def label(self) -> Text: ...

    def search(self, request: HttpRequest, query: str, limit: int) -> Iterable[SearchHit]: ...


class SpellChecker(Protocol):
    """Reads what people write. The page on which they do belongs to another app, which knows none of this.

    Such a page has one ``<form data-writing>`` with the text in a ``<textarea name="text">``; rich text, where there is
    some, is in an ``<iframe data-frame>`` of the same origin, in its element ``[data-editor]``. The parts of a checker
    stand within the form, and what they send goes along with it.
    """

    @property
    def id(self) -> str: ...

    def check(self, request: HttpRequest, text: str) -> Sequence[Misspelling]:
        """The wrong words of a text, in its order, by the languages and dictionaries of the person of ``request``, and
        by what the form says that was sent (its language, what is ignored). Quotes and signatures are left alone."""
        ...

    def asks_before_sending(self, request: HttpRequest) -> bool:
        """Whether the person wants to hear of wrong words before a message goes."""
        ...

    def beside(self, request: HttpRequest) -> WritingPart | None:
        """What stands beside the text; None where nothing can be checked."""
        ...

    def review(self, request: HttpRequest, text: str) -> WritingPart | None:
        """For a page without scripts: the wrong words, each with what may have been meant; None where all is right."""
        ...

    def corrected(self, request: HttpRequest, text: str) -> str:
        """The text with the choices of that ``review`` which ``request`` brings."""
        ...


class Composer(Protocol):
    """Writes mail: other apps link to it instead of to ``mailto:``."""

    def can_write(self, user: AbstractBaseUser) -> bool:
        """True when this person has an address to write from. Asked on pages: no database, no network."""
        ...

    def compose_url(self, to: Sequence[Address]) -> str: ...


class Gate(Protocol):
    """The first level of signing in: what people prove before a password is asked for, and before any server is.

    ``request`` is a stranger's until ``arrive``.
    """

    def stop(self, request: HttpRequest, target: str) -> HttpResponse | None:
        """The page that stands before the sign-in; None where nothing is asked, or all of it has been passed.
        ``target`` is where the person wants to go."""
        ...

    def opens(self, request: HttpRequest, login: str) -> bool:
        """Whether a password of this name may be tried at once, without a page in between."""
        ...

    def login(self, request: HttpRequest) -> str:
        """Whose sign-in may follow; "" for anybody's."""
        ...

    def admits(self, request: HttpRequest, user: AbstractBaseUser) -> bool:
        """Whether the person whom the password has told is one who has passed."""
        ...

    def leave(self, request: HttpRequest) -> object:
        """What has to be known of the way in, before the session changes."""
        ...

    def arrive(self, request: HttpRequest, user: AbstractBaseUser, kept: object) -> None:
        """The session of ``user`` has begun; ``kept`` is what ``leave`` gave."""
        ...

    def guard(self, request: HttpRequest) -> HttpResponse | None:
        """Called for each page of somebody who is signed in: what has to be done first, or None."""
        ...

    def ask_again(self, request: HttpRequest, back: str) -> HttpResponse | None:
        """For what wants a fresh proof: None where one was given a moment ago, else the way there. It leads back to the
        address ``back`` by GET."""
        ...

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Called with each answer: what has to go along to the browser."""
        ...


class Provider(Protocol):
    """Signs people in at somebody else's server (OpenID Connect), and keeps the tokens that it gives."""

    @property
    def label(self) -> Text:
        """On its button: "Sign in with Example"."""
        ...

    def start_url(self, target: str, *, beside: bool = False) -> str:
        """Where the way there begins; it ends at ``target``. ``beside``: in a tab of its own, while a page waits."""
        ...

    def signs_in(self, user: AbstractBaseUser) -> bool:
        """Whether this account comes from there."""
        ...

    def bearer(self, tokens: Tokens, *, refused: str = "") -> Bearer:
        """See ``portal.credentials.shown``."""
        ...

    def leave(self, request: HttpRequest) -> None:
        """Before this session ends: the tokens are good for nothing afterwards, but for what still waits for them."""
        ...

    def leave_url(self) -> str:
        """Where people can sign out there as well; "" where they cannot."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """A program (a phone, an address book elsewhere) that has shown a password of its own."""

    user: User  # whose it is
    name: str  # as its owner calls it: "Phone"


class ProgramPasswords(Protocol):
    """Passwords for programs that cannot be asked for a proof: one for each, made and revoked by their owner."""

    @property
    def url_name(self) -> str:
        """The page on which they are made."""
        ...

    def check(self, login: str, password: str) -> Program | None:
        """Whose it is. A password of people never serves here."""
        ...


class PrefStore(Protocol):
    """Keeps users' preference values. One value per key: two tabs never overwrite each other's changes."""

    def load(self, user: AbstractBaseUser) -> Mapping[str, Json]: ...

    def save(self, user: AbstractBaseUser, changes: Mapping[str, Json]) -> None: ...

    def reset(self, user: AbstractBaseUser, keys: Collection[str]) -> None: ...

    def overrides(self, user: AbstractBaseUser | None) -> Mapping[str, Override]:
        """Site defaults and locks that hold for this user (everybody, a group, a domain; the nearest wins)."""
        ...


@dataclass(frozen=True, slots=True)
class Override:
    """A value the site has set for a preference."""

    value: Json
    locked: bool = False
    reason: str = ""  # shown beside a locked field
