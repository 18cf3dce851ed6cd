"""Who reports to whom, from the outline: nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.directory.lookup.outline import Line, Outline
from apps.directory.services import directories, outlines
from apps.directory.services.listing import Page
from apps.directory.services.places import View

MOST = 400  # people in one chart
OPEN = 2  # steps that are unfolded


@dataclass(slots=True)
class Box:
    line: Line
    url: str
    photo: bool
    team: int  # people who report to them, in the unit or not
    unfolded: bool
    below: list[Box] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chart:
    boxes: list[Box]
    alone: int  # people of the unit who are in no team here
    cut: bool  # whether there are more than are drawn


def of(view: View) -> Chart:
    """The people of the view's unit, each below their manager; a manager outside of it is not drawn."""
    boxes: list[Box] = []
    alone, drawn = 0, [0]
    for client in view.clients().values():
        outline = outlines.current(client)
        if outline is None:
            continue
        inside = {line.dn for line in outline.of(view.unit)}
        heads = outline.heads(view.unit)
        boxes += [box for head in heads if (box := _box(view, outline, head, inside, 0, drawn, frozenset()))]
        alone += sum(1 for line in outline.of(view.unit) if line.dn not in outline.team and line.manager not in inside)
    return Chart(boxes, alone, drawn[0] >= MOST)


def page(view: View) -> Page:
    found = [outlines.current(client, wait=0) for client in view.clients().values()]
    total = sum(outline.counts.get(view.unit, 0) for outline in found if outline)
    return Page(rows=[], total=total, elsewhere=[], facets=[], hosts=directories.hosts(view.clients().values()))


def way_up(outline: Outline, line: Line) -> list[Line]:
    """The managers above somebody, the highest first."""
    found: list[Line] = []
    while line.manager and (above := outline.by_dn.get(line.manager)) and above not in found and len(found) < 20:
        found.append(above)
        line = above
    return found[::-1]


def _box(
    view: View, outline: Outline, line: Line, inside: set[str], depth: int, drawn: list[int], above: frozenset[str]
) -> Box | None:
    """A circle of managers ends where it begins."""
    if line.dn in above or drawn[0] >= MOST:
        return None
    drawn[0] += 1
    team = outline.team.get(line.dn, ())
    box = Box(
        line,
        view.person_url(line.key),
        line.key in outline.photos,
        len(team),
        depth < OPEN,
    )
    for each in team:
        if each.dn in inside:
            below = _box(view, outline, each, inside, depth + 1, drawn, above | {line.dn})
            box.below += [below] if below else []
    return box
