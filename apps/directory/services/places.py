"""Where a page of the directory looks: its address, and the tree beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.directory.lookup import words
from apps.directory.lookup.client import Client
from apps.directory.lookup.outline import Outline, Path
from apps.directory.services import directories, outlines
from apps.directory.services.people import Question

SHAPES = ("list", "cards", "chart")
MOST_VALUES = 20  # of one kind that are ticked
MOST_UNITS = 400  # that are all drawn; of more, those along the way


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    q: str = ""
    directory: str = ""  # "" for all of them
    unit: Path = ()  # below the base of the directory
    buildings: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    shape: str = "list"
    page: int = 1

    @classmethod
    def parse(cls, given: QueryDict) -> View:
        """Whatever is no view is left out."""
        directory = given.get("in", "")
        known = directory in directories.clients()
        page, shape = given.get("page", ""), given.get("as", "")
        return cls(
            q=given.get("q", "").strip()[: words.MOST_LETTERS],
            directory=directory if known else "",
            unit=split(given.get("unit", "")) if known else (),
            buildings=tuple(given.getlist("building")[:MOST_VALUES]),
            places=tuple(given.getlist("place")[:MOST_VALUES]),
            languages=tuple(given.getlist("speaks")[:MOST_VALUES]),
            shape=shape if shape in SHAPES else "list",
            page=int(page) if page.isascii() and page.isdecimal() and 0 < int(page[:6]) < 100_000 else 1,
        )

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What stands in the address, for links and for forms."""
        found = [("q", self.q), ("in", self.directory), ("unit", joined(self.unit))]
        found += [("building", value) for value in self.buildings]
        found += [("place", value) for value in self.places]
        found += [("speaks", value) for value in self.languages]
        found += [("as", "" if self.shape == "list" else self.shape)]
        found += [("page", "" if self.page == 1 else str(self.page))]
        return [pair for pair in found if pair[1]]

    @property
    def query(self) -> str:
        return f"?{urlencode(self.fields)}" if self.fields else ""

    @property
    def path(self) -> str:
        return reverse("directory:index")

    @property
    def url(self) -> str:
        return self.path + self.query

    @property
    def narrowed(self) -> bool:
        return bool(self.buildings or self.places or self.languages)

    def person_url(self, key: str) -> str:
        return reverse("directory:person", args=[key]) + self.query

    def question(self) -> Question:
        return Question(
            query=self.q,
            directory=self.directory,
            unit=self.unit,
            buildings=self.buildings,
            places=self.places,
            languages=self.languages,
        )

    def at(self, directory: str, unit: Path) -> View:
        return View(directory=directory, unit=unit, shape=self.shape, q=self.q)

    def everywhere(self) -> View:
        return replace(self, directory="", unit=(), page=1)

    def clients(self) -> dict[str, Client]:
        found = directories.clients()
        return {self.directory: found[self.directory]} if self.directory else found


def joined(unit: Path) -> str:
    return "/".join(name.replace("~", "~0").replace("/", "~1") for name in unit)


def split(text: str) -> Path:
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in text.split("/") if name)[:20]


# --- the tree ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    url: str
    count: int
    here: bool
    unfolded: bool
    root: bool
    children: tuple[Node, ...]


def tree(view: View) -> list[Node]:
    """One for each directory that has been read."""
    found = [(client, outlines.current(client)) for client in directories.clients().values()]
    return [_root(view, client, outline) for client, outline in found if outline is not None]


def _root(view: View, client: Client, outline: Outline) -> Node:
    only = len(directories.clients()) == 1
    here = view.directory == client.source.name
    return Node(
        name=directories.title(client.source),
        url=replace(view.at(client.source.name, ()), q="").url,
        count=len(outline.people),
        here=here and not view.unit,
        unfolded=only or here,
        root=True,
        children=tuple(_children(view, client.source.name, outline, outline.top)),
    )


def _children(view: View, directory: str, outline: Outline, unit: Path) -> Iterator[Node]:
    for child in outline.below.get(unit, ()):
        along = view.directory == directory and view.unit[: len(child)] == child
        whole = along or len(outline.counts) <= MOST_UNITS
        yield Node(
            name=child[-1],
            url=replace(view.at(directory, child), q="").url,
            count=outline.counts[child],
            here=along and view.unit == child,
            unfolded=along,
            root=False,
            children=tuple(_children(view, directory, outline, child)) if whole else (),
        )


def crumbs(view: View) -> list[tuple[str, str]]:
    """Names and addresses from the directory down to the unit."""
    if not view.directory:
        return [(_("Everyone"), View(shape=view.shape).url)]
    client = directories.clients()[view.directory]
    outline = outlines.current(client, wait=0)
    top = len(outline.top) if outline and view.unit[: len(outline.top)] == outline.top else 0
    steps = [(directories.title(client.source), replace(view.at(view.directory, ()), q="").url)]
    for depth in range(top + 1, len(view.unit) + 1):
        unit = view.unit[:depth]
        steps.append((unit[-1], replace(view.at(view.directory, unit), q="").url))
    return steps
