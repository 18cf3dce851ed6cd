"""The second host name, on which the content of messages is shown (docs/decisions/0008-the-second-host-name.md).

What answers there is what apps have registered for it (``PortalApp.content_urls``), and nothing else. It is answered
right here, before any session, and without what the request may carry of cookies: a view of that host knows nobody.
"""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import split_domain_port
from django.urls import resolve, reverse

from portal.middleware import CompressionMiddleware, GetResponse, Middleware

URLS = "portal.content_urls"


def is_used() -> bool:
    return bool(settings.CONTENT_HOST.origin)


def address(name: str, *args: object) -> str:
    """The whole address of a page on the second host; ``name`` is one of an app's ``content_urls``."""
    return f"{settings.CONTENT_HOST.origin}{reverse(name, urlconf=URLS, args=args)}"


class ContentHostMiddleware(Middleware):
    """Answers all that is asked of CONTENT_HOST, by its name: a front may leave out the port."""

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._answer = CompressionMiddleware(_answer)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        host = split_domain_port(request.META.get("HTTP_HOST", ""))[0]
        if not host or host != settings.CONTENT_HOST.host:
            return self.get_response(request)
        request.COOKIES = {}
        response: HttpResponseBase = self._answer(request)  # type: ignore[assignment]  # never a coroutine here
        # The document that shows it has no origin of its own, so nothing is "same" to it; its address is the secret.
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        response["Referrer-Policy"] = "no-referrer"
        return response


def _answer(request: HttpRequest) -> HttpResponseBase:
    try:
        request.resolver_match = match = resolve(request.path_info, URLS)
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    except Http404:
        text = "There is nothing here, or no longer: open the message anew.\n"
        return HttpResponse(text, status=404, content_type="text/plain; charset=utf-8")
    return response
