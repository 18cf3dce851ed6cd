"""What a message must not pretend (tests/vectors/ui_redress.json): each line's own promise, beside what the sanitiser
promises for all of them. That the frame holds even without it is shown in Chromium (tests/proof)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from apps.mail.mime import render, render_html, to_text
from tests.mail.mime.support import vectors
from tests.support.vectors import told

VECTORS = told("ui_redress")


def drawn(html: str) -> render.RenderedHtml:
    return render.html(html, cid=lambda _id: None)


def nowhere(pattern: str) -> Callable[[str], None]:
    def check(html: str) -> None:
        found = drawn(html).html
        assert re.search(pattern, found) is None, found

    return check


def in_a_new_tab(html: str) -> None:
    (link,) = re.findall(r"<a [^>]*>", drawn(html).html)
    assert 'target="_blank" rel="noopener noreferrer"' in link
    assert link.count("target=") == 1


def hidden_text_is_quoted(html: str) -> None:
    assert to_text.text(html).split() == ["hidden", "seen"]
    quoted = render_html.clean_outgoing(html)
    assert ("hidden" in quoted, "font-size" in quoted) == (True, False)


def what_was_displayed_is_quoted(html: str) -> None:
    assert "display: none" in drawn(html).html
    assert render_html.clean_outgoing(html) == "<p>A</p>"


def the_mismatch_is_flagged(html: str) -> None:
    assert [(one.shown, one.host) for one in drawn(html).mismatches] == [("bank.test", "evil.test")]


def the_real_host_is_told(host: str) -> Callable[[str], None]:
    """By the browser, from an address that hides nothing; and by the text that an answer quotes."""

    def check(html: str) -> None:
        (href,) = re.findall(r'href="([^"]*)"', drawn(html).html)
        assert href.isascii()
        assert host in href
        assert f"<{href}>" in to_text.text(html)

    return check


PROMISES: dict[str, Callable[[str], None]] = {
    "ui_redress-001": nowhere(r"position|inset|z-index|<form|<input|password"),
    "ui_redress-002": nowhere(r"position|top"),
    "ui_redress-003": nowhere(r"margin|position"),
    "ui_redress-004": nowhere(r"class|btn|verified"),
    "ui_redress-005": nowhere(r" id=|main|logout"),
    "ui_redress-006": in_a_new_tab,
    "ui_redress-007": in_a_new_tab,
    "ui_redress-008": nowhere(r"<style|display"),
    "ui_redress-009": hidden_text_is_quoted,
    "ui_redress-010": what_was_displayed_is_quoted,
    "ui_redress-011": the_mismatch_is_flagged,
    "ui_redress-012": the_real_host_is_told("@evil.test/"),
    "ui_redress-013": the_real_host_is_told("xn--pypal-4ve.test"),
    "ui_redress-014": the_real_host_is_told("x.test/%E2%80%AEtxt.exe"),
    "ui_redress-015": nowhere(r"download|data:|href"),
}


def test_every_line_is_run() -> None:
    assert VECTORS["count"] == len(VECTORS["items"]) == 15
    assert [item["id"] for item in VECTORS["items"]] == list(PROMISES)


@pytest.mark.parametrize("item", vectors("ui_redress"))
def test_promise(item: dict[str, str]) -> None:
    PROMISES[item["id"]](item["html"])
