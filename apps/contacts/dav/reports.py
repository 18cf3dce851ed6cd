"""What programs ask a book for: some of it by name, some of it by filter, and what has changed.

All answers are streams: rows come from the database a few at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from apps.contacts.dav import addresses, cards, filters, xml
from apps.contacts.dav.errors import unmet
from apps.contacts.dav.properties import Target, response_of
from apps.contacts.dav.shelf import AT_ONCE, Entry, Shelf, entries, with_cards
from apps.contacts.dav.xml import CARD, DAV, element, propstat
from apps.contacts.models import Resource, name_key
from apps.contacts.services import tracking

DATA = f"{CARD}address-data"
PAGE = 1000  # rows without their cards
MOST_HREFS = 30_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which properties an answer has, and the card in which version."""

    names: Sequence[str]
    data: bool = False
    version: str = "3.0"  # RFC 6352 section 10.4: where nobody says more
    only: frozenset[str] = frozenset()
    brief: bool = False


def wanted(report: Element, *, brief: bool) -> Wanted:
    """Raises ``DavError``."""
    props = report.find(f"{DAV}prop")
    names = [str(each.tag) for each in props] if props is not None else [f"{DAV}getetag"]
    data = props.find(DATA) if props is not None else None
    if data is None:
        return Wanted(names, brief=brief)
    version, mime = data.get("version", "3.0"), data.get("content-type", "text/vcard")
    if version not in cards.VERSIONS or mime != "text/vcard":
        raise unmet(f"{CARD}supported-address-data-conversion", "There are cards of version 3.0 and 4.0.")
    only = {each.get("name", "").rpartition(".")[2].upper() for each in data.findall(f"{CARD}prop")}
    return Wanted([name for name in names if name != DATA], True, version, frozenset(only - {""}), brief)


def _of_row(shelf: Shelf, row: Resource, wanted: Wanted) -> str:
    target = Target(shelf.href(row), shelf.user, "resource", shelf, row)
    return response_of(target, wanted.names, brief=wanted.brief)


def _of_entry(shelf: Shelf, entry: Entry, wanted: Wanted) -> str:
    told = _of_row(shelf, entry.row, wanted)
    if not wanted.data:
        return told
    attributes = f' content-type="text/vcard" version="{wanted.version}"'
    data = element(DATA, xml.text(entry.text(wanted.version, wanted.only)), attributes)
    return told.replace("</D:response>", f"{propstat(200, [data])}</D:response>")


def _missing(path: str) -> str:
    return xml.response(path, xml.status(404))


def _whole(pieces: Iterable[str], more: Callable[[], str] = str) -> Iterator[str]:
    yield xml.multistatus_begins()
    yield from pieces
    yield xml.multistatus_ends(more())


# --- by name (RFC 6352 section 8.7) -----------------------------------------------------------------------------------


def multiget(shelf: Shelf, report: Element, *, brief: bool) -> Iterator[str]:
    """Raises ``DavError``."""
    asked = wanted(report, brief=brief)
    hrefs = list(dict.fromkeys((each.text or "").strip() for each in report.findall(f"{DAV}href")))
    if len(hrefs) > MOST_HREFS:
        raise unmet(f"{DAV}number-of-matches-within-limits", "Ask for fewer cards at once.")
    return _whole(_named(shelf, hrefs, asked))


def _named(shelf: Shelf, hrefs: Sequence[str], asked: Wanted) -> Iterator[str]:
    for start in range(0, len(hrefs), AT_ONCE):
        part = hrefs[start : start + AT_ONCE]
        keys = {href: name_key(addresses.resource_name(href, shelf.path)) for href in part}
        rows = shelf.rows().filter(key__in=set(keys.values())).select_related("contact__card", "contact__book", "group")
        found = {entry.row.key: entry for entry in with_cards(shelf, list(rows))}
        for href in part:
            entry = found.get(keys[href])
            yield _of_entry(shelf, entry, asked) if entry is not None else _missing(href)


