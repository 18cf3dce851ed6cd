"""The home page as one person arranged it: which blocks, in which order, how wide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db import transaction

from portal.http import PortalRequest
from portal.models import HomeBlock
from portal.registry import Block, get_registry

WIDTHS = (1, 2, 3)  # of three columns


class UnknownBlock(LookupError):
    """No installed app offers this block to this person."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A block at its place on somebody's home page."""

    block: Block
    width: int


Layout = list[Placed]


def available(request: PortalRequest) -> dict[str, Block]:
    """Every block this person may have, in the order the apps wish for."""
    blocks = sorted(get_registry().blocks.values(), key=lambda block: block.order)
    return {block.id: block for block in blocks if block.visible(request)}


def get_block(request: PortalRequest, block_id: str) -> Block:
    try:
        return available(request)[block_id]
    except KeyError:
        raise UnknownBlock(block_id) from None


def layout(request: PortalRequest) -> Layout:
    """What stands on the page: the person's own arrangement, then default blocks they have not decided about."""
    blocks = available(request)
    rows = {row.block: row for row in HomeBlock.objects.filter(user_id=request.user.pk)}
    own = [Placed(blocks[row.block], row.width) for row in rows.values() if row.shown and row.block in blocks]
    new = [Placed(block, block.width) for block in blocks.values() if block.default and block.id not in rows]
    return own + new


def addable(request: PortalRequest, placed: Layout) -> list[Block]:
    there = {item.block.id for item in placed}
    return [block for block in available(request).values() if block.id not in there]


def add(request: PortalRequest, block_id: str) -> None:
    block = get_block(request, block_id)

    def change(items: Layout) -> Layout:
        return items if _index(items, block_id) is not None else [*items, Placed(block, block.width)]

    _change(request, change)


def remove(request: PortalRequest, block_id: str) -> None:
    get_block(request, block_id)
    _change(request, lambda items: [item for item in items if item.block.id != block_id])


def resize(request: PortalRequest, block_id: str, width: int) -> None:
    get_block(request, block_id)
    if width not in WIDTHS:
        raise ValueError(f"a block is 1, 2 or 3 columns wide, not {width}")
    _change(request, lambda items: [replace(i, width=width) if i.block.id == block_id else i for i in items])


def move(request: PortalRequest, block_id: str, steps: int) -> None:
    """Move a block ``steps`` places towards the end of the page, or towards its beginning when negative."""
    get_block(request, block_id)

    def change(items: Layout) -> Layout:
        index = _index(items, block_id)
        if index is None:
            return items
        rest = items[:index] + items[index + 1 :]
        to = min(max(index + steps, 0), len(rest))
        return [*rest[:to], items[index], *rest[to:]]

    _change(request, change)


def reset(request: PortalRequest) -> None:
    """Back to what those see who never changed anything."""
    HomeBlock.objects.filter(user_id=request.user.pk).delete()


def _index(items: Layout, block_id: str) -> int | None:
    return next((index for index, item in enumerate(items) if item.block.id == block_id), None)


def _change(request: PortalRequest, change: Callable[[Layout], Layout]) -> None:
    """Apply ``change`` to the layout and write the rows that differ, one per block, in one transaction."""
    with transaction.atomic():
        before = layout(request)
        after = change(before)
        rows = {row.block: row for row in HomeBlock.objects.select_for_update().filter(user_id=request.user.pk)}
        kept = {item.block.id for item in after}
        for position, item in enumerate(after):
            _write(request, rows.get(item.block.id), item, position=position, shown=True)
        for item in before:
            if item.block.id not in kept:
                _write(request, rows.get(item.block.id), item, position=len(after), shown=False)


def _write(request: PortalRequest, row: HomeBlock | None, item: Placed, *, position: int, shown: bool) -> None:
    if row is None:
        HomeBlock.objects.create(
            user_id=request.user.pk, block=item.block.id, position=position, width=item.width, shown=shown
        )
        return
    wanted = (position, item.width, shown)
    if (row.position, row.width, row.shown) != wanted:
        row.position, row.width, row.shown = wanted
        row.save(update_fields=["position", "width", "shown"])
