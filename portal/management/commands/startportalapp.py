from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.registry import RESERVED

TEMPLATE = Path(__file__).resolve().parents[2] / "app_template"
SUFFIX = "-tpl"  # keeps linters, the extraction of messages and Python away from the template


class Command(BaseCommand):
    help = "Writes the package of a new app for the portal: small, complete, with tests that pass."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the app's id and Python module: lower-case letters, digits and _")
        parser.add_argument("folder", nargs="?", type=Path, help="where to put it; default: a new folder NAME here")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        target: Path = (options["folder"] or Path(name)).resolve()
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise CommandError(f"{name!r} cannot be a module's name: use lower-case letters, digits and _.")
        if name in RESERVED:
            raise CommandError(f"{name} cannot be an app's id: /{name}/ is an address of the portal itself.")
        if find_spec(name) is not None or find_spec(f"apps.{name}") is not None:
            raise CommandError(f"There is already a module called {name}.")
        if target.exists() and any(target.iterdir()):
            raise CommandError(f"{target} is not empty.")
        write(name, target)
        python = sys.executable
        self.stdout.write(f"{target}: `make environment` here, then try its tests there: {python} -m pytest")
        self.stdout.write(f"To install it: {python} -m pip install {target}")


def write(name: str, target: Path) -> None:
    """Write the package ``name`` into the folder ``target``."""
    words = {
        "[[name]]": name,
        "[[Class]]": "".join(part.capitalize() for part in name.split("_")),
        "[[portal]]": Path(os.path.relpath(settings.BASE_DIR, target)).as_posix(),
    }
    for source in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        path = target / _place(source.relative_to(TEMPLATE), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(source.read_text(encoding="utf-8"), words), encoding="utf-8")
        if path.suffix == ".po":
            with path.open("rb") as po, path.with_suffix(".mo").open("wb") as mo:
                write_mo(mo, read_po(po))


def _place(path: Path, name: str) -> Path:
    """``app`` stands for the app's name in folders and files of the template."""
    parts = [name if part == "app" else part for part in path.parts]
    file = parts[-1].removesuffix(SUFFIX).replace("[[name]]", name)
    return Path(*parts[:-1], f"{name}.css" if file == "app.css" else file)


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text
