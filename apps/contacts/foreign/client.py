"""Questions to a CardDAV server (RFC 6352), each with a bound of time and size. Nothing is ever written there."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.sax.saxutils import escape

from apps.contacts.foreign.multistatus import CARD, SERVER, Multistatus, Nonsense, Response, read, tree
from portal import outward
from portal.outward import Answer, Trouble

REDIRECTS = 5
MOST_LIST = 48 * 1024 * 1024  # of a list of 50,000 cards
MOST_CARDS = 24 * 1024 * 1024  # of one answer with cards
MOST_PAGES = 1000  # of a list that comes in parts
_SHORT = {"DAV:": "D", CARD: "C", SERVER: "S"}


@dataclass(frozen=True, slots=True)
class Collection:
    """A book there, as far as it can be asked about changes."""

    url: str
    name: str
    ctag: str
    sync_token: str
    syncs: bool  # offers the report of RFC 6578


@dataclass(slots=True)
class Changes:
    etags: dict[str, str] = field(default_factory=dict)  # by path
    gone: set[str] = field(default_factory=set)
    token: str = ""


class TokenOver(Exception):
    """The server does not know any more what has changed since: it has to be asked for everything."""


@dataclass(slots=True)
class Client:
    """``trusted``: the domain that was typed. The password goes to its own hosts and to nobody else (RFC 6764 section
    8): a server that sends on to another one is told of."""

    login: str
    password: str = field(repr=False)
    trusted: str
    until: float = float("inf")  # by ``time.monotonic``

    def propfind(self, url: str, props: Sequence[str], *, depth: int, most: int = MOST_LIST) -> tuple[str, Multistatus]:
        """The properties, named ``DAV:href``, with the address that has answered in the end. Raises ``Trouble``."""
        wanted = "".join(f"<{_tag(name)}/>" for name in props)
        body = f"<D:propfind {_SPACES}><D:prop>{wanted}</D:prop></D:propfind>"
        answer = self._ask("PROPFIND", url, body, depth=depth, most=most)
        return answer.url, _multistatus(answer)

    def collection(self, url: str) -> Collection:
        """Raises ``Trouble``: ``notbook`` for what is none."""
        names = ("DAV:resourcetype", "DAV:displayname", "DAV:sync-token", f"{SERVER}:getctag")
        where, found = self.propfind(url, (*names, "DAV:supported-report-set"), depth=0, most=1024 * 1024)
        response = next(iter(found.responses), None)
        if response is None or not response.is_book:
            raise Trouble("notbook")
        reports = response.props.get("DAV:supported-report-set")
        offered = reports is not None and reports.has("DAV:supported-report", "DAV:report", "DAV:sync-collection")
        token = response.text("DAV:sync-token")
        ctag = response.text(f"{SERVER}:getctag")
        return Collection(where, response.text("DAV:displayname"), ctag, token, bool(offered and token))

    def listing(self, url: str) -> Changes:
        """Every card with its ETag (RFC 6352 section 8.6 for servers without the report)."""
        where, found = self.propfind(url, ("DAV:getetag", "DAV:resourcetype"), depth=1)
        changes = Changes()
        for path, response in _inside(where, found.responses):
            kind = response.props.get("DAV:resourcetype")
            if kind is None or not kind.has("DAV:collection"):
                changes.etags[path] = response.text("DAV:getetag")
        return changes

    def changes(self, url: str, token: str) -> Changes:
        """What is new, changed and gone since ``token``; everything with "" (RFC 6578 section 3.2). Raises
        ``TokenOver`` and ``Trouble``."""
        changes = Changes(token=token)
        for _page in range(MOST_PAGES):
            body = f"<D:sync-token>{escape(changes.token)}</D:sync-token><D:sync-level>1</D:sync-level>"
            body = f"<D:sync-collection {_SPACES}>{body}<D:prop><D:getetag/></D:prop></D:sync-collection>"
            answer = self._ask("REPORT", url, body, depth=0, most=MOST_LIST)
            if token and answer.status in {400, 403, 409, 412} and _says(answer, "DAV:valid-sync-token"):
                raise TokenOver
            found = _multistatus(answer)
            more = self._gather(answer.url, found.responses, changes)
            if not found.sync_token or (more and found.sync_token == changes.token):
                raise Trouble("nonsense")
            changes.token = found.sync_token
            if not more:
                return changes
        raise Trouble("large")

    @staticmethod
    def _gather(url: str, responses: list[Response], changes: Changes) -> bool:
        """Whether there is more: the collection itself with 507 (section 3.6)."""
        for path, response in _inside(url, responses):
            if response.status == 404:
                changes.gone.add(path)
                changes.etags.pop(path, None)
            elif response.status in {0, 200} and "DAV:getetag" in response.props:
                changes.etags[path] = response.text("DAV:getetag")
                changes.gone.discard(path)
        return any(response.status == 507 for response in responses)

    def cards(self, url: str, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
        """(ETag, vCard) by path, of those that are still there (RFC 6352 section 8.7)."""
        hrefs = "".join(f"<D:href>{escape(path)}</D:href>" for path in paths)
        props = "<D:prop><D:getetag/><C:address-data/></D:prop>"
        body = f"<C:addressbook-multiget {_SPACES}>{props}{hrefs}</C:addressbook-multiget>"
        answer = self._ask("REPORT", url, body, depth=1, most=MOST_CARDS)
        found = {}
        for path, response in _inside(answer.url, _multistatus(answer).responses):
            if text := response.text(f"{CARD}:address-data"):
                found[path] = (response.text("DAV:getetag"), text)
        return found

    def _ask(self, method: str, url: str, body: str, *, depth: int, most: int) -> Answer:
        """Follows redirects to hosts that are trusted. Raises ``Trouble`` for all that is no 207, but for the refusals
        that ``changes`` reads itself."""
        content = f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode()
        for _hop in range(REDIRECTS + 1):
            if not self.trusts(outward.parsed(url).hostname or ""):
                raise Trouble("elsewhere", outward.parsed(url).hostname or "")
            if time.monotonic() > self.until:
                raise Trouble("slow")
            headers = {"Depth": str(depth), "Content-Type": "application/xml; charset=utf-8"}
            headers |= {"User-Agent": "Yurt", "Authorization": self._authorization()}
            answer = outward.ask(method, url, headers=headers, body=content, most=most, until=self.until)
            if answer.status not in {301, 302, 303, 307, 308}:
                return answer
            url = urljoin(url, answer.headers.get("Location", ""))
        raise Trouble("loop")

    def trusts(self, host: str) -> bool:
        return host == self.trusted or host.endswith(f".{self.trusted}")

    def _authorization(self) -> str:
        """RFC 7617, in UTF-8."""
        return "Basic " + base64.b64encode(f"{self.login}:{self.password}".encode()).decode()


_PLAIN = "/:@!$&'()*+,;=~"  # stand for themselves in a path (RFC 3986 section 3.3)
_SPACES = " ".join(f'xmlns:{short}="{long}"' for long, short in _SHORT.items())


def _tag(name: str) -> str:
    space, _colon, local = name.rpartition(":")
    return f"{_SHORT['DAV:' if space == 'DAV' else space]}:{local}"


def _says(answer: Answer, word: str) -> bool:
    try:
        return tree(answer.body).has(word)
    except Nonsense:
        return False


def _multistatus(answer: Answer) -> Multistatus:
    if answer.status == 207:
        try:
            return read(answer.body)
        except Nonsense as error:
            raise Trouble("nonsense") from error
    raise Trouble(_word(answer))


def _word(answer: Answer) -> str:
    status = answer.status
    if status == 401:
        ways = " ".join(answer.headers.get_all("WWW-Authenticate") or ()).lower()
        return "password" if "basic" in ways or not ways else "way"
    words = {403: "forbidden", 404: "gone", 410: "gone", 429: "busy", 503: "busy", 507: "large"}
    if status in words:
        return words[status]
    return "failed" if status >= 500 and status != 501 else "notbook"


def _inside(url: str, responses: list[Response]) -> Iterator[tuple[str, Response]]:
    """What lies directly in the collection, by its path, spelled in one way: servers may write the same address in
    several. Nothing of another host, nor of another place."""
    base = urlsplit(url)
    folder = unquote(base.path).rstrip("/") + "/"
    for response in responses:
        full = urlsplit(urljoin(url, response.href))
        path = unquote(full.path)
        within = path.startswith(folder) and path != folder and "/" not in path[len(folder) :].rstrip("/")
        if full.netloc == base.netloc and within and len(full.path) < 1000:
            yield quote(path, safe=_PLAIN), response
