"""axe-core, run in the page under test."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parent.parent / "vendor" / "axe-core" / "axe.min.js"
#: Success criteria of WCAG 2.0 to 2.2 at levels A and AA, and what axe holds for good practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _source() -> str:
    return SCRIPT.read_text(encoding="utf-8")


def violations(page: Page, *, within: str | None = None) -> list[str]:
    """What axe finds on the page (or within a selector), one line for each rule and element; [] is the aim.

    Frames are looked into where they allow it. The page's Content-Security-Policy stays as it is.
    """
    page.evaluate(_source())
    result: dict[str, Any] = page.evaluate(
        "([context, tags]) => axe.run(context || document, {runOnly: tags, resultTypes: ['violations']})",
        [within, TAGS],
    )
    return [
        f"{rule['id']}: {rule['help']}: {' '.join(map(str, node['target']))}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]
