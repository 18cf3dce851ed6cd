#!/usr/bin/env python3
"""Pictures of pages at desktop, tablet and phone width, light and dark: what one looks at before a change of look.

    scripts/screenshots.py --base http://127.0.0.1:8000 --login alice:demo / /mail/INBOX/ --out screenshots
    scripts/screenshots.py --base ... --widths 390 --themes dark --language ar --axe path/to/axe.min.js /preferences/

Says what spills over the width, which requests failed, what the console reported and, with ``--axe``, what axe finds.
Exits with 1 when there was any of it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, StorageState, sync_playwright

SIZES = {1440: (1440, 900), 1024: (1024, 768), 390: (390, 844)}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Theme = Literal["light", "dark"]
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def main() -> int:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        state = sign_in(browser, options) if options.login else None
        complaints = 0
        for width in options.widths:
            for theme in options.themes:
                complaints += pictures(browser, options, state, width, theme)
        browser.close()
    return 1 if complaints else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", help="pages, as paths from the base; 'name=/path/' names the picture")
    parser.add_argument("--base", default="http://127.0.0.1:8000")
    parser.add_argument("--login", help="user:password; without it the pages are seen signed out")
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--widths", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--themes", nargs="+", choices=["light", "dark"], default=["light", "dark"])
    parser.add_argument("--language", default="en")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--no-scripts", action="store_true")
    parser.add_argument("--axe", type=Path, help="axe.min.js, run on every page")
    parser.add_argument("--click", help="a selector to click before the picture: an open menu, a drawer")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    return parser.parse_args()


def sign_in(browser: Browser, options: argparse.Namespace) -> StorageState:
    name, _, password = options.login.partition(":")
    context = browser.new_context(locale=options.language)
    page = context.new_page()
    page.goto(f"{options.base}/sign-in/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    state = context.storage_state()
    context.close()
    return state


def pictures(
    browser: Browser, options: argparse.Namespace, state: StorageState | None, width: int, theme: Theme
) -> int:
    wide, high = SIZES[width]
    context = browser.new_context(
        viewport={"width": wide, "height": high},
        color_scheme=theme,
        locale=options.language,
        storage_state=state,
        device_scale_factor=options.scale,
        has_touch=width < 768,
        is_mobile=width < 768,
        java_script_enabled=not options.no_scripts,
        bypass_csp=options.axe is not None,  # axe is put into the page; without it the policy is seen at work
    )
    complaints = 0
    for given in options.paths:
        name, path = given.split("=", 1) if re.match(r"[\w-]+=/", given) else (slug(given), given)
        page = context.new_page()
        said: list[str] = []
        listen(page, said)
        answer = page.goto(f"{options.base}{path}")
        if not options.no_scripts:
            page.wait_for_load_state("networkidle")
        if options.click:
            page.click(options.click)
        page.screenshot(path=options.out / f"{name}-{width}-{theme}.png", animations="disabled")
        if answer and answer.status >= 500:
            said.append(f"status {answer.status}")
        if not options.no_scripts:
            said += checks(page, options)
        if answer and answer.status >= 400:  # an error page is asked for: Chromium's remark about it says nothing new
            said = [line for line in said if "Failed to load resource" not in line]
        for line in said:
            print(f"{path} {width} {theme}: {line}")
        complaints += len(said)
        page.close()
    context.close()
    return complaints


def listen(page: Page, said: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: said.append(str(error)))


def checks(page: Page, options: argparse.Namespace) -> list[str]:
    found = []
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if over > 0:
        found.append(f"{over} px too wide")
    if options.axe:
        page.add_script_tag(path=options.axe)
        result = page.evaluate("tags => axe.run(document, {runOnly: tags})", AXE_TAGS)
        for violation in result["violations"]:
            nodes = json.dumps([node["target"] for node in violation["nodes"]][:4], ensure_ascii=False)
            found.append(f"axe {violation['id']}: {violation['help']} {nodes}")
    return found


def slug(path: str) -> str:
    return re.sub(r"[^\w]+", "-", path).strip("-") or "home"


if __name__ == "__main__":
    sys.exit(main())
