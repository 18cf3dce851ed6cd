"""ES modules put together: one file has a module and all that it imports from its own app, so that a page does not fetch
them one by one.

What other apps have, and the frame's script, which is on every page, stays an import, and runs before the rest. A module
that is in several files runs once in a page all the same: the file that comes first notes what it exports, under its
name, for the others.

This reads lines, not the language, and so knows few forms, each at the beginning of a line: those of the patterns below.
Anything else that a module imports or exports raises ``UnknownForm``; it can be served as it is, beside the others.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from portal.squeeze import squeezed_script

FRAME = "portal/js/portal.js"

_FROM = r"""["'](?P<address>\.[^"']+)["'];"""
_IMPORT = re.compile(rf"^import (?:(?P<what>\{{[^}}]*\}}|\* as [\w$]+|[\w$]+) from )?{_FROM}", re.MULTILINE)
_PASS_ON = re.compile(rf"^export (?P<what>\{{[^}}]*\}}) from {_FROM}", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:(?:async )?function|class|const) (?P<name>[\w$]+))", re.MULTILINE)
_DEFAULT = re.compile(r"(?:^|(?<=;))export default (?P<name>[\w$]+);\s*\Z", re.MULTILINE)
_LATER = re.compile(r"""\bimport\((?P<quote>["'])(?P<address>\.[^"']+)(?P=quote)\)""")
#: An import or export that is none of these; a file that asks for its own address; a module that waits.
_UNKNOWN = re.compile(
    r"""(?:^|[;}])\s*(?:import|export)\b(?!\s*\().*|\bimport\.meta\b.*|\bimport\(\s*(?!["']\.).*"""
    r"""|^(?!.*\basync\b)(?:\S.*)?\bawait\b.*""",
    re.MULTILINE,
)
_NOTED = "$modules"  # in each file, what the page's modules export, by name


class UnknownForm(ValueError):
    """A module is written in a way that is not known here; two that import each other are, too."""


@dataclass
class _Bundle:
    entry: str
    read: Callable[[str], str]
    outside: dict[str, str] = field(default_factory=dict)  # the name that each has here
    inside: dict[str, str] = field(default_factory=dict)  # in the order in which they run
    under_way: list[str] = field(default_factory=list)

    def add(self, name: str) -> list[str]:
        """Put a module into it, after those that it imports; the names of its exports."""
        if name in self.under_way:
            raise UnknownForm(f"{name} and {self.under_way[-1]} import each other")
        self.under_way.append(name)
        exports: dict[str, str] = {}  # name -> value

        def take(match: re.Match[str]) -> str:
            there = self._value_of(_target(name, match["address"]))
            what = re.sub(r"([\w$]+) as ([\w$]+)", r"\1: \2", match["what"] or "")
            if what.startswith("*"):
                return f"const {what.removeprefix('* as ')} = {there};"
            if what and not what.startswith("{"):
                what = f"{{ default: {what} }}"
            return what and f"const {what} = {there};"

        def pass_on(match: re.Match[str]) -> str:
            there = self._value_of(_target(name, match["address"]))
            for each in filter(None, map(str.strip, match["what"].strip("{}").split(","))):
                its, _as, ours = each.partition(" as ")
                exports[ours or its] = f"{there}.{its}"
            return ""

        def export(match: re.Match[str]) -> str:
            exports[match["name"]] = match["name"]
            return ""

        def default(match: re.Match[str]) -> str:
            exports["default"] = match["name"]
            return ""

        def later(match: re.Match[str]) -> str:
            return f'import("{self._address(_target(name, match["address"]))}")'

        text = self.read(name)
        for pattern, rewrite in ((_IMPORT, take), (_PASS_ON, pass_on), (_EXPORT, export), (_DEFAULT, default)):
            text = pattern.sub(rewrite, text)
        if found := _UNKNOWN.search(text):
            raise UnknownForm(f"{name}: {found[0].strip()[:80]}")
        text = squeezed_script(name, _LATER.sub(later, text)).strip()
        values = ", ".join(f"{key}: {value}" for key, value in exports.items())
        self.inside[name] = f'{_NOTED}["{name}"] ??= (() => {{\n{text}\nreturn {{ {values} }};\n}})();\n'
        self.under_way.pop()
        return list(exports)

    def _value_of(self, name: str) -> str:
        if name != FRAME and name.partition("/")[0] == self.entry.partition("/")[0]:
            if name not in self.inside:
                self.add(name)
            return f'{_NOTED}["{name}"]'
        return self.outside.setdefault(name, f"${len(self.outside) + 1}")

    def _address(self, name: str) -> str:
        path = posixpath.relpath(name, posixpath.dirname(self.entry))
        return path if path.startswith("../") else f"./{path}"

    def __str__(self) -> str:
        exports = self.add(self.entry)
        lines = [f'import * as {its} from "{self._address(name)}";\n' for name, its in self.outside.items()]
        lines += [f'const {_NOTED} = (globalThis[Symbol.for("modules")] ??= {{}});\n', *self.inside.values()]
        here = f'{_NOTED}["{self.entry}"]'
        if named := [name for name in exports if name != "default"]:
            lines.append(f"export const {{ {', '.join(named)} }} = {here};\n")
        if "default" in exports:
            lines.append(f"export default {here}.default;\n")
        return "".join(lines)


def _target(importer: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), address))


def bundle(name: str, read: Callable[[str], str]) -> str:
    """The module of that name (``mail/js/mail.js``) with all that it imports from its app; ``read`` gives their texts."""
    return str(_Bundle(name, read))
