from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.registry import PortalApp

PORTAL_APP = PortalApp(id="directory", title=_("Directory"))
