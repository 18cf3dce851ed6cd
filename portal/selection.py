"""Which apps a site has: the setting PORTAL_APPS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec

from portal.conf import words


def portal_apps(default: Sequence[str]) -> Callable[[str], list[str]]:
    """Modules of the chosen apps: ``mail contacts`` is the whole list, ``+name`` and ``-name`` change the default,
    ``none`` is the core alone.

    A bare name is a module below ``apps`` where there is one, else an installed package of that name.
    """

    def parse(value: str) -> list[str]:
        entries = words(value)
        signed = [entry for entry in entries if entry[0] in "+-"]
        if signed and len(signed) != len(entries):
            raise ValueError("write either a whole list (mail, contacts) or changes to the default (+name, -name).")
        whole = [] if entries == ["none"] else entries or list(default)
        names = _changed(default, signed) if signed else whole
        return [_module(name) for name in dict.fromkeys(names)]

    return parse


def _changed(default: Sequence[str], entries: Iterable[str]) -> list[str]:
    names = list(default)
    for entry in entries:
        name = entry[1:]
        if entry[0] == "+":
            names.append(name)
        elif name in names:
            names.remove(name)
        else:
            raise ValueError(f"{entry} takes away an app that is not there; the default is: {', '.join(default)}.")
    return names


def _module(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
        raise ValueError(f"{name!r} is not the name of an app.")
    for module in (f"apps.{name}", name):
        try:
            if find_spec(module) is not None:
                return module
        except ModuleNotFoundError:
            continue
    raise ValueError(f"there is no app {name!r}: install its package into this environment, or take the name out.")
