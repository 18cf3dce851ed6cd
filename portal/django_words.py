"""Messages of Django's own that our catalogues say better: they are marked here to be extracted, and the portal's
catalogues come before Django's. Its Arabic says "710 two bytes"."""

from __future__ import annotations

from django.utils.translation import ngettext_lazy

SAID_BETTER = (ngettext_lazy("%(size)d byte", "%(size)d bytes", "size"),)
