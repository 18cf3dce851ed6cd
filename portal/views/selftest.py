"""The self-test, for administrators: the page at once, each check by a request of its own."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import cast

import django
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.views.decorators.http import require_safe

from portal import diagnostics
from portal.http import PortalRequest, is_fragment
from portal.registry import Diagnostic, get_registry
from portal.version import VERSION

_ROWS_HERE = "<!-- rows -->"


def _for_staff(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponseBase:
        if not cast("PortalRequest", request).user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


@_for_staff
@require_safe
def selftest(request: PortalRequest) -> HttpResponseBase:
    """Without ``?run`` the rows fetch themselves; with it one streamed answer brings each row as its check ends."""
    checks = diagnostics.all_checks()
    if "run" not in request.GET:
        return render(request, "portal/selftest.html", {**_versions(), "checks": checks})
    page = render_to_string("portal/selftest.html", {**_versions(), "rows_here": _ROWS_HERE}, request=request)
    head, _mark, tail = page.partition(_ROWS_HERE)
    return StreamingHttpResponse(_streamed(head, tail, checks, translation.get_language()))


@_for_staff
@require_safe
def check(request: PortalRequest, check_id: str) -> HttpResponse:
    """Run one check: its row for htmx, a page with that row for everybody else."""
    found = get_registry().diagnostics.get(check_id)
    if found is None:
        raise Http404
    (result,) = diagnostics.run([found]).results
    if is_fragment(request):
        return render(request, "portal/_selftest_row.html", {"result": result})
    return render(request, "portal/selftest.html", {**_versions(), "results": [result]})


def _streamed(head: str, tail: str, checks: list[Diagnostic], language: str) -> Iterator[str]:
    """The body is sent after the middleware has ended, so the language of the request is put back here."""
    started, results = time.monotonic(), []
    with translation.override(language):
        yield head
        for result in diagnostics.stream(checks):
            results.append(result)
            yield render_to_string("portal/_selftest_row.html", {"result": result})
        report = diagnostics.Report(tuple(results), time.monotonic() - started)
        yield render_to_string("portal/_selftest_sum.html", {"report": report})
        yield tail


def _versions() -> dict[str, str]:
    return {"version": VERSION, "python": platform.python_version(), "django": django.get_version()}
