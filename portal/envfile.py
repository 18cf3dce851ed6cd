"""The file with the site's settings, read in one way by ``make run`` and by Django. Standard library only.

A line is empty, a comment, or ``NAME=value``, with ``export`` before it or blanks around ``=`` if somebody likes that.
A value with a blank before ``#``, or with ``#`` or a quotation mark at its beginning, stands in quotation marks: in
single ones as it is, in double ones with a backslash before ``"`` and before itself. Anything else is refused, so that
no setting is lost quietly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(
    r"""\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*
        (?: '([^']*)' | "((?:[^"\\]|\\.)*)" | ((?![\#'"]).*?) )
        \s*(?:(?<=\s)\#.*)?""",
    re.VERBOSE | re.ASCII,
)

YES = frozenset({"yes", "true", "on", "1"})


class Unreadable(ValueError):
    """What is wrong with the file, and what to write instead."""


def locate(environment: Mapping[str, str], usual: Path) -> Path | None:
    """The file to read: the one that ENV_FILE names (none when it is empty), else ``usual`` where it is there."""
    chosen = environment.get("ENV_FILE")
    if chosen is None:
        return usual if usual.exists() else None
    if not chosen:
        return None
    path = usual.parent / chosen  # relative to the project, like DATA_DIR
    if not path.is_file():
        raise Unreadable(f"ENV_FILE names {path}, which is no file; correct the path, or leave it empty for no file.")
    return path


def read(environment: Mapping[str, str], usual: Path) -> dict[str, str]:
    """The settings in the file; raises ``Unreadable``. That the environment wins is the caller's business."""
    path = locate(environment, usual)
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror}); let the portal's user read it.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is not text in UTF-8; save it anew in that encoding.") from None
    try:
        return parse(text)
    except ValueError as error:
        raise Unreadable(f"{path}, {error}") from None


def parse(text: str) -> dict[str, str]:
    """Raises ``ValueError`` with the number of the first line that says nothing, never with its content."""
    found = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or "\0" in line:
            raise ValueError(
                f"line {number} is not understood; write NAME=value, and a value with # or quotation marks in quotes."
            )
        name, single, double, plain = match.groups()
        found[name] = single if single is not None else re.sub(r"\\(.)", r"\1", double) if double is not None else plain
    return found
