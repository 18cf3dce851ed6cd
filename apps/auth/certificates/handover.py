"""A packed certificate between the page that tells its password and the download.

It waits in the session of whoever asked for it, sealed under the password, which is kept nowhere: what the database has
opens nothing. It goes with the session, or with the next one.
"""

from __future__ import annotations

import base64

from django.http import HttpRequest, HttpResponse
from django.utils.text import slugify

from apps.auth.certificates.services import Packed

WAITING = "auth.certificate"


def hold(request: HttpRequest, packed: Packed) -> None:
    name = slugify(f"{packed.row.subject} {packed.row.device}") or "certificate"
    request.session[WAITING] = {"name": f"{name}.p12", "file": base64.b64encode(packed.file).decode("ascii")}


def deliver(request: HttpRequest) -> HttpResponse | None:
    """The file, where one waits."""
    waiting = request.session.get(WAITING)
    if waiting is None:
        return None
    return HttpResponse(
        base64.b64decode(waiting["file"]),
        content_type="application/x-pkcs12",
        headers={"Content-Disposition": f'attachment; filename="{waiting["name"]}"'},
    )
