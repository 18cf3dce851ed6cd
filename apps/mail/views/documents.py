"""Documents with what came by mail, under a policy of their own: in the portal's address, or on the second host.

Whatever the sanitiser has missed, a document loads only the message's own images, and after consent those of the proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import decode
from apps.mail.mime.parts import Part
from apps.mail.prefs import REMOTE_IMAGES
from apps.mail.services import images, laid, reading
from apps.mail.services.opening import Opened
from apps.mail.services.refs import MessageRef
from apps.mail.services.remote import may_load, owner, proxy_url
from apps.mail.services.uploads import TooLarge, new_id
from portal import content_host
from portal.http import PortalRequest

MOST_PICTURED = 15  # messages of one document that show pictures of their own: each stands in the policy's header
_SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"
Remote = Callable[[str], str]


class Document(Protocol):
    """What drawing asks, and how what was drawn is answered."""

    remote: Remote | None

    def cid(self, reference: str) -> str | None: ...
    def image(self, opened: Opened, type: str) -> str:
        """The address of a file of the message, for an image element."""
        ...

    def further(self, root: Part, message: MessageRef) -> Document:
        """The part of another message in the same document; without what lies elsewhere."""
        ...

    def answer(self, template: str, context: Mapping[str, Any]) -> HttpResponse: ...


def begin(request: PortalRequest, store: MailStore, root: Part, message: MessageRef) -> Document:
    """A document of this message, or of the one in its part ``root``."""
    loads = request.prefs[REMOTE_IMAGES] == "ask" and may_load(
        request, message.mailbox, message.uid, message.uidvalidity
    )
    if content_host.is_used():
        return _Apart(request, store, root, message, loads=loads)
    return _Here(request, root, message, loads=loads)


class _Here:
    """Everything at addresses of the portal, for who is signed in."""

    def __init__(self, request: PortalRequest, root: Part, message: MessageRef, *, loads: bool) -> None:
        self._request, self._message, self._loads = request, message, loads
        self._numbers = reading.inline_numbers(root)
        whose, base = owner(request), reverse("mail:image")
        self.remote: Remote | None = (lambda url: proxy_url(base, url, owner=whose)) if loads else None
        self._shows: list[_Here] = [self]  # whose pictures the policy lets in

    def further(self, root: Part, message: MessageRef) -> _Here:
        other = _Here(self._request, root, message, loads=False)
        if not other._numbers:
            return other
        if len(self._shows) < MOST_PICTURED:
            self._shows.append(other)
        else:
            other._numbers = {}
        return other

    def cid(self, reference: str) -> str | None:
        number = self._numbers.get(reference)
        return f"{self._part(number)}?v={self._message.uidvalidity}" if number else None

    def answer(self, template: str, context: Mapping[str, Any]) -> HttpResponse:
        sheet = static("mail/css/message.css")
        response = render(self._request, template, {**context, "sheet": sheet})
        images = [_source(self._request, each._part("1").removesuffix("1/")) for each in self._shows] + ["data:"]
        if self._loads:
            images.append(_source(self._request, reverse("mail:image")))
        response["Content-Security-Policy"] = _policy(
            images=images,
            sheet=_source(self._request, sheet),
            ancestors="'self'",
            # The same origin only so that the page around can measure the height; scripts never run in here.
            sandbox=f"{_SANDBOX} allow-same-origin",
        )
        response["Referrer-Policy"] = "no-referrer"
        return response

    def image(self, opened: Opened, type: str) -> str:
        query = f"?v={self._message.uidvalidity}" + (f"&item={opened.item}" if opened.item else "")
        return self._part(opened.part.number) + query

    def _part(self, number: str) -> str:
        return reverse("mail:part", args=(self._message.mailbox, self._message.uid, number))


class _Apart:
    """Laid down with its pictures for the second host, and the way there. The addresses inside are relative to it."""

    def __init__(
        self, request: PortalRequest, store: MailStore, root: Part, message: MessageRef, *, loads: bool
    ) -> None:
        self._request, self._store, self._root, self._message = request, store, root, message
        self._place = laid.Place.new(str(request.user.pk), remote=loads)
        self._token = self._place.token
        self._numbers = reading.inline_numbers(root)
        self._wanted: dict[str, str] = {}  # the id under which a part will lie
        self._also: list[_Apart] = []
        self.remote: Remote | None = (lambda url: proxy_url("remote", url, owner=self._token)) if loads else None

    def further(self, root: Part, message: MessageRef) -> _Apart:
        other = _Apart(self._request, self._store, root, message, loads=False)
        other._place, other._token = self._place, self._token
        self._also.append(other)
        return other

    def cid(self, reference: str) -> str | None:
        number = self._numbers.get(reference)
        return self._wanted.setdefault(number, new_id()) if number else None

    def answer(self, template: str, context: Mapping[str, Any]) -> HttpResponse:
        html = render_to_string(template, {**context, "sheet": "message.css"}, request=self._request)
        for each in (self, *self._also):
            for number, id in each._wanted.items():
                each._lay_picture(number, id)
        policy = _policy(
            images=[self._address("-").removesuffix("-"), "data:"],
            sheet=self._address("message.css"),
            ancestors=settings.BASE_URL.origin,
            sandbox=_SANDBOX,
        )
        id = self._place.lay([html.encode()], type="text/html; charset=utf-8", policy=policy)
        return HttpResponseRedirect(self._address(id))

    def image(self, opened: Opened, type: str) -> str:
        return self._address(self._place.lay([opened.octets], type=type))

    def _address(self, id: str) -> str:
        return content_host.address("mail:laid", self._token, id)

    def _lay_picture(self, number: str, id: str) -> None:
        """What is no picture that browsers draw, or too large, stays out: its alt text is shown."""
        part = self._root.find(number)
        if part is None or part.type not in images.TYPES:
            return
        message = self._message
        raw = self._store.part(
            message.mailbox, message.uid, number, uidvalidity=message.uidvalidity, limit=laid.MOST_OCTETS * 2
        )
        try:
            self._place.lay([decode.payload(part, raw)], type=part.type, id=id)
        except TooLarge:
            return


def _policy(*, images: list[str], sheet: str, ancestors: str, sandbox: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"img-src {' '.join(images)}",
            f"style-src {sheet}",
            "style-src-attr 'unsafe-inline'",
            "form-action 'none'",
            "base-uri 'none'",
            f"frame-ancestors {ancestors}",
            sandbox,
        )
    )


def _source(request: HttpRequest, path: str) -> str:
    """An address as a CSP source. A mailbox's name stands in it, and must not end the directive or the policy."""
    return request.build_absolute_uri(path).replace(";", "%3B").replace(",", "%2C").replace(" ", "%20")
