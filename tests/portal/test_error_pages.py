"""Error pages: what happened, and a reference that is in the log too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
Ask = Callable[[Client], Any]


def with_a_foreign_form(client: Client) -> Any:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    return strict.post("/theme/", {"theme": "dark"})


@pytest.mark.parametrize(
    ("status", "page", "title", "ask"),
    [
        (400, "400", "This request cannot be understood", lambda client: client.post("/theme/", {"theme": "purple"})),
        (400, "400", "This request cannot be understood", lambda client: client.get("/", HTTP_HOST="evil.example")),
        (403, "403", "This is not for you", lambda client: client.get("/selftest/")),
        (403, "csrf", "This form is no longer valid", with_a_foreign_form),
        (404, "404", "There is nothing here", lambda client: client.get("/nothing-here/")),
        (405, "405", "There is no page at this address", lambda client: client.get("/sign-out/")),
        (405, "405", "There is no page at this address", lambda client: client.get("/theme/")),
    ],
    ids=["400", "400-host", "403", "csrf", "404", "405", "405-theme"],
)
def test_an_error_page_has_a_heading_and_a_reference_that_is_in_the_log(
    as_alice: Client, caplog: pytest.LogCaptureFixture, status: int, page: str, title: str, ask: Ask
) -> None:
    answer = ask(as_alice)
    html = answer.content.decode()
    assert answer.status_code == status
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", html) == [title]
    reference = answer["X-Request-Id"]
    assert f'<code dir="ltr">{reference}</code>' in html
    logged = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    (line,) = [line for line in logged if line["event"] == "error_page"]
    assert (line["request"], line["status"], line["page"]) == (reference, status, page)


def test_the_methods_an_address_takes_are_still_named(as_alice: Client) -> None:
    assert as_alice.get("/sign-out/")["Allow"] == "POST"


def test_a_script_that_errs_gets_no_page(as_alice: Client) -> None:
    answer = as_alice.get("/theme/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (405, b"")
