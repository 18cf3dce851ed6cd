from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import ngettext

from portal.contracts import Finding, Level

from .models import Entry


def entries() -> Iterator[Finding]:
    """One line of the self-test. A check that raises or hangs fails alone."""
    count = Entry.objects.count()
    text = ngettext("%(count)d entry can be read", "%(count)d entries can be read", count)
    yield Finding(Level.OK, text % {"count": count})