# --- by filter (RFC 6352 section 8.6) ---------------------------------------------------------------------------------


def query(shelf: Shelf, report: Element, *, brief: bool) -> Iterator[str]:
    """Raises ``DavError``."""
    asked = wanted(report, brief=brief)
    try:
        wanted_ones = filters.parsed(report.find(f"{CARD}filter"))
    except filters.BadFilter as error:
        raise unmet(f"{CARD}{error.condition}") from error
    return _whole(_fitting(shelf, wanted_ones, asked, _limit(report, CARD)))


def _fitting(shelf: Shelf, wanted_ones: filters.Filter, asked: Wanted, most: int | None) -> Iterator[str]:
    told = 0
    for entry in entries(shelf, shelf.rows(), photos=asked.data):
        if not wanted_ones.fits(entry.card, entry.uid):
            continue
        if told == most:
            yield _too_many(shelf)
            return
        told += 1
        yield _of_entry(shelf, entry, asked)


def _too_many(shelf: Shelf) -> str:
    """RFC 6352 section 8.6.2, RFC 6578 section 3.6."""
    error = element(f"{DAV}error", element(f"{DAV}number-of-matches-within-limits"))
    return xml.response(shelf.path, xml.status(507) + error)


def _limit(report: Element, space: str) -> int | None:
    """Raises ``DavError``."""
    found = report.findtext(f"{space}limit/{space}nresults")
    if found is None:
        return None
    if not found.strip().isdecimal() or not found.isascii() or not int(found[:9]) > 0:
        raise unmet(f"{DAV}number-of-matches-within-limits", "A limit is a number of at least one.")
    return int(found[:9])


# --- what has changed (RFC 6578) --------------------------------------------------------------------------------------


def sync(shelf: Shelf, report: Element, *, brief: bool) -> Iterator[str]:
    """Raises ``DavError``."""
    asked = wanted(report, brief=brief)
    if report.findtext(f"{DAV}sync-level", "1").strip() not in {"1", ""}:
        raise unmet(f"{DAV}sync-traversal-supported", "A book has no books in it: the level is 1.")
    given, mark = report.findtext(f"{DAV}sync-token", "").strip(), shelf.mark()
    after = tracking.read_token(shelf.state, given, mark=mark) if given else (0, 0)
    if after is None:
        raise unmet(f"{DAV}valid-sync-token", "This is too long ago. Ask for everything.")
    return _changes(shelf, asked, after, first=not given, most=_limit(report, DAV), mark=mark)


def _changes(
    shelf: Shelf, asked: Wanted, after: tuple[int, int], *, first: bool, most: int | None, mark: str
) -> Iterator[str]:
    yield xml.multistatus_begins()
    left, up_to = most, None
    while True:
        size = min(AT_ONCE if asked.data else PAGE, left if left is not None else PAGE)
        part = list(shelf.changes(after).select_related("contact")[: size + 1])
        for row in part[:size]:
            if not (first and row.gone):
                yield _change(shelf, row, asked)
        if len(part) <= size:
            break
        after = (part[size - 1].number, part[size - 1].pk)
        if left is not None and (left := left - size) <= 0:
            up_to = after
            yield _too_many(shelf)
            break
    token = tracking.token(shelf.state, up_to=up_to, mark=mark)
    yield xml.multistatus_ends(element(f"{DAV}sync-token", xml.text(token)))


def _change(shelf: Shelf, row: Resource, asked: Wanted) -> str:
    if row.gone:
        return _missing(shelf.href(row))
    if not asked.data:
        return _of_row(shelf, row, asked)
    return "".join(_of_entry(shelf, entry, asked) for entry in with_cards(shelf, [row]))


REPORTS: dict[str, Callable[..., Iterator[str]]] = {
    f"{CARD}addressbook-multiget": multiget,
    f"{CARD}addressbook-query": query,
    f"{DAV}sync-collection": sync,
}
