"""The style sheets and the sprite: small, readable in both themes, and whole in browsers without light-dark()."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from portal.squeeze import squeezed_css, squeezed_script
from scripts import sprite

ROOT = Path(__file__).parents[2]
PORTAL = ROOT / "portal/static/portal"
SHEETS = [PORTAL / "css/yurt.css", *(ROOT / f"apps/mail/static/mail/css/{name}.css" for name in ("mail", "search"))]
BESIDES = [  # for some pages only
    PORTAL / "css/person.css",
    ROOT / "apps/mail/static/mail/css/compose.css",
    ROOT / "apps/mail/static/mail/css/pages.css",
    ROOT / "apps/contacts/static/contacts/css/contacts.css",
    ROOT / "apps/spellcheck/static/spellcheck/css/writing.css",
]
CSS = SHEETS[0].read_text("utf-8")
FALLBACK_START = CSS.index("@supports not (color: light-dark")
TOKENS = {
    name: (pair[1], pair[2]) if (pair := re.fullmatch(r"light-dark\((#\w+), (#\w+)\)", value)) else (value, value)
    for name, value in re.findall(r"--([\w-]+): ([^;]+);", CSS[:FALLBACK_START])
    if "#" in value
}
FALLBACK = dict(re.findall(r"--([\w-]+): ([^;]+);", CSS[FALLBACK_START : CSS.index("@layer base {")]))

TEXT = [
    (ink, ground, 4.5)
    for ink in ("ink", "ink-2", "ink-3", "accent")
    for ground in ("surface", "canvas", "sunken", "hover", "accent-soft", "raised")
]
PAIRS = [
    *TEXT,
    ("ink-2", "accent-soft-2", 4.5),
    ("accent", "accent-soft-2", 4.5),
    ("ink", "nav-on", 4.5),
    ("ink-2", "nav-hover", 4.5),
    ("ink-2", "press", 4.5),
    ("on-accent", "accent-fill", 4.5),
    ("on-accent", "accent-fill-hover", 4.5),
    ("on-accent", "danger-fill", 4.5),
    ("danger", "danger-soft", 4.5),
    ("danger", "surface", 4.5),
    ("warn", "warn-soft", 4.5),
    ("warn", "surface", 4.5),
    ("ok", "ok-soft", 4.5),
    ("ok", "surface", 4.5),
    ("ink", "mark", 4.5),
    ("ink-3", "warn-soft", 4.5),
    ("ink-2", "danger-soft", 4.5),
    ("rail-ink", "rail", 4.5),
    ("rail-ink", "rail-on", 4.5),
    ("on-crown", "crown", 4.5),
    ("on-toast", "toast", 4.5),
    ("toast-link", "toast", 4.5),
    ("flag", "surface", 3),
    ("line-control", "surface", 3),
    ("line-control", "sunken", 3),
    ("focus", "surface", 3),
    ("focus", "canvas", 3),
    ("accent-fill", "surface", 3),
]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("text", "ground", "needed"), PAIRS)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_controls_stand_out_from_their_ground(text: str, ground: str, needed: float, theme: int) -> None:
    assert contrast(TOKENS[text][theme], TOKENS[ground][theme]) >= needed


def test_old_browsers_get_the_light_value_of_every_colour() -> None:
    two_sided = {name: light for name, (light, dark) in TOKENS.items() if light != dark}
    assert two_sided == FALLBACK


@pytest.mark.parametrize("sheet", [*SHEETS, *BESIDES], ids=lambda path: path.name)
def test_two_sided_colours_outside_the_tokens_have_a_plain_one_before_them(sheet: Path) -> None:
    rules = sheet.read_text("utf-8")
    rules = rules[rules.index("@layer base {") :] if "@layer base {" in rules else rules
    for rule in re.findall(r"[^{}]+\{([^{}]*light-dark\([^{}]*)\}", rules):
        for name in re.findall(r"([\w-]+): light-dark\(", rule):
            before = rule[: rule.index(f"{name}: light-dark(")]
            assert re.search(rf"(?<![\w-]){name}: ", before), rule


@pytest.mark.parametrize("sheet", [*SHEETS, *BESIDES], ids=lambda path: path.name)
def test_only_known_tokens_are_used(sheet: Path) -> None:
    known = set(re.findall(r"--([\w-]+):", CSS))
    assert set(re.findall(r"var\(--([\w-]+)\)", sheet.read_text("utf-8"))) <= known


def test_what_is_served_has_the_same_rules(page: Page) -> None:
    """A style sheet is made smaller on its way out: for the browser it is the same, but for blanks in custom
    properties, which it keeps as they are written."""
    rules = """(css) => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(css);
        return [...sheet.cssRules].map((rule) => rule.cssText.replace(/\\s+/g, " ").replace(/ ?, ?/g, ","));
    }"""
    for sheet in (*SHEETS, *BESIDES):
        written = sheet.read_text("utf-8")
        assert page.evaluate(rules, squeezed_css(written)) == page.evaluate(rules, written)
        assert len(squeezed_css(written)) < len(written)


def test_scripts_are_served_without_what_only_their_authors_read() -> None:
    written = "/* What it\n   does. */\n// And why.\nif (here) {\n  act(`a // b`); // now\n\n  /** More. */\n}\n"
    assert squeezed_script("app/a.js", written) == "if (here) {\nact(`a // b`);\n}\n"


@pytest.mark.parametrize("script", ["const a = `one\n  two`;\n", "/* a */ act();\n  go();\n", "act('; // a');\n"])
def test_a_script_in_which_blanks_may_mean_something_stays_as_it_is(script: str) -> None:
    assert squeezed_script("app/a.js", script) == script


def test_the_budgets_hold() -> None:
    def weight(*texts: str) -> int:
        return len(gzip.compress("".join(texts).encode(), 9))

    def script(name: str) -> str:
        return squeezed_script(name, (PORTAL / "js" / name).read_text("utf-8"))

    assert weight(*(squeezed_css(sheet.read_text("utf-8")) for sheet in SHEETS)) <= 14 * 1024
    assert weight(sprite.SPRITE.read_text("utf-8")) <= 3 * 1024
    assert weight(sprite.MORE.read_text("utf-8")) <= 6 * 1024
    frame = ["portal.js", "keys.js", "dom.js"]  # on every page; mail adds its own to the ten
    assert weight(*map(script, frame)) <= 6 * 1024
    others = {path.name for path in (PORTAL / "js").glob("*.js")} - {*frame, "palette.js"}
    assert all(weight(script(name)) <= 1024 for name in others)
    assert weight(script("palette.js")) <= 2 * 1024  # when somebody presses Ctrl+K


def test_the_sprites_have_exactly_the_icons_that_are_named() -> None:
    """Rebuild them with scripts/sprite.py after an icon has come or gone."""
    found = sprite.symbols()
    assert len(found) == len(set(found)), "in both"
    assert set(found) == sprite.named_icons(set(found))
