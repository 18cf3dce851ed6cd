"""A template that is drawn many times over with other words in it: drawn once with holes, then filled.

Fifty rows of a list differ in their words, hardly ever in their markup. Django draws each node of each row anew; a
stencil is drawn once for each kind of row, and a row then costs one ``%`` of a string. The template stays an ordinary
one: given values instead of holes it draws the same.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from django.utils.safestring import SafeString, mark_safe

_HOLE = re.compile("\ue000([a-z_]+)\ue001")


def hole(name: str) -> SafeString:
    """Stands in a template for a value that comes later."""
    return mark_safe(f"\ue000{name}\ue001")  # noqa: S308 - a name of ours


class Stencil:
    """``drawn`` is what a template made of holes. What fills them is escaped here, unless it is safe already."""

    def __init__(self, drawn: str) -> None:
        self.holes = frozenset(_HOLE.findall(drawn))
        self.alone = mark_safe(drawn)  # noqa: S308 - for one without holes
        self._format = _HOLE.sub(r"%(\1)s", drawn.replace("%", "%%"))

    def fill(self, values: Mapping[str, object]) -> SafeString:
        filled = {
            name: value if isinstance(value, SafeString) else html.escape(str(value)) for name, value in values.items()
        }
        return mark_safe(self._format % filled)  # noqa: S308 - a template's, and what was escaped above
