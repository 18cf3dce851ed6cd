"""What travels when somebody opens the inbox for the first time, and when they open a message: octets and requests as
Chromium counts them. And whether what another client does is seen: no page may come from a cache."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright

from benchmarks.operations import Walk
from scripts.servers import chromium
from scripts.servers.dovecot import PASSWORD
from tests.support.travel import listen

COLD_BYTES, COLD_REQUESTS, OPEN_BYTES = 60_000, 6, 3_000


def report(walk: Walk) -> Iterator[str]:
    yield _foreign_flag(walk)
    if not chromium.PROGRAM.exists():
        yield "cold inbox: Chromium is not installed"
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium.PROGRAM, args=chromium.arguments())
        yield from _travelled(browser, walk)
        browser.close()


def _foreign_flag(walk: Walk) -> str:
    """Set by another client between two requests: the next one shows it."""
    uid = walk.newest(3)[0]
    for sign, shown in (("+", True), ("-", False), ("+", True), ("-", False)):
        walk.other.command("SELECT INBOX", f"UID STORE {uid} {sign}FLAGS (\\Flagged)")
        for path in ("/mail/INBOX/?role=inbox", "/mail/INBOX/"):
            page = walk.browser.get(path, fragment="role" in path).text
            row = re.search(rf'<li class="row msg[^>]*data-uid="{uid}".*?</li>', page, re.DOTALL)
            assert row, uid
            assert (f'value="unflag:{uid}"' in row[0]) is shown, "a page shows what is not so any more"
    return "a flag of another client shows in the next request: yes, 8 of 8"


def _travelled(browser: Chromium, walk: Walk) -> Iterator[str]:
    context = browser.new_context(base_url=f"http://localhost:{walk.port}")
    page = context.new_page()
    page.goto("/sign-in/")
    page.fill("[name=username]", walk.login)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/")
    page.wait_for_load_state("networkidle")
    page.close()
    context.clear_permissions()
    cold = context.new_page()
    seen = listen(cold)
    cold.goto("/mail/INBOX/")
    cold.wait_for_load_state("networkidle")
    total = sum(seen.values())
    asked = len(seen)
    yield (
        f"cold inbox: {total / 1000:.1f} KB in {asked} requests    aim {COLD_BYTES / 1000:g} KB, {COLD_REQUESTS}    "
        f"{'met' if total <= COLD_BYTES and asked <= COLD_REQUESTS else 'NOT MET'}"
    )
    for address, octets in sorted(seen.items(), key=lambda item: -item[1]):
        yield f"    {octets:>8,}  {re.sub(r'^https?://[^/]+', '', address)[:90]}"
    context.close()
    uid = walk.newest(60)[0]
    answer = walk.message(uid, fragment=True)
    body = len(re.sub(r"\s+", " ", answer.text.partition('class="prose text"')[2].partition("</div>")[0]))
    yield (
        f"opening one message: {answer.octets / 1000:.1f} KB, its text of {body / 1000:.1f} KB included    "
        f"aim {OPEN_BYTES / 1000:g} KB and the text    {'met' if answer.octets <= OPEN_BYTES + body else 'NOT MET'}"
    )
