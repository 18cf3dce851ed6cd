"""The structured log: one JSON object a line, with the request's id, without secrets and without message content.

What an exception carries can be somebody's mail or password: its local variables never leave the process, and the
text of errors about values (``ValueError``, ``LookupError``) is dropped where the error is not our own.
"""

from __future__ import annotations

import contextlib
import logging
import logging.config
import threading
import traceback
from collections import deque
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from django.core.mail import mail_admins
from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

_TELLTALE = (ValueError, LookupError)
_SECRET_WORDS = ("password", "secret", "token", "cookie", "authorization", "credential", "passphrase")


def describe(error: BaseException) -> dict[str, object]:
    """An exception as type, harmless text and the places it passed, innermost last."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    described: dict[str, object] = {"type": f"{type(error).__module__}.{type(error).__qualname__}", "at": frames[-25:]}
    if not isinstance(error, _TELLTALE) or type(error).__module__.split(".")[0] in {"portal", "apps", "django"}:
        described["text"] = str(error)[:500]
    if error.__cause__ is not None:
        described["cause"] = describe(error.__cause__)
    return described


def _exception(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    if info is True:
        import sys

        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if error is not None:
        event["exception"] = describe(error)
    return event


def _no_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A last net: whoever logs a field with such a name meant well."""
    for key in event:
        if is_secret_name(key):
            event[key] = "***"
    return event


def is_secret_name(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def _console(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """One plain line for people at a terminal."""
    head = f"{event.pop('timestamp', '')} {event.pop('level', ''):8}{event.pop('event', '')}"
    event.pop("logger", None)
    error = event.pop("exception", None)
    line = " ".join([head, *(f"{key}={value}" for key, value in event.items())])
    return line if error is None else "\n    ".join([line, *_lines(error)])


def _lines(error: Mapping[str, Any]) -> list[str]:
    lines = [*error["at"], f"{error['type']}: {error.get('text', '')}"]
    return [*_lines(error["cause"]), "which caused:", *lines] if "cause" in error else lines


def _no_paths(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Django's own lines about requests name the path, and a path names mailboxes; the request's id leads further."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and record.name == "django.request":
        event["event"] = "request_failed"
        event["status"] = getattr(record, "status_code", 0)
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def formatter(style: str) -> logging.Formatter:
    """For the ``LOGGING`` setting: formats our own and everybody else's records alike."""
    render = structlog.processors.JSONRenderer(ensure_ascii=False, default=str) if style == "json" else _console
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, _no_paths],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _exception, _no_secrets, render],
    )


def configure(config: dict[str, Any]) -> None:
    """Django's ``LOGGING_CONFIG``: the standard library's logging first, then structlog on top of it."""
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class ErrorMailHandler(logging.Handler):
    """Tells the administrators that something broke, and where to find it in the log; nothing of what was in it.

    A thread sends, which lives while there is something to send: nobody waits for a mail server but the end of the
    process. Mails beyond ``MOST``, and those that wait when one could not be sent, are dropped: all of it stands in
    the log.
    """

    MOST = 20

    def __init__(self) -> None:
        super().__init__()
        self._mails: deque[tuple[str, str]] = deque()
        self._sender: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:  # called with the handler's lock
        if threading.current_thread() is self._sender or len(self._mails) == self.MOST:
            return
        request = getattr(record, "request", None)
        request_id = getattr(request, "id", "-") if isinstance(request, HttpRequest) else "-"
        error = record.exc_info[1] if record.exc_info else None
        lines = [f"Reference in the log: {request_id}", f"Logger: {record.name}"]
        if error is not None:
            lines += ["", *_lines(describe(error))]
        name = type(error).__name__ if error is not None else record.name
        self._mails.append((f"{name} ({request_id})", "\n".join(lines)))
        if self._sender is None or not self._sender.is_alive():  # a fork has no threads
            self._sender = threading.Thread(target=self._send, name="error mails")
            with contextlib.suppress(RuntimeError):  # the process is ending
                self._sender.start()

    def _send(self) -> None:
        while mail := self._next():
            try:
                mail_admins(*mail)
            except Exception:  # noqa: BLE001 - the mail server may be what is broken
                self._mails.clear()

    def _next(self) -> tuple[str, str] | None:
        self.acquire()
        try:
            if self._mails:
                return self._mails.popleft()
            self._sender = None
            return None
        finally:
            self.release()


class NothingPersonalFilter(SafeExceptionReporterFilter):
    """For Django's own error reports (the debug page too): no local variables, no form fields, no cookies."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(request.POST, self.cleansed_substitute) if request is not None else {}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        return dict.fromkeys(request.COOKIES, self.cleansed_substitute)

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        meta = super().get_safe_request_meta(request)
        return meta | ({"HTTP_COOKIE": self.cleansed_substitute} if "HTTP_COOKIE" in meta else {})
