"""Browsers of people who are signed in."""

from __future__ import annotations

from typing import Any

from django.test import Client
from playwright.sync_api import Browser, Page


def page_of(client: Client, browser: Browser, url: str, errors: list[str], **options: Any) -> Page:
    """A page of a fresh profile in which ``client`` is signed in at ``url``; who asks for it closes its ``context``.

    ``errors`` gets what its scripts throw and what the policy refuses.
    """
    context = browser.new_context(locale="en", base_url=url, **options)
    context.add_cookies([{"name": name, "value": it.value, "url": url} for name, it in client.cookies.items()])
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if "Content Security" in told.text else None)
    return page
