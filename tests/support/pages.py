"""What holds for every page of a site, whatever it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable

from playwright.sync_api import Page, expect

from tests.support import axe

_WIDE = """[document.documentElement, ...document.querySelectorAll('.page, .scroll')]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className || e.tagName)"""


def console(page: Page) -> list[str]:
    """Errors and warnings that the browser says from now on."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    return said


def faults(page: Page, urls: Iterable[str]) -> list[str]:
    """What axe finds in both themes."""
    found: list[str] = []
    for url in urls:
        page.goto(url)
        page.wait_for_load_state("networkidle")
        found += [f"{url}: {line}" for line in axe.in_both_themes(page)]
    return found


def too_wide(page: Page, urls: Iterable[str], widths: Iterable[int] = (390, 768, 1024, 1440)) -> list[str]:
    """What is wider than the window, or than the column it scrolls in."""
    found: list[str] = []
    for url in urls:
        page.goto(url)
        page.wait_for_load_state("networkidle")
        for width in widths:
            page.set_viewport_size({"width": width, "height": 844})
            found += [f"{url} at {width}: {name}" for name in page.evaluate(_WIDE)]
    return found


_RUNS = """() => {
  const box = document.createElement("div");
  box.innerHTML = "<noscript><p></p></noscript>";
  return box.querySelector("p") === null;
}"""


def sign_in(page: Page, url: str, login: str, password: str) -> None:
    """On the site at ``url``, with the page of the sign-in."""
    page.goto(f"{url}/sign-in/")
    scripts = runs_scripts(page)
    page.fill("[name=username]", login)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    at_home(page, scripts=scripts)


def runs_scripts(page: Page) -> bool:
    """Whether the browser of this page does: else it reads what stands in ``noscript``."""
    return bool(page.evaluate(_RUNS))


def at_home(page: Page, *, scripts: bool) -> None:
    """The home page is there. Without scripts it leads by itself to the one with all blocks: who asks for another page
    before that is sent back, or gets nothing."""
    expect(page.locator(".page.home")).to_be_visible()
    if not scripts:
        page.wait_for_url(re.compile(r"[?&]all=1"))
