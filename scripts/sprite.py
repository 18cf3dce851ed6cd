#!/usr/bin/env python3
"""Rebuild the two icon sprites from Lucide (https://lucide.dev) with exactly the icons this repository names.

    npm pack lucide-static@1.62.0 && tar xzf lucide-static-*.tgz
    python -m scripts.sprite package/icons

The first sprite has the icons of the frame and of a list of mail, which everybody's first visit fetches. New icons come
into the second one, unless they are put into the first by hand.

Apps from elsewhere choose among what is there, or bring pictures of their own.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPRITE = ROOT / "portal/static/portal/sprite.svg"
MORE = ROOT / "portal/static/portal/sprite-more.svg"
IN_TEMPLATES = (r'\{%\s*icon "([\w-]+)"', r'\bicon="([\w-]+)"', r'icon\|default:"([\w-]+)"')


def symbols(*sprites: Path) -> list[str]:
    """The icons that these sprites have, or both."""
    texts = (path.read_text("utf-8") for path in sprites or (SPRITE, MORE))
    return [name for text in texts for name in re.findall(r'<symbol id="([\w-]+)"', text)]


def named_icons(known: set[str]) -> set[str]:
    """The icons that templates and registrations name, and every word in the code that is one of ``known``."""
    names: set[str] = set()
    for folder in ("templates", "portal", "apps"):
        for template in (ROOT / folder).rglob("*.html"):
            text = template.read_text("utf-8")
            names.update(*(re.findall(pattern, text) for pattern in IN_TEMPLATES))
        for module in (ROOT / folder).rglob("*.py"):
            text = module.read_text("utf-8")
            names.update(re.findall(r'\bicon="([\w-]+)"', text))
            names.update(known.intersection(re.findall(r'"([a-z][a-z0-9-]*)"', text)))
    return names


def symbol(source: Path) -> str:
    found = re.search(r"<svg[^>]*>(.*)</svg>", source.read_text("utf-8"), re.DOTALL)
    assert found is not None, source
    body = re.sub(r"\s+", " ", found[1]).replace("> <", "><").replace(" />", "/>").strip()
    return f'<symbol id="{source.stem}" viewBox="0 0 24 24">{body}</symbol>'


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    icons = Path(sys.argv[1])
    names = sorted(named_icons(set(symbols())))
    missing = [name for name in names if not (icons / f"{name}.svg").exists()]
    if missing:
        print(f"Lucide has no icon called {', '.join(missing)}.", file=sys.stderr)
        return 1
    first = set(symbols(SPRITE))
    for path, its in ((SPRITE, first.intersection(names)), (MORE, set(names) - first)):
        lines = [symbol(icons / f"{name}.svg") for name in sorted(its)]
        path.write_text("\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *lines, "</svg>"]) + "\n", "utf-8")
        print(f"{path.name}: {len(its)} icons, {path.stat().st_size} octets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
