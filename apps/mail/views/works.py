"""What takes longer than a request: the box that says how far it has come, on whichever list is shown."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages

from apps.mail.services import noted, steps
from apps.mail.services import work as services
from apps.mail.services.work import Work
from apps.mail.views.answers import say
from portal.http import PortalRequest, is_fragment

_KEY = "mail_works"  # in the session: names, so that every list can show the box
_ENDED = "mail_work_ended"  # the name of the last whose end was told to a script: the answer may be lost


def remember(request: PortalRequest, work: Work | None) -> None:
    """Whoever does something else does not wait for the end of what was before."""
    if work is None:
        return
    forget(request, work.name)
    if work.steps:
        request.session[_KEY] = [*request.session.get(_KEY, []), work.name]
    if work.name and not work.steps and is_fragment(request):
        request.session[_ENDED] = work.name
    else:
        request.session.pop(_ENDED, None)


def forget(request: PortalRequest, name: str) -> None:
    if name in (names := request.session.get(_KEY, [])):
        request.session[_KEY] = [other for other in names if other != name]


def shown(request: PortalRequest) -> Work | None:
    """The last thing that was begun and has not ended. A whole page tells, once, what ended where nobody saw it."""
    going_on = None
    for name in reversed(request.session.get(_KEY, [])):
        work = services.look(name, user_id=request.user.pk)
        if work is not None and work.steps:
            going_on = going_on or work
            continue
        forget(request, name)
        if work is not None:
            request.session[_ENDED] = name
    if not is_fragment(request) and (ended := request.session.pop(_ENDED, "")):
        work = services.look(ended, user_id=request.user.pk)
        if work is not None:
            tell(request, work, way_back(request, work))
    return going_on


def tell(request: PortalRequest, work: Work, fields: Mapping[str, str]) -> None:
    """The toast of the page that is loaded next."""
    level = messages.WARNING if work.failed else messages.SUCCESS
    say(request, work.text, level=level, undo="mail:undo", fields=fields)


def way_back(request: PortalRequest, work: Work) -> dict[str, str]:
    """What the form of "Undo" names at least."""
    return {"ways": noted.shortened(steps.dump(work.ways), user_id=request.user.pk)} if work.ways else {}
