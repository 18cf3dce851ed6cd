"""Holding requests in the browser."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

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


@contextlib.contextmanager
def before_modules(page: Page, one: str) -> Iterator[None]:
    """The page anew, and within the block as it is before its modules run: ``one`` of them is held (``recipients``)."""
    hold_from_now_on(page)
    held: list[Route] = []
    modules = f"**/js/{one}*.js"
    page.route(modules, lambda route: held.append(route))
    page.reload(wait_until="commit")
    yield
    while not held:
        page.wait_for_timeout(20)
    page.unroute(modules)
    held.pop().continue_()
