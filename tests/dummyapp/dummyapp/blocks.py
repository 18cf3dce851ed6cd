from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.http import PortalRequest

from .models import Entry
from .prefs import BLOCK_SIZE


def newest(request: HttpRequest) -> Mapping[str, object]:
    """What the block's template gets; ``badge``, ``link_url`` and ``link_label`` stand in the head of its card."""
    size = cast("PortalRequest", request).prefs[BLOCK_SIZE]
    return {
        "entries": Entry.objects.select_related("author")[:size],
        "badge": Entry.objects.count() or "",
        "link_url": reverse("dummyapp:index"),
        "link_label": _("All entries"),
    }
