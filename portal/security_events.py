"""What happens to somebody's access, told to whoever keeps a book of it: signing in, being refused, factors, sessions.

``tell`` writes a line in the log and sends ``security_event``. Nobody needs to listen; the audit log of ``apps.auth``
does. A listener that fails is logged and stops nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.dispatch import Signal
from django.http import HttpRequest

from portal import browsers

log = structlog.get_logger(__name__)
security_event = Signal()  # receivers get ``request`` (or None) and ``event``
_REFUSALS = ("_refused", "_throttled")


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    kind: str  # "signed_in", "sign_in_refused", "factor_removed"
    user_id: int | None = None  # None where nobody has been recognised
    login: str = field(default="", repr=False)  # as typed: it may be a password in the wrong field
    address: str = ""
    browser: str = ""  # see portal.browsers
    session: str = ""  # the session's reference, never its key
    way: str = ""  # the factor or backend
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        return self.kind.endswith(_REFUSALS)


def tell(
    request: HttpRequest | None,
    *,
    kind: str,
    user: AbstractBaseUser | int | None = None,
    login: str = "",
    way: str = "",
    **facts: object,
) -> None:
    """``kind`` ends in ``_refused`` or ``_throttled`` where somebody was turned away. ``login`` is for those alone who
    are not recognised, and never logged. ``facts`` are short texts and never secrets."""
    from portal.sessions import reference

    event = SecurityEvent(
        kind=kind,
        user_id=user.pk if isinstance(user, AbstractBaseUser) else user,
        login=login,
        address=getattr(request, "client_address", ""),
        browser=browsers.summary(request.headers.get("User-Agent", "")) if request is not None else "",
        session=reference(request) if request is not None else "",
        way=way,
        facts={name: str(value) for name, value in facts.items()},
    )
    about = {"user": event.user_id, "address": event.address, "way": way, **event.facts}
    level = log.warning if event.refused else log.info
    level(kind, **{name: value for name, value in about.items() if value not in ("", None)})
    security_event.send_robust(sender=SecurityEvent, request=request, event=event)
