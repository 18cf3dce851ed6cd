"""The portal's own password: a proof of the first level for people of a mail server or a directory, and all that an
account of the portal's own has."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth import password_validation, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from apps.auth import leaving
from apps.auth.factors import gate, policy, proofs, ways
from apps.auth.views.proving import fresh_proof
from portal.http import PortalRequest
from portal.security_events import tell

_NEW = {"autocomplete": "new-password", "dir": "ltr"}


class PasswordForm(forms.Form):
    """Not the password of the mailbox: whoever has that one must not have this one too."""

    new = forms.CharField(
        label=_("New portal password"), strip=False, max_length=1024, widget=forms.PasswordInput(attrs=_NEW)
    )
    again = forms.CharField(
        label=_("The same again"), strip=False, max_length=1024, widget=forms.PasswordInput(attrs=_NEW)
    )

    def __init__(self, request: PortalRequest) -> None:
        super().__init__(request.POST or None)
        self._user = request.user

    @sensitive_variables()
    def clean(self) -> None:
        new, again = self.cleaned_data.get("new", ""), self.cleaned_data.get("again", "")
        if new and again and new != again:
            raise ValidationError({"again": _("This is not the same.")})
        if new:
            try:
                password_validation.validate_password(new, self._user)
            except ValidationError as error:
                raise ValidationError({"new": error}) from None


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "POST"])
@fresh_proof
def portal_password(request: PortalRequest) -> HttpResponse:
    if "remove" in request.POST and not request.user.is_local:
        return _removed(request)
    form = PasswordForm(request)
    if request.method == "POST" and form.is_valid():
        request.user.set_password(form.cleaned_data["new"])
        _changed(request)
        gate.renew(request, ways.PASSWORD)
        gate.enrolled(request, request.user)
        messages.success(request, _("Your portal password is set. You are signed out everywhere else."))
        return redirect("auth:security")
    context = {"form": form, "can_remove": request.user.has_usable_password() and not request.user.is_local}
    return render(request, "auth/portal_password.html", context, status=422 if request.method == "POST" else 200)


def _removed(request: PortalRequest) -> HttpResponse:
    demand = policy.demand(request.user, address=request.client_address)
    if not demand.met_by(proofs.has(request.user) - {ways.PASSWORD, ways.RECOVERY}):
        messages.error(request, _("Your organisation asks you for a proof. Set up another one first."))
    else:
        request.user.set_unusable_password()
        _changed(request)
        messages.success(request, _("Your portal password is gone."))
    return redirect("auth:security")


def _changed(request: PortalRequest) -> None:
    """Whoever has come in with the former one is out."""
    request.user.save(update_fields=["password"])
    update_session_auth_hash(request, request.user)
    leaving.proof_gone(request.user, but=request.session.session_key, request=request)
    tell(request, kind="password_changed", user=request.user)
