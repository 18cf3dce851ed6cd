"""One page for a person over all apps. The page asks the books who they are; each part is a request of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import structlog
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from portal import addressing, credentials, fanout, people
from portal.contracts import Address, BlockUnavailable, Text
from portal.credentials import Locked
from portal.http import PortalRequest, is_fragment
from portal.registry import PersonPart

ALL_BUDGET = 8.0  # seconds for the page that shows all parts at once, for browsers without scripts

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """A part as the templates draw it. Without ``html`` it fetches itself; "" is left out."""

    part: PersonPart
    url: str
    html: SafeString | None = None

    @property
    def anchor(self) -> str:
        return anchor(self.part)


@login_required
@require_safe
def person(request: PortalRequest) -> HttpResponse:
    """``?email=``, as often as they have addresses; with ``all`` the parts stand in the page, which needs no script."""
    emails = _asked(request)
    found = people.find(request, emails)
    shown = [Shown(part, _part_url(part, emails)) for part in people.parts()]
    if "all" in request.GET:
        shown = _rendered(request, emails, shown)
    context = {
        "person": found,
        "parts": shown,
        "all_shown": "all" in request.GET,
        "all_url": people.url(emails, all="1"),
        "addresses": [(email, _write(request, Address(email, found.address.name))) for email in emails],
        "write_url": _write(request, found.address),
        "add_url": "" if found.cards else addressing.add_url(found.address),
        "search_url": f"{reverse('portal:search')}?{urlencode({'q': emails[0]})}",
    }
    return render(request, "portal/person.html", context)


@login_required
@require_safe
def part(request: PortalRequest, part_id: str) -> HttpResponse:
    """One part: its card alone for htmx, nothing where its app knows nothing; the page with all for everybody else."""
    emails = _asked(request)
    found = next((each for each in people.parts() if each.id == part_id), None)
    if found is None:
        raise Http404("no such part")
    if not is_fragment(request):
        return HttpResponseRedirect(f"{people.url(emails, all='1')}#{anchor(found)}")
    try:
        html = render_part(request, found, emails)
    except Locked:
        raise  # the middleware asks for the password again
    except Exception:
        log.exception("person_part_failed", part=part_id)
        html = failed_part(request, found, emails)
    if not html:
        return HttpResponse("")  # takes the waiting card's place
    return render(request, "portal/_person_part.html", {"shown": Shown(found, _part_url(found, emails), html)})


@login_required
@require_safe
def lately(request: PortalRequest) -> HttpResponse:
    """The newest of all parts in a few lines, for a card in a book; the person's page for everybody but htmx."""
    emails = _asked(request)
    if not is_fragment(request):
        return HttpResponseRedirect(people.url(emails))
    found, partly = people.lately(request, emails)
    lines = [
        (each.part, hit, hit.url or f"{people.url(emails)}#{anchor(each.part)}") for each in found for hit in each.hits
    ]
    return render(request, "portal/_person_lately.html", {"lines": lines, "partly": partly})


def _asked(request: PortalRequest) -> tuple[str, ...]:
    """The addresses that are asked about; as everywhere with the browser's half of the key. Raises ``Locked`` and
    ``Http404``."""
    if credentials.is_sealed(request):
        credentials.unseal(request)
    emails = people.addresses(request.GET.getlist("email"))
    if not emails:
        raise Http404("no address")
    return emails


def _part_url(part: PersonPart, emails: Sequence[str]) -> str:
    query = urlencode([("email", email) for email in emails])
    return f"{reverse('portal:person_part', args=[part.id])}?{query}"


def _write(request: PortalRequest, address: Address) -> str:
    return addressing.compose_url(user=request.user, to=[address])


def anchor(part: PersonPart) -> str:
    return "part-" + part.id.replace(".", "-")


def render_part(request: PortalRequest, part: PersonPart, emails: Sequence[str]) -> SafeString:
    """What stands inside the part's card, which takes ``badge``, ``link_url`` and ``link_label`` from the context; ""
    where its app knows nothing. One that knows why it has nothing to show says it there."""
    try:
        context = part.context(request, emails)
    except BlockUnavailable as error:
        log.warning("person_part_unavailable", part=part.id, cause=repr(error.__cause__))
        return failed_part(request, part, emails, reason=error.reason)
    if not context:
        return SafeString()
    return render_to_string("portal/_block_body.html", {**_head(part), **context}, request=request)


def failed_part(
    request: PortalRequest, part: PersonPart, emails: Sequence[str], error: str = "", reason: Text = ""
) -> SafeString:
    context = {
        **_head(part),
        "late": error in (fanout.TIMED_OUT, fanout.BUSY),
        "locked": error == Locked.__name__,
        "reason": reason,
        "reference": request.id,
        "again": _part_url(part, emails),
    }
    return render_to_string("portal/_block_failed.html", context, request=request)


def _head(part: PersonPart) -> Mapping[str, object]:
    return {"badge": "", "link_url": "", "link_label": "", "block": part, "anchor": anchor(part)}


def _rendered(request: PortalRequest, emails: Sequence[str], shown: list[Shown]) -> list[Shown]:
    def rendering(part: PersonPart) -> Callable[[], SafeString]:
        return lambda: render_part(request, part, emails)

    calls = {each.part.id: rendering(each.part) for each in shown}
    answers = fanout.collect(calls, budget=ALL_BUDGET, what="person")
    return [
        replace(each, html=answer.value if answer.ok else failed_part(request, each.part, emails, answer.error))
        for each, answer in zip(shown, answers, strict=True)
    ]
