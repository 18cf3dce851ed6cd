"""Consent to load a message's remote images: given by a link that only its own page can carry."""

from __future__ import annotations

from urllib.parse import urlencode

from apps.mail.services import images
from portal.http import PortalRequest


def owner(request: PortalRequest) -> str:
    """Whom signatures are made for: this person in this session."""
    return f"{request.user.pk}:{request.session.session_key}"


def permit(request: PortalRequest, mailbox: str, uid: int, uidvalidity: int) -> str:
    """The value of ``images=`` that consents for one message. Nobody else can make the link, so following a link from
    a message or another site never loads anything."""
    return images.sign(_consent(mailbox, uid, uidvalidity), owner=owner(request))


def may_load(request: PortalRequest, mailbox: str, uid: int, uidvalidity: int) -> bool:
    given = request.GET.get("images", "")
    return bool(given) and images.is_signed(_consent(mailbox, uid, uidvalidity), given, owner=owner(request))


def _consent(mailbox: str, uid: int, uidvalidity: int) -> str:
    return f"consent\n{uidvalidity}\n{uid}\n{mailbox}"  # no web address begins like this


def proxy_url(base: str, url: str, *, owner: str) -> str:
    """The address below ``base`` under which the portal fetches ``url`` for this owner."""
    query = urlencode({"u": url, "s": images.sign(url, owner=owner)}, errors="replace")
    return f"{base}?{query}"
