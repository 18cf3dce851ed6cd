"""The portal, with a note of what each request brings from the front: one line of JSON in the file ``WITNESS``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from portal.wsgi import application as portal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

NOTES = Path(os.environ["WITNESS"])


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    seen = {name: value for name, value in environ.items() if name.startswith("HTTP_") or name == "REMOTE_ADDR"}
    with NOTES.open("a") as notes:
        notes.write(json.dumps(seen | {"PATH": environ["PATH_INFO"]}) + "\n")
    return portal(environ, start_response)
