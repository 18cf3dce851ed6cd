"""axe-core, run in the page under test."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parent.parent / "vendor" / "axe-core" / "axe.min.js"
#: Success criteria of WCAG 2.0 to 2.2 at levels A and AA, and what axe holds for good practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

#: Colours are there at once.
_AT_REST = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, ::before, ::after { transition: none !important; animation: none !important }");
  document.adoptedStyleSheets.push(sheet);
}"""


#: A colour on its way to another one, and a message that is still fading in, are nothing to judge by.
_ARRIVED = """() => {
  for (const each of document.getAnimations())
    if (each instanceof CSSTransition || each.animationName === "toast-in") each.finish();
}"""


@cache
def _source() -> str:
    return SCRIPT.read_text(encoding="utf-8")


def violations(page: Page, *, within: str | None = None, only: Sequence[str] = TAGS) -> list[str]:
    """What axe finds on the page (or within a selector), one line for each rule and element; [] is the aim.

    ``only``: tags of rules, or the rules themselves. Frames are looked into where they allow it. The page's
    Content-Security-Policy stays as it is.
    """
    if not page.evaluate("!!window.axe"):
        page.evaluate(_source())
    page.evaluate(_ARRIVED)
    result: dict[str, Any] = page.evaluate(
        "([context, only]) => axe.run(context || document, {runOnly: only, resultTypes: ['violations']})",
        [within, list(only)],
    )
    return [
        f"{rule['id']}: {rule['help']}: {' '.join(map(str, node['target']))}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def in_both_themes(page: Page) -> list[str]:
    """In the light all rules; in the dark those about colour, as nothing else differs. The page stays light. Without
    motion: colours on their way from one theme to the other belong to neither."""
    page.evaluate(_AT_REST)
    found = [f"light: {line}" for line in violations(page)]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {line}" for line in violations(page, only=["color-contrast", "link-in-text-block"])]
    page.emulate_media(color_scheme="light")
    return found
