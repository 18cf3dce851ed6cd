"""ES modules put together: one file has a module and all that it imports from its own app, so that a page does not
fetch them one by one.

What other apps have, and the frame's script, which is on every page, stays an import, and runs before the rest. A
module that is in several files runs once in a page all the same: the file that comes first notes what it exports,
under its name, for the others.

This reads lines, not the language, and so knows few forms, each at the beginning of a line: those of the patterns
below. Anything else that a module imports or exports raises ``UnknownForm``; it can be served as it is, beside the
others.
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
_AS = re.compile(r"\s+as\s+")
_LATER = re.compile(r"""\bimport\((?P<quote>["'])(?P<address>\.[^"']+)(?P=quote)\)""")
_SEVERAL = re.compile(r"""^export const [\w$]+ = (?:[^;({\["'`]*,|.*,\s*$).*""", re.MULTILINE)
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
        text = _IMPORT.sub(lambda found: self._taken(name, found), self.read(name))
        exports: dict[str, str] = {}  # name -> value
        for found in _PASS_ON.finditer(text):
            exports |= self._passed_on(name, found)
        exports |= {found["name"]: found["name"] for found in _EXPORT.finditer(text)}
        if default := _DEFAULT.search(text):
            exports["default"] = default["name"]
        for pattern in (_PASS_ON, _EXPORT, _DEFAULT):
            text = pattern.sub("", text)
        if unknown := _SEVERAL.search(self.read(name)) or _UNKNOWN.search(text):
            raise UnknownForm(f"{name}: {unknown[0].strip()[:80]}")
        text = _LATER.sub(lambda found: f'import("{self._address(_target(name, found))}")', text)
        values = ", ".join(f"{key}: {value}" for key, value in exports.items())
        body = f"{squeezed_script(name, text).strip()}\nreturn {{ {values} }};"
        self.inside[name] = f'{_NOTED}["{name}"] ??= (() => {{\n{body}\n}})();\n'
        self.under_way.pop()
        return list(exports)

    def _taken(self, name: str, found: re.Match[str]) -> str:
        """``import`` as a constant of what the other module exports."""
        there = self._value_of(_target(name, found))
        match (found["what"] or "").split(" as "):
            case [""]:
                return ""
            case ["*", whole]:
                return f"const {whole} = {there};"
            case [default] if not default.startswith("{"):
                return f"const {{ default: {default} }} = {there};"
            case _:
                return f"const {_AS.sub(': ', found['what'])} = {there};"

    def _passed_on(self, name: str, found: re.Match[str]) -> dict[str, str]:
        there = self._value_of(_target(name, found))
        names = [each.strip().partition(" as ") for each in found["what"].strip("{ ,}").split(",")]
        return {ours or its: f"{there}.{its}" for its, _as, ours in names}

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
        lines += [f'const {_NOTED} = (globalThis[Symbol.for("portal.modules")] ??= {{}});\n', *self.inside.values()]
        here = f'{_NOTED}["{self.entry}"]'
        if named := [name for name in exports if name != "default"]:
            lines.append(f"export const {{ {', '.join(named)} }} = {here};\n")
        if "default" in exports:
            lines.append(f"export default {here}.default;\n")
        return "".join(lines)


def _target(importer: str, found: re.Match[str]) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), found["address"]))


def bundle(name: str, read: Callable[[str], str]) -> str:
    """The module of that name (``mail/js/mail.js``) with what it imports from its app; ``read`` gives their texts."""
    return str(_Bundle(name, read))
