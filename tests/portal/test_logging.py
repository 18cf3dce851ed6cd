"""What the log and the mails to administrators say, and what they never say."""

from __future__ import annotations

import json
import logging
import sys
import threading

import pytest
import structlog
from django.core import mail
from django.core.mail.backends import locmem
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.views.debug import ExceptionReporter

from portal.logging import ErrorMailHandler, describe, formatter
from portal.urls import handler400, handler403, handler404, handler500  # noqa: F401 - Django looks for them here
from portal.urls import urlpatterns as portal_urls

# Put together here, since the report quotes the source.
SECRET, LETTER, COOKIE = (f"marked-{what}" for what in ("password-5d1c", "letter", "cookie"))


def explode(request: HttpRequest, mailbox: str = "INBOX") -> HttpResponse:
    password = request.POST.get("password", SECRET)
    raise ValueError(f"cannot use {password}")


urlpatterns = [path("explode/<str:mailbox>/", explode), *portal_urls]


@pytest.fixture
def lines(capsys):
    """What is logged, as the site would write it: parsed JSON lines."""
    handler = logging.StreamHandler(stream := __import__("io").StringIO())
    handler.setFormatter(formatter("json"))
    root = logging.getLogger()
    root.addHandler(handler)
    level, root.level = root.level, logging.INFO
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.level = level
    root.removeHandler(handler)


@pytest.fixture
def broken(client: Client, settings, db) -> Client:
    settings.ROOT_URLCONF = __name__
    client.raise_request_exception = False
    return client


def test_an_error_is_described_without_what_it_was_about(broken: Client, lines) -> None:
    answer = broken.post("/explode/Kündigung/", {"password": SECRET})
    assert answer.status_code == 500
    assert answer["X-Request-Id"] in answer.content.decode()
    found = lines()
    text = json.dumps(found, ensure_ascii=False)
    assert SECRET not in text
    assert "Kündigung" not in text
    (error,) = [line for line in found if "exception" in line]
    assert error["event"] == "request_failed"
    assert error["request"] == answer["X-Request-Id"]
    assert error["exception"]["type"] == "builtins.ValueError"
    assert error["exception"]["at"][-1].endswith(" explode")
    assert "text" not in error["exception"]


def test_each_request_is_a_line_with_its_route(client: Client, lines) -> None:
    answer = client.get("/healthz?q=private")
    (line,) = [line for line in lines() if line["event"] == "request"]
    assert line["route"] == "healthz"
    assert line["status"] == 200
    assert line["request"] == answer["X-Request-Id"]
    assert line["level"] == "info"
    assert "private" not in json.dumps(line)


def test_the_error_page_shows_nothing_of_the_inside(broken: Client) -> None:
    page = broken.post("/explode/INBOX/", {"password": SECRET}).content.decode()
    for inside in (SECRET, "ValueError", "Traceback", ".py", "Django", "INBOX"):
        assert inside not in page


def test_fields_that_sound_secret_are_blanked(lines) -> None:
    structlog.get_logger("portal.test").warning("odd", user_password=SECRET, new_token="t", size=3)
    (line,) = [line for line in lines() if line["event"] == "odd"]
    assert (line["user_password"], line["new_token"], line["size"]) == ("***", "***", 3)


def test_records_of_other_libraries_have_the_same_form(lines) -> None:
    logging.getLogger("some.library").warning("took %d ms", 5)
    (line,) = [line for line in lines() if line.get("logger") == "some.library"]
    assert line["event"] == "took 5 ms"
    assert {"timestamp", "level"} <= set(line)


def test_an_exception_with_a_cause() -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ConnectionError("server went away") from error
    except ConnectionError as error:
        found = describe(error)
    assert found["text"] == "server went away"
    assert found["cause"]["type"] == "builtins.KeyError"
    assert SECRET not in json.dumps(found)


def test_the_console_form_is_lines_for_people() -> None:
    try:
        raise OSError("disk full")
    except OSError:
        record = logging.LogRecord("portal", logging.ERROR, __file__, 1, "it broke", None, sys.exc_info())
    text = formatter("console").format(record)
    assert text.splitlines()[0].endswith("error   it broke")
    assert text.splitlines()[-1].strip() == "builtins.OSError: disk full"


def all_sent(*records: logging.LogRecord) -> ErrorMailHandler:
    """By a handler that has had them all, once its thread is done."""
    handler = ErrorMailHandler()
    for record in records:
        handler.handle(record)
    while (sender := handler._sender) is not None:
        sender.join()
    return handler


def failure(name: str = "x") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, "broken", (), None)


def test_nobody_waits_for_the_server_that_takes_error_mails(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what goes wrong in sending them is no reason for another one."""
    settings.ADMINS = [("", "root@example.test")]
    handler, goes_on, begun = ErrorMailHandler(), threading.Event(), threading.Event()

    class Slow(locmem.EmailBackend):
        def send_messages(self, messages):
            begun.set()
            assert goes_on.wait(20)
            handler.handle(failure("sender"))
            return super().send_messages(messages)

    monkeypatch.setattr("tests.portal.test_logging.Slow", Slow, raising=False)
    settings.EMAIL_BACKEND = "tests.portal.test_logging.Slow"
    handler.handle(failure())
    assert begun.wait(20)
    for _ in range(100):
        handler.handle(failure())
    assert mail.outbox == []
    sender = handler._sender
    assert sender is not None
    goes_on.set()
    sender.join()
    assert len(mail.outbox) == 1 + ErrorMailHandler.MOST
    assert not any("sender" in sent.subject for sent in mail.outbox)


def test_error_mails_that_cannot_be_sent_are_dropped(settings) -> None:
    settings.ADMINS, settings.EMAIL_PORT = [("", "root@example.test")], 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    handler = all_sent(*[failure()] * 50)
    assert not handler._mails


def test_mail_to_administrators_holds_a_reference_and_no_content(settings) -> None:
    settings.ADMINS = [("", "root@example.test")]
    request = RequestFactory().post("/mail/Kündigung/", {"password": SECRET})
    request.id = "abc123"
    try:
        local = SECRET
        raise ValueError(local)
    except ValueError:
        record = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "Error: %s", (SECRET,), sys.exc_info())
    record.request = request
    all_sent(record)
    (sent,) = mail.outbox
    whole = sent.message().as_string()
    assert "abc123" in sent.subject
    assert "test_logging.py" in sent.body
    for private in (SECRET, "Kündigung", "K=C3=BC"):
        assert private not in whole


@pytest.mark.parametrize("report", ["get_traceback_html", "get_traceback_text"])
def test_djangos_own_report_shows_no_values_either(report: str, settings) -> None:
    request = RequestFactory().post("/explode/", {"password": SECRET, "body": LETTER})
    request.COOKIES["yurt_key"] = COOKIE
    request.META["HTTP_COOKIE"] = f"yurt_key={COOKIE}"
    try:
        explode(request)
    except ValueError:
        reporter = ExceptionReporter(request, *sys.exc_info())
    text = getattr(reporter, report)()
    assert LETTER not in text
    assert COOKIE not in text
    variables = [frame["vars"] for frame in reporter.get_traceback_data()["frames"]]
    assert "password" in str(variables)
    assert SECRET not in str(variables)
