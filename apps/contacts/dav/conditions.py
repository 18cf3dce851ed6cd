"""If-Match and If-None-Match (RFC 9110 section 13.1)."""

from __future__ import annotations

import re

from django.http import HttpRequest

from apps.contacts.dav.errors import DavError

_TAG = re.compile(r'(W/)?("[^"]*")')


def _tags(header: str) -> list[str]:
    """Without weak ones, which match nothing strongly."""
    return [tag for weak, tag in _TAG.findall(header) if not weak]


def check(request: HttpRequest, etag: str) -> None:
    """``etag``: of what is there; "" where there is nothing. Raises ``DavError``: 412 where it is not what the program
    believes, 304 where a program that reads has it already."""
    match, none_match = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if match is not None and not (etag and (match.strip() == "*" or etag in _tags(match))):
        raise DavError(412, text="It has changed since, or is not there.")
    if none_match is None:
        return
    found = bool(etag) and (none_match.strip() == "*" or etag in _tags(none_match.replace("W/", "")))
    if found and request.method in {"GET", "HEAD"}:
        raise DavError(304, etag=etag)
    if found:
        raise DavError(412)
