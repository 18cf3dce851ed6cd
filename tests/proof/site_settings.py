"""Settings for sites under proof: the portal's own, plus what a test has to see or switch off inside another process.

No setting of the portal can do this: it is code that only a process started with this module ever runs.

- Every name looked up and every address connected to beyond this machine is written to ``PROOF_OUTGOING``.
- ``PROOF_SANITISE=no`` switches the sanitiser off, so that the layers behind it stand alone; then ``&policy=no`` in an
  address leaves out the answer's Content-Security-Policy.
- ``PROOF_POLICY=no`` leaves the message's documents a policy that forbids nothing.
- ``PROOF_WEB=port`` is where the image proxy finds the whole web.
- ``PROOF_FALL=word`` makes a bug of the worst kind: an exception with the text of the mail in it when a mail contains
  the word, one with the password in it for a login that contains it. Error mails then lie in files.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apps.mail.mime import render, render_html
from portal.settings import *  # noqa: F403


def _is_here(host: Any) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "localhost")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name in ("localhost", socket.gethostname())


def _write_down(event: str, arguments: tuple[Any, ...]) -> None:
    host = None
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        host = arguments[1][0]
    if host is not None and not _is_here(host):
        with Path(os.environ["PROOF_OUTGOING"]).open("a") as file:
            file.write(f"{event} {host}\n")


if "PROOF_OUTGOING" in os.environ:
    sys.addaudithook(_write_down)

if os.environ.get("PROOF_SANITISE") == "no":
    render.html = functools.partial(render_html.render, sanitise=False)  # type: ignore[assignment]
    render_html.clean_outgoing = lambda html, **_options: html  # type: ignore[assignment]
    MIDDLEWARE = ["tests.proof.site_settings.without_policy", *MIDDLEWARE]  # noqa: F405

if os.environ.get("PROOF_POLICY") == "no":
    MIDDLEWARE = ["tests.proof.site_settings.permissive", *MIDDLEWARE]

if "PROOF_WEB" in os.environ:
    from apps.mail.services import images

    def _resolve(host: str, port: int, allowed: object) -> list[ipaddress.IPv4Address]:
        with Path(os.environ["PROOF_OUTGOING"]).open("a") as file:
            file.write(f"proxy {host}\n")
        return [ipaddress.IPv4Address("127.0.0.1")]

    def _connect(addresses: object, port: int, deadline: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", int(os.environ["PROOF_WEB"])), timeout=5)

    images._resolve, images._connect = _resolve, _connect  # type: ignore[assignment]

if "PROOF_FALL" in os.environ:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(DATA_DIR / "error-mails")  # noqa: F405
    MIDDLEWARE = [*MIDDLEWARE, "tests.proof.site_settings.Fall"]
    _draw_text = render.text

    def _fall(text: str, **options: Any) -> str:
        return str(int(text)) if os.environ["PROOF_FALL"] in text else _draw_text(text, **options)

    render.text = _fall


class Fall:
    """Middleware that stumbles over a form."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)

    def process_view(self, request: Any, view: object, args: object, kwargs: object) -> None:
        if os.environ["PROOF_FALL"] in request.POST.get("username", ""):
            raise KeyError(request.POST["password"])


def without_policy(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Middleware: the message's document without its policy, where the address asks for it."""

    def answer(request: Any) -> Any:
        response = get_response(request)
        if request.GET.get("policy") == "no":
            del response["Content-Security-Policy"]
        return response

    return answer


def permissive(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """No middleware: what has to be changed once the apps are loaded."""
    from apps.mail.views import documents

    documents._policy = lambda **_options: "frame-ancestors *"  # forbids nothing
    return get_response
