"""Hands and eyes in the browser that begin when the page is there, as a person's do.

A machine is quicker: between the first byte of a page and the moment its modules have run it would have typed already,
or have counted the rows of a page that is half read. What happens to those who really are that quick is tested for
itself, with the modules held.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Keyboard, Locator, Page

DONE_BY_HAND = (
    *("check", "click", "drag_to", "fill", "focus", "hover", "press", "press_sequentially", "select_option"),
    *("set_input_files", "tap", "uncheck"),
)
SEEN_AT_ONCE = (  # what Playwright answers without waiting for anything
    *("all", "all_inner_texts", "all_text_contents", "count", "evaluate_all"),
    *("is_checked", "is_hidden", "is_visible", "title"),
)


def wait_for_pages() -> None:
    """From now on, every `Page`, `Locator` and keyboard of this process waits for the modules of its page first.

    What a script of a test asks of the page (`evaluate`) is left as it is: it may be about the time before.

    Modules run before DOMContentLoaded (HTML, 13.2.7); pictures and frames may still be on their way.
    """
    if isinstance(Page.keyboard, _Keyboard):
        return
    Page.keyboard = _Keyboard(Page.keyboard)  # type: ignore[assignment, method-assign, arg-type]
    for cls in (Page, Locator):
        for name in (*DONE_BY_HAND, *SEEN_AT_ONCE):
            if action := getattr(cls, name, None):
                setattr(cls, name, _when_there(action))


def _when_there(action: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(action)
    def act(self: Page | Locator, *args: Any, **options: Any) -> Any:
        (self if isinstance(self, Page) else self.page).wait_for_load_state("domcontentloaded")
        return action(self, *args, **options)

    return act


class _Keyboard(property):
    def __init__(self, keyboard: property) -> None:
        super().__init__(keyboard.fget)

    def __get__(self, page: Any, owner: type | None = None) -> Keyboard | _Keyboard:  # type: ignore[override]
        if page is None:
            return self
        page.wait_for_load_state("domcontentloaded")
        keyboard: Keyboard = super().__get__(page, owner)
        return keyboard


def at_once(action: Callable[..., Any]) -> Callable[..., Any]:
    """The action of hands or eyes that do not wait: ``at_once(Page.fill)(page, selector, text)``."""
    return getattr(action, "__wrapped__", action)
