"""What is answered where something cannot be done: the status, and which precondition was not met (RFC 4918 section 16,
RFC 6352 section 6.3.2.1)."""

from __future__ import annotations

from django.http import HttpResponse

from apps.contacts.dav import xml

XML = "application/xml; charset=utf-8"


class DavError(Exception):
    """``condition`` is markup: the precondition; ``text`` is for people."""

    def __init__(self, status: int, condition: str = "", text: str = "", *, etag: str = "") -> None:
        super().__init__(text or condition or str(status))
        self.status, self.condition, self.text, self.etag = status, condition, text, etag

    def answer(self) -> HttpResponse:
        said = xml.element(f"{xml.DAV}responsedescription", xml.text(self.text)) if self.text else ""
        if not self.condition and not said:
            headers = {"ETag": self.etag} if self.etag else {}
            return HttpResponse(status=self.status, content_type="text/plain; charset=utf-8", headers=headers)
        body = xml.document(f"{xml.DAV}error", self.condition + said)
        return HttpResponse(body, status=self.status, content_type=XML)


def unmet(name: str, text: str = "", *, status: int = 403, content: str = "") -> DavError:
    """``name``: of the precondition, with its namespace."""
    return DavError(status, xml.element(name, content), text)


def needs(privilege: str, path: str) -> DavError:
    """RFC 3744 section 7.1.1."""
    wanted = xml.element(f"{xml.DAV}privilege", xml.element(f"{xml.DAV}{privilege}"))
    inner = xml.element(f"{xml.DAV}resource", xml.href(path) + wanted)
    return unmet(f"{xml.DAV}need-privileges", content=inner)
