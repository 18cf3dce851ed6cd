"""The home page. The page itself asks no app anything: each block is a request of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal import addressing, fanout, home, notices
from portal.contracts import BlockUnavailable, Text
from portal.credentials import Locked
from portal.http import PortalRequest, is_fragment, safe_next
from portal.registry import Block, get_registry

ALL_BUDGET = 8.0  # seconds for the page that shows every block at once, for browsers without scripts
COLUMNS = {1: "b4", 2: "b8", 3: "b12"}  # of the twelve in yurt.css

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Card:
    """One block as the templates draw it. Without ``html`` it fetches itself."""

    block: Block
    width: int
    html: SafeString | None = None

    @property
    def columns(self) -> str:
        return COLUMNS[self.width]

    @property
    def anchor(self) -> str:
        return anchor(self.block)


@login_required
@require_safe
def home_page(request: PortalRequest) -> HttpResponse:
    """``?customise`` arranges the blocks; ``?all`` renders them into the page, which needs no script."""
    placed = home.layout(request)
    customising = "customise" in request.GET
    cards = [Card(item.block, item.width) for item in placed]
    all_shown = "all" in request.GET and not customising
    if all_shown:
        cards = _rendered(request, cards)
    context = {
        "greeting": _greeting(timezone.localtime().hour) % {"name": request.user.get_short_name()},
        "now": timezone.now(),
        "notices": notices.unread(request.user),
        "cards": cards,
        "customising": customising,
        "all_shown": all_shown,
        "addable": home.addable(request, placed) if customising or not placed else [],
        "can_add": bool(home.addable(request, placed)),
        "compose_url": addressing.compose_url(user=request.user),
        "widths": _widths(),
    }
    return render(request, "portal/home.html", context)


@login_required
@require_safe
def block(request: PortalRequest, block_id: str) -> HttpResponse:
    """One block: the card alone for htmx, a page of its own for everybody else."""
    try:
        found = home.get_block(request, block_id)
    except home.UnknownBlock:
        raise Http404 from None
    width = next((item.width for item in home.layout(request) if item.block.id == block_id), found.width)
    try:
        html = render_block(request, found)
    except Locked:
        raise  # the middleware asks for the password again
    except Exception:
        log.exception("block_failed", block=block_id)
        html = failed_block(request, found)
    context = {"card": Card(found, width, html)}
    return render(request, "portal/_card.html" if is_fragment(request) else "portal/block.html", context)


@login_required
@require_safe
def badge(request: PortalRequest, item_id: str) -> HttpResponse:
    """The count at a navigation entry, fetched after the page; an empty answer when there is nothing to count."""
    item = next((item for item in get_registry().nav if item.id == item_id and item.visible(request)), None)
    if item is None or item.badge is None:
        raise Http404
    try:
        text = item.badge(request)
    except Exception:  # the border: a failing badge shows nothing, and never asks for a password
        log.exception("badge_failed", item=item_id)
        text = ""
    return HttpResponse(escape(text))


@login_required
@require_POST
def arrange(request: PortalRequest) -> HttpResponse:
    """One change of the layout, from a form of the customise page."""
    block_id, action = request.POST.get("block", ""), request.POST.get("action", "")
    actions: dict[str, Callable[[], None]] = {
        "add": lambda: home.add(request, block_id),
        "remove": lambda: home.remove(request, block_id),
        "earlier": lambda: home.move(request, block_id, -1),
        "later": lambda: home.move(request, block_id, 1),
        "reset": lambda: home.reset(request),
        **{f"width-{width}": _resizing(request, block_id, width) for width in home.WIDTHS},
    }
    if action not in actions:
        raise Http404
    try:
        actions[action]()
    except home.UnknownBlock:
        raise Http404 from None
    anchor = f"#block-{block_id.replace('.', '-')}" if action not in ("remove", "reset") else ""
    return HttpResponseRedirect(f"{reverse('portal:home')}?customise=1{anchor}")


@login_required
@require_POST
def dismiss_notice(request: PortalRequest, notice_id: int) -> HttpResponse:
    if not notices.dismiss(user=request.user, notice_id=notice_id):
        raise Http404
    if is_fragment(request):
        return HttpResponse("")  # takes the note's place
    return HttpResponseRedirect(safe_next(request, request.POST.get("next", ""), reverse("portal:home")))


def render_block(request: PortalRequest, block: Block) -> SafeString:
    """What stands inside the block's card: its head, which takes ``badge``, ``link_url`` and ``link_label`` from the
    block's own context, and its template. A block that knows why it has nothing to show says it there."""
    try:
        context = {**_head(block), **block.context(request)}
    except BlockUnavailable as error:
        log.warning("block_unavailable", block=block.id, cause=repr(error.__cause__))
        return failed_block(request, block, reason=error.reason)
    return render_to_string("portal/_block_body.html", context, request=request)


def failed_block(request: PortalRequest, block: Block, error: str = "", reason: Text = "") -> SafeString:
    late = error in (fanout.TIMED_OUT, fanout.BUSY)
    context = {
        **_head(block),
        "late": late,
        "locked": error == Locked.__name__,
        "reason": reason,
        "reference": request.id,
    }
    return render_to_string("portal/_block_failed.html", context, request=request)


def _head(block: Block) -> dict[str, object]:
    return {"badge": "", "link_url": "", "link_label": "", "block": block, "anchor": anchor(block)}


def anchor(block: Block) -> str:
    return "block-" + block.id.replace(".", "-")


def _rendered(request: PortalRequest, cards: list[Card]) -> list[Card]:
    def rendering(block: Block) -> Callable[[], SafeString]:
        return lambda: render_block(request, block)

    calls = {card.block.id: rendering(card.block) for card in cards}
    answers = fanout.collect(calls, budget=ALL_BUDGET, what="block")
    return [
        replace(card, html=answer.value if answer.ok else failed_block(request, card.block, answer.error))
        for card, answer in zip(cards, answers, strict=True)
    ]


def _resizing(request: PortalRequest, block_id: str, width: int) -> Callable[[], None]:
    return lambda: home.resize(request, block_id, width)


def _greeting(hour: int) -> str:
    if 5 <= hour < 12:
        return _("Good morning, %(name)s")
    if 12 <= hour < 18:
        return _("Good afternoon, %(name)s")
    return _("Good evening, %(name)s")


def _widths() -> list[tuple[int, str]]:
    return [(1, _("Narrow")), (2, _("Wide")), (3, _("Full width"))]
