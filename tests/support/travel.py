"""What a page fetches, as Chromium counts it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page


def listen(page: Page) -> dict[str, int]:
    """From now on, the octets of each answer, head and body as they travel, by address; nothing comes from a cache."""
    seen: dict[str, int] = {}
    names: dict[str, str] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def sent(event: dict[str, Any]) -> None:
        if not event["request"]["url"].startswith("data:"):
            names[event["requestId"]] = event["request"]["url"]
            seen.setdefault(event["request"]["url"], 0)

    def finished(event: dict[str, Any]) -> None:
        if event["requestId"] in names:
            seen[names[event["requestId"]]] += int(event["encodedDataLength"])

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", finished)
    return seen
