"""The portal as the benchmark runs it: it counts its queries and IMAP commands, and says them at ``/bench-cost``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from apps.mail.mailbox.imap.connection import Connection
from portal.wsgi import application as portal

COST = "/bench-cost"
_cost = {"queries": 0, "commands": 0}
_run = Connection.run


def _counted_query(execute: Callable[..., Any], *rest: Any) -> Any:
    _cost["queries"] += 1
    return execute(*rest)


def _counted_run(self: Connection, *rest: Any, **more: Any) -> Any:
    before = self.commands
    try:
        return _run(self, *rest, **more)
    finally:
        _cost["commands"] += self.commands - before


Connection.run = _counted_run  # type: ignore[method-assign]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == COST:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{_cost['queries']} {_cost['commands']}".encode()]
    with connection.execute_wrapper(_counted_query):
        answer: Iterable[bytes] = portal(environ, start_response)
    return answer
