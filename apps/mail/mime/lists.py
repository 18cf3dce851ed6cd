"""What a message says about the list it came by: what can be done (RFC 2369), its name (2919), one click (8058)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from apps.mail.mime import authentication, headers, links
from apps.mail.mime.authentication import Verdict

ACTIONS = ("help", "subscribe", "post", "owner", "archive")
MOST = 10  # addresses of one field
MAX_MAILTO = 2000

_ANGLE = re.compile(r"<\s*([^<>]{1,4000}?)\s*>")
_ID = re.compile(r"<\s*([^<>\s]{1,255})\s*>")
ONE_CLICK = "list-unsubscribe=one-click"


@dataclass(frozen=True, slots=True)
class Ways:
    """How to leave a list. ``one_click``: where one POST is enough, with ``signer``, whose signature covers that."""

    one_click: str = ""
    signer: str = ""
    mailto: str = ""
    link: str = ""

    def __bool__(self) -> bool:
        return bool(self.one_click or self.mailto or self.link)


@dataclass(frozen=True, slots=True)
class ListId:
    id: str  # "felt.lists.example.test"
    name: str = ""


def list_id(fields: headers.Header) -> ListId | None:
    text = fields.text("List-Id")[:1000]
    match = _ID.search(text)
    if match is not None:
        return ListId(match[1], text[: match.start()].strip(' "'))
    return ListId(text[:255]) if text and " " not in text else None


def ways(fields: headers.Header, header: bytes, verdict: Verdict) -> Ways:
    """``header``: the raw block that ``fields`` were read of; ``verdict``: what is trusted about it."""
    addresses = addresses_of(fields, "List-Unsubscribe")
    web = [address for address in addresses if address.startswith(("https:", "http:"))]
    secure = [address for address in web if address.startswith("https:")]
    mailto = next((address for address in addresses if address.startswith("mailto:")), "")
    signer = _one_click_signer(fields, header, verdict) if len(secure) == 1 else ""
    return Ways(secure[0] if signer else "", signer, mailto, (secure or web or [""])[0])


def _one_click_signer(fields: headers.Header, header: bytes, verdict: Verdict) -> str:
    """RFC 8058 section 4: both fields are signed. Each stands there once: a signature covers the lowest of several."""
    post = fields.all("List-Unsubscribe-Post")
    if len(post) != 1 or len(fields.all("List-Unsubscribe")) != 1:
        return ""
    if headers.decode(post[0]).replace(" ", "").lower() != ONE_CLICK:
        return ""
    return authentication.signed_over(header, verdict, ("list-unsubscribe", "list-unsubscribe-post"))


def actions(fields: headers.Header) -> tuple[tuple[str, str], ...]:
    """(one of ``ACTIONS``, web or mail address), in this order; mail before the web, as the list sorts them."""
    found = []
    for name in ACTIONS:
        if fields.get(f"List-{name}"):
            found += [(name, address) for address in addresses_of(fields, f"List-{name}")[:1]]
    return tuple(found)


def addresses_of(fields: headers.Header, name: str) -> list[str]:
    """Those that may be followed, in the list's own order (RFC 2369 section 2). "NO" of List-Post is none."""
    found = []
    text = "".join(fields.text(name).split())  # blanks in addresses are to be ignored
    for match in list(_ANGLE.finditer(text))[:MOST]:
        href = links.safe_href(match[1])
        if href is not None and not href.startswith("tel:") and not (href.startswith("mailto:") and not _fits(href)):
            found.append(href)
    return found


def _fits(mailto: str) -> bool:
    return len(mailto) <= MAX_MAILTO and "@" in mailto.partition("?")[0]
