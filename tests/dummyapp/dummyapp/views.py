from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from portal.http import PortalRequest

from .models import Entry


class EntryForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Your entry"), max_length=200, widget=forms.TextInput(attrs={"class": "in", "dir": "auto"})
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: PortalRequest) -> HttpResponse:
    form = EntryForm(request.POST or None)
    if form.is_valid():
        Entry.objects.create(author=request.user, text=form.cleaned_data["text"])
        messages.success(request, _("Your entry is in the book."))
        return redirect("dummyapp:index")
    entries = Entry.objects.select_related("author")[:100]
    return render(request, "dummyapp/index.html", {"form": form, "entries": entries})
