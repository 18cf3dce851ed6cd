"""Browsers are called what their users call them."""

from __future__ import annotations

import pytest

from portal import browsers

MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IOS = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = {
    f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    f"{MOZILLA} (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Windows",
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on macOS",
    f"{MOZILLA} (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0": "Firefox on Android",
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) {IOS} FxiOS/140.0 Safari/605.1.15": "Firefox on iPhone",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36": "Chrome on Windows",
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} HeadlessChrome/140.0.0.0 Safari/537.36": "Chrome on Linux",
    f"{MOZILLA} (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36": "Chrome on ChromeOS",
    f"{MOZILLA} (Linux; Android 10; K) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    f"{MOZILLA} (iPad; CPU OS 18_5 like Mac OS X) {IOS} CriOS/140.0.0.0 Mobile/15E148 Safari/604.1": "Chrome on iPad",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0": "Edge on Windows",
    f"{MOZILLA} (Linux; Android 10; K) {WEBKIT} Chrome/140.0 Mobile Safari/537.36 EdgA/140.0": "Edge on Android",
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0": "Opera on Linux",
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 Vivaldi/7.5": "Vivaldi on Linux",
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} Ubuntu Chromium/140.0 Chrome/140.0 Safari/537.36": "Chromium on Linux",
    f"{MOZILLA} (Linux; Android 15; SAMSUNG SM-S931B) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36":
        "Samsung Internet on Android",
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {IOS} Version/18.5 Safari/605.1.15": "Safari on macOS",
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) {IOS} Version/18.5 Mobile Safari/604.1": "Safari on iPhone",
    f"{MOZILLA} (iPad; CPU OS 18_5 like Mac OS X) {IOS} Mobile/15E148": "Safari on iPad",
    f"{MOZILLA} (X11; Linux x86_64) {IOS} Version/17.0 Safari/605.1.15 Epiphany/605.1.15": "GNOME Web on Linux",
    f"{MOZILLA} (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko": "Internet Explorer on Windows",
    f"{MOZILLA} (X11; OpenBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on OpenBSD",
    f"{MOZILLA} (X11; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0 SeaMonkey/2.53.21": "SeaMonkey on Linux",
    "Lynx/2.9.2 libwww-FM/2.14 SSL-MM/1.4.1": "Lynx",
    "curl/8.14.1": "curl",
    f"{MOZILLA} (X11; Linux x86_64)": "A browser on Linux",
    "": "An unknown browser",
    "<script>alert(1)</script>": "An unknown browser",
    "x" * 10_000 + "Firefox/140.0 Linux": "An unknown browser",
}  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
def test_a_browser_is_known_by_its_name(agent: str) -> None:
    assert browsers.label(browsers.summary(agent)) == AGENTS[agent]


def test_an_update_of_the_browser_is_no_other_device() -> None:
    old, new = (f"Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0" for v in (140, 141))
    assert browsers.summary(old) == browsers.summary(new)


def test_the_longest_summary_fits_its_column() -> None:
    longest = [max(len(name) for _pattern, name in table) for table in (browsers._FAMILIES, browsers._SYSTEMS)]
    assert sum(longest) + 1 <= browsers.MAX_SUMMARY
