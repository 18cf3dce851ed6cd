"""How full a mailbox is, in words and for a meter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.mailbox.store import Quota

WARN = 90  # per cent from which on it says so


@dataclass(frozen=True, slots=True)
class Fullness:
    percent: int
    text: str

    @property
    def warns(self) -> bool:
        return self.percent > WARN


def fullest(quotas: Sequence[Quota]) -> Fullness | None:
    """The limit that is reached first; None where there is no limit."""
    if not quotas:
        return None
    quota = max(quotas, key=lambda quota: quota.used / quota.limit)
    return Fullness(percent=100 * quota.used // quota.limit, text=words(quota))


def words(quota: Quota) -> str:
    if quota.resource == "STORAGE":
        sizes = {"used": filesizeformat(quota.used), "limit": filesizeformat(quota.limit)}
        # Translators: how much room messages take: "6.1 GB of 10 GB used"
        return _("%(used)s of %(limit)s used") % sizes
    # Translators: how many messages there are, and may be at most
    text = ngettext("%(used)d of %(limit)d message", "%(used)d of %(limit)d messages", quota.limit)
    return text % {"used": quota.used, "limit": quota.limit}
