"""What the pages of the directory have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponseBase

from apps.directory.services import directories
from portal import credentials
from portal.http import PortalRequest

P = ParamSpec("P")
View = Callable[Concatenate[PortalRequest, P], HttpResponseBase]


def directory_required(view: View[P]) -> View[P]:
    """For people who are signed in, on a site that has a directory; where their session has a sealed password, with
    their half of its key: a session that was stolen without it shows no colleagues either. Raises
    ``credentials.Locked``."""

    @login_required
    @wraps(view)
    def guarded(request: PortalRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not directories.there_are():
            raise Http404("no directory")
        if credentials.is_sealed(request):
            credentials.unseal(request)
        return view(request, *args, **kwargs)

    return cast("View[P]", guarded)
