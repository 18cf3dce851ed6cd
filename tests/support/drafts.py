"""Waiting for a draft to be kept: by what was sent, as the words on the page may be an earlier save's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

from playwright.sync_api import Page, Response, expect


@contextmanager
def kept(page: Page, words: str) -> Iterator[None]:
    """What is done in this block saves the draft, in the end with these words; then the page knows where it lies."""

    def has_them(answer: Response) -> bool:
        sent = answer.request.post_data or ""
        return answer.url.endswith("/@/compose/") and answer.ok and words in sent

    with page.expect_response(has_them) as answer:
        yield
    expect(page).to_have_url(urljoin(page.url, answer.value.json()["url"]))
