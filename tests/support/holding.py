"""Holding requests in the browser."""

from __future__ import annotations

from playwright.sync_api import Page, Route

NOBODYS = "/asked-for-by-nobody/"


def hold_from_now_on(page: Page) -> None:
    """When this returns, requests are really held for the routes of the page.

    Chromium says so before it is so: a request made at once may pass by, and Playwright then never tells of it.
    """
    held: list[str] = []

    def on_request(route: Route) -> None:
        held.append(route.request.url)
        route.abort()

    page.route(f"**{NOBODYS}", on_request)
    while not held:
        page.evaluate("(url) => fetch(url).catch(() => null).then(() => null)", NOBODYS)
