"""CardDAV (RFC 6352): our address books for phones and programs.

Each request shows a password for programs (``portal.programs``) and has neither session nor cookie, so no other site
can send one in somebody's name, and forms' tokens have no part in it: what changes something is none of the methods
that a page elsewhere could send without asking first, and nothing here says that it may.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.contacts.dav import addresses, making, reports, storing, xml
from apps.contacts.dav.conditions import check
from apps.contacts.dav.errors import XML, DavError, unmet
from apps.contacts.dav.properties import Target, response_of
from apps.contacts.dav.shelf import Shelf, open_shelf, shelves
from apps.contacts.dav.xml import DAV
from portal import programs
from portal.contracts import Program

METHODS = ["OPTIONS", "GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "REPORT", "MKCOL"]
CLASSES = "1, 3, access-control, extended-mkcol, addressbook"
PAGE = 1000  # rows of a listing at once
View: TypeAlias = Callable[..., HttpResponseBase]


def dav(*allowed: str) -> Callable[[View], View]:
    """For programs that have said who they are. The view gets the program in the place of a session's user."""

    def decorated(view: View) -> View:
        @csrf_exempt
        @require_http_methods(METHODS)
        @wraps(view)
        def guarded(request: HttpRequest, **where: Any) -> HttpResponseBase:
            allow = ", ".join(("OPTIONS", *allowed))
            try:
                answer = _answer(view, request, allowed, where)
            except DavError as error:
                answer = error.answer()
                if error.status == 405:
                    answer["Allow"] = allow
            if request.method == "OPTIONS":
                answer["Allow"] = allow
            answer["DAV"] = CLASSES
            return answer

        return guarded

    return decorated


def _answer(view: View, request: HttpRequest, allowed: tuple[str, ...], where: dict[str, Any]) -> HttpResponseBase:
    if request.method == "OPTIONS":
        return HttpResponse(status=200, content_type="text/plain")
    try:
        program = programs.recognise(request)
    except programs.NotRecognised as refused:
        return _who_are_you(refused.wait)
    user_id = where.pop("user_id", program.user.pk)
    if user_id != program.user.pk:
        raise DavError(404)
    if request.method not in allowed:
        raise DavError(405, text="This cannot be done here.")
    return view(request, program, **where)


def _who_are_you(wait: int) -> HttpResponse:
    text = "Sign in with your user name and an app password: Preferences, Security.\n"
    if wait:
        answer = HttpResponse("Too many wrong passwords.\n", status=429, content_type="text/plain")
        answer["Retry-After"] = str(wait)
        return answer
    answer = HttpResponse(text, status=401, content_type="text/plain")
    answer["WWW-Authenticate"] = 'Basic realm="Address books", charset="UTF-8"'
    return answer


# --- what is asked ----------------------------------------------------------------------------------------------------


def _body(request: HttpRequest) -> Element | None:
    """Raises ``DavError``."""
    octets = storing.body_of(request, xml.MOST_OCTETS, f"{DAV}max-request-size")
    if not octets.strip():
        return None
    try:
        return xml.parsed(octets)
    except xml.BadXml as error:
        raise DavError(400, text="This XML cannot be read.") from error


def _depth(request: HttpRequest) -> int:
    """0 or 1. Raises ``DavError``: infinity is what counts where nothing is said (RFC 4918 section 9.1)."""
    depth = request.headers.get("Depth", "infinity").strip().lower()
    if depth not in {"0", "1"}:
        raise unmet(f"{DAV}propfind-finite-depth", "Ask with Depth: 0 or 1.")
    return int(depth)


def _brief(request: HttpRequest) -> bool:
    """RFC 8144 section 2.1, and what was there before."""
    return "return=minimal" in request.headers.get("Prefer", "") or request.headers.get("Brief", "") == "t"


def _found(request: HttpRequest, first: Target, others: Callable[[], Iterable[Target]]) -> StreamingHttpResponse:
    """PROPFIND. Raises ``DavError``."""
    depth, body = _depth(request), _body(request)
    wanted: list[str] | None = None
    names = False
    if body is not None:
        if body.tag != f"{DAV}propfind":
            raise DavError(400, text="This is no propfind.")
        names = body.find(f"{DAV}propname") is not None
        props = body.find(f"{DAV}prop")
        wanted = [str(each.tag) for each in props] if props is not None else None
        if not names and props is None and body.find(f"{DAV}allprop") is None:
            raise DavError(400, text="This asks for nothing.")
    brief = _brief(request)

    def pieces() -> Iterator[str]:
        yield xml.multistatus_begins()
        for target in itertools.chain([first], others() if depth else ()):
            yield response_of(target, wanted, names=names, brief=brief)
        yield xml.multistatus_ends()

    return multistatus(pieces())


