"""What takes longer than a request: the box that says how far it has come, on whichever list is shown."""

from __future__ import annotations

from apps.mail.services import work as services
from apps.mail.services.work import Work
from portal.http import PortalRequest

_KEY = "mail_works"  # in the session: names, so that every list can show the box


def remember(request: PortalRequest, work: Work | None) -> None:
    names = request.session.get(_KEY, [])
    if work and work.name and bool(work.steps) != (work.name in names):
        rest = [name for name in names if name != work.name]
        request.session[_KEY] = [*rest, work.name] if work.steps else rest


def shown(request: PortalRequest) -> Work | None:
    """The last thing that was begun and has not ended."""
    for name in reversed(request.session.get(_KEY, [])):
        work = services.look(name, user_id=request.user.pk)
        if work is not None and work.steps:
            return work
        remember(request, Work(do="", steps=[], name=name))
    return None
