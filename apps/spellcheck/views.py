"""What the script of a page on which somebody writes asks for, and the page of one's own dictionary."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.spellcheck import prefs
from apps.spellcheck.engines.words import LONGEST
from apps.spellcheck.services import checking, dictionaries
from portal import preferences
from portal.http import PortalRequest

PAGE = 200  # words


@login_required
@require_POST
def check(request: PortalRequest) -> HttpResponse:
    """The wrong words of ``text``, as scripts count: ``{"marks": [[offset, length, language]]}``."""
    text = request.POST.get("text", "").replace("\r\n", "\n")  # forms send both, scripts count one
    return JsonResponse({"marks": checking.in_utf16(text, checking.check(request, text))})


@login_required
@require_POST
def suggest(request: PortalRequest) -> HttpResponse:
    """What may have been meant with ``word``: ``{"words": [], "whole": bool}``. Not whole: asked once more, there may
    be others."""
    word, language = request.POST.get("word", ""), request.POST.get("language", "")
    if not 0 < len(word) <= LONGEST:
        return JsonResponse({"words": [], "whole": True})
    found = checking.suggest(word, language)
    return JsonResponse({"words": found.words, "whole": found.whole})


@login_required
@require_POST
def add(request: PortalRequest) -> HttpResponse:
    """Put ``word`` into one's own dictionary: ``{"text"}``, or 422 with the reason."""
    word = request.POST.get("word", "")
    if not dictionaries.can_be_kept(word):
        return JsonResponse({"text": _("“%(word)s” is not a word.") % {"word": word[:50]}}, status=422)
    if not dictionaries.add(request.user, [word]) and dictionaries.is_full(request.user):
        return JsonResponse({"text": _full()}, status=422)
    return JsonResponse({"text": _("“%(word)s” is in your dictionary now.") % {"word": word}})


def _full() -> str:
    return _("Your dictionary is full: it takes %(most)d words.") % {"most": dictionaries.MOST}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def dictionary(request: PortalRequest) -> HttpResponse:
    """One's own words: to add, remove, take in from a file."""
    if request.method == "POST":
        return _change(request)
    return _page(request)


def _change(request: PortalRequest) -> HttpResponse:
    post = request.POST
    if "remove" in post:
        gone = dictionaries.remove(request.user, post.getlist("remove"))
        messages.success(request, ngettext("%(n)d word was removed.", "%(n)d words were removed.", gone) % {"n": gone})
    elif file := request.FILES.get("file"):
        if (file.size or 0) > dictionaries.MOST_OCTETS:
            return _page(request, error=_("This file is too large to be a list of words."), status=422)
        _taken(request, dictionaries.of_file(file.read()))
    else:
        words = post.get("words", "").split()
        wrong = [word for word in words if not dictionaries.can_be_kept(word)]
        if wrong or not words:
            text = _("“%(word)s” is not a word.") % {"word": wrong[0][:50]} if wrong else _("Write a word.")
            return _page(request, error=text, typed=post.get("words", "")[:10_000], status=422)
        _taken(request, words)
    return HttpResponseRedirect(reverse("spellcheck:dictionary"))


def _taken(request: PortalRequest, words: list[str]) -> None:
    new = dictionaries.add(request.user, words)
    messages.success(request, ngettext("%(n)d word is new.", "%(n)d words are new.", new) % {"n": new})
    if dictionaries.is_full(request.user):
        messages.warning(request, _full())


def _page(request: PortalRequest, *, error: str = "", typed: str = "", status: int = 200) -> HttpResponse:
    found = Paginator(dictionaries.own(request.user).order_by("word", "pk"), PAGE)
    context = {
        "sections": preferences.sections(),
        "page": prefs.DICTIONARY,
        "words": found.get_page(request.GET.get("page")),
        "error": error,
        "typed": typed,
    }
    return render(request, "spellcheck/dictionary.html", context, status=status)


@login_required
@require_safe
def export(request: PortalRequest) -> HttpResponse:
    response = HttpResponse(dictionaries.as_text(request.user), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="dictionary.txt"'
    return response