def multistatus(pieces: Iterable[str]) -> StreamingHttpResponse:
    return StreamingHttpResponse(_joined(pieces), status=207, content_type=XML)


def _joined(pieces: Iterable[str]) -> Iterator[str]:
    """In parts of a size that is worth sending."""
    part, size = [], 0
    for piece in pieces:
        part.append(piece)
        size += len(piece)
        if size > 32_768:
            yield "".join(part)
            part, size = [], 0
    yield "".join(part)


# --- the way to the books ---------------------------------------------------------------------------------------------


@dav("PROPFIND")
def root(request: HttpRequest, program: Program) -> HttpResponseBase:
    """Where programs begin: it says who they are."""
    user = program.user
    below = [Target(addresses.principal(user.pk), user, "principal")]
    return _found(request, Target(addresses.root(), user, "root"), lambda: below)


@dav("PROPFIND")
def principal(request: HttpRequest, program: Program) -> HttpResponseBase:
    user = program.user
    below = [Target(addresses.home(user.pk), user, "home")]
    return _found(request, Target(addresses.principal(user.pk), user, "principal"), lambda: below)


@dav("PROPFIND")
def home(request: HttpRequest, program: Program) -> HttpResponseBase:
    user = program.user

    def below() -> Iterator[Target]:
        for shelf in shelves(user):
            yield Target(shelf.path, user, "book", shelf)

    return _found(request, Target(addresses.home(user.pk), user, "home"), below)


@dav("PROPFIND", "PROPPATCH", "REPORT", "MKCOL", "DELETE")
def book(request: HttpRequest, program: Program, book: str) -> HttpResponseBase:
    if request.method == "MKCOL":
        try:
            open_shelf(program.user, book)
        except DavError:
            making.make(program.user, book, _body(request))
            return HttpResponse(status=201, content_type="text/plain")
        raise unmet(f"{DAV}resource-must-be-null", status=405)
    shelf = open_shelf(program.user, book)
    if request.method == "PROPFIND":
        return _found(request, Target(shelf.path, shelf.user, "book", shelf), lambda: _rows(shelf))
    if request.method == "REPORT":
        return _report(request, shelf)
    if request.method == "PROPPATCH":
        body = _body(request)
        if body is None:
            raise DavError(400, text="This changes nothing.")
        return HttpResponse(making.change(shelf, body), status=207, content_type=XML)
    making.remove(shelf, program.name)
    return HttpResponse(status=204)


def _rows(shelf: Shelf) -> Iterator[Target]:
    last = 0
    rows = shelf.rows().select_related("contact").order_by("pk")
    rows = rows.only("name", "number", "book", "group", "contact__book", "contact__owner", "contact__changed")
    while part := list(rows.filter(pk__gt=last)[:PAGE]):
        for row in part:
            yield Target(shelf.href(row), shelf.user, "resource", shelf, row)
        last = part[-1].pk


def _report(request: HttpRequest, shelf: Shelf) -> HttpResponseBase:
    body = _body(request)
    report = reports.REPORTS.get(str(body.tag)) if body is not None else None
    if report is None:
        raise unmet(f"{DAV}supported-report")
    return multistatus(report(shelf, body, brief=_brief(request)))


# --- cards ------------------------------------------------------------------------------------------------------------


@dav("GET", "HEAD", "PUT", "DELETE", "PROPFIND")
def resource(request: HttpRequest, program: Program, book: str, resource: str) -> HttpResponseBase:
    shelf = open_shelf(program.user, book)
    if request.method == "PUT":
        new = storing.put(request, shelf, resource, program.name)
        return HttpResponse(status=201 if new else 204, content_type="text/plain")  # no ETag: it is written anew
    row = shelf.find(resource)
    if row is None:
        raise DavError(404)
    if request.method == "DELETE":
        storing.delete(request, shelf, row, program.name)
        return HttpResponse(status=204)
    if request.method == "PROPFIND":
        return _found(request, Target(shelf.href(row), shelf.user, "resource", shelf, row), tuple)
    check(request, shelf.etag(row))
    version = _version(request.headers.get("Accept", ""))
    answer = HttpResponse(storing.text_of(shelf, row, version), content_type="text/vcard; charset=utf-8")
    answer["ETag"] = shelf.etag(row)
    answer["Vary"] = "Accept"
    answer["Content-Disposition"] = "attachment"
    return answer


def _version(accept: str) -> str:
    """Version 3.0 for who does not ask for another one (RFC 6352 section 5.1)."""
    found = re.search(r"text/vcard\s*;[^,]*version\s*=\s*\"?([\d.]+)", accept, re.IGNORECASE)
    return "4.0" if found and found[1] == "4.0" else "3.0"
