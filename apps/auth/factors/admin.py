"""The first level in the administration pages: rules, who has what, cards, invitations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.auth import leaving
from apps.auth.certificates import services as certificates
from apps.auth.certificates.store import AuthorityError
from apps.auth.factors import cards, codes, invitations, ways
from apps.auth.factors.models import AppPassword, CodeDevice, Invitation, Passkey, RecoveryCode, Rule
from apps.auth.models import User
from portal.security_events import tell


@admin.register(Rule)
class RuleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("order", "title", "scope", "group", "networks", "needs", "remember_days", "enrol_by", "enabled")
    list_display_links = ("title",)
    list_filter = ("scope", "enabled")


class ProofAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What is taken away ends the sessions of its owner."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        _gone(request, obj, obj.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        rows = list(queryset.select_related("user"))
        super().delete_queryset(request, queryset)
        for row in rows:
            _gone(request, row, row.user)


def _gone(request: HttpRequest, row: CodeDevice | Passkey, user: User | None) -> None:
    if user is None:
        return
    leaving.proof_gone(user, but=request.session.session_key, request=request)
    way = row.kind if isinstance(row, CodeDevice) else ways.PASSKEY
    tell(request, kind="factor_removed", user=user, way=way, name=row.name, by=request.user.get_username())


class CardsForm(forms.Form):
    file = forms.FileField(
        label=_("List of cards"), help_text=_("CSV with the columns serial, key, counter, digits and login, or PSKC.")
    )
    secret = forms.CharField(
        label=_("Key or password of the file"),
        required=False,
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "dir": "ltr"}),
        help_text=_("Where a PSKC file is encrypted: as its maker has sent it to you apart from the file."),
    )


class ResyncForm(forms.Form):
    first = forms.CharField(label=_("The code that the card shows"), max_length=12)
    second = forms.CharField(label=_("The code after it"), max_length=12)


@admin.register(CodeDevice)
class CodeDeviceAdmin(ProofAdmin):
    """Cards are read in and given to people here; an app can only be taken away. Nobody sees a key."""

    list_display = ("__str__", "user", "kind", "serial", "created", "used", "confirmed")
    list_filter = ("kind", "confirmed")
    search_fields = ("serial", "name", "user__login", "user__display_name")
    autocomplete_fields = ("user",)
    fields = ("user", "name", "kind", "serial", "confirmed", "created", "used")
    change_list_template = "admin/portal_auth/codedevice/change_list.html"
    change_form_template = "admin/portal_auth/codedevice/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: CodeDevice | None = None) -> tuple[str, ...]:
        fixed = ("kind", "serial", "confirmed", "created", "used")
        return fixed if obj is None or obj.kind == ways.HOTP else ("user", *fixed)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        more = {"has_card_permission": self.has_change_permission(request)}
        return super().changelist_view(request, more | (extra_context or {}))

    def save_model(self, request: HttpRequest, obj: CodeDevice, form: Any, change: bool) -> None:
        """A card may be given to somebody else."""
        before = CodeDevice.objects.select_related("user").get(pk=obj.pk).user
        super().save_model(request, obj, form, change)
        if before != obj.user:
            _gone(request, obj, before)
        if obj.user is not None and before != obj.user:
            tell(request, kind="factor_added", user=obj.user, way=obj.kind, name=obj.name, by=str(request.user))

    def get_urls(self) -> list[Any]:
        own = [
            path("cards/", self.admin_site.admin_view(self.read_cards), name="portal_auth_read_cards"),
            path("<int:device_id>/resync/", self.admin_site.admin_view(self.resync), name="portal_auth_resync"),
        ]
        return own + super().get_urls()

    def read_cards(self, request: HttpRequest) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        form = CardsForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                made, known = cards.keep(cards.read(form.cleaned_data["file"].read(), form.cleaned_data["secret"]))
            except cards.BadFile as error:
                for problem in error.problems:
                    form.add_error("file", problem)
            else:
                text = ngettext("%(n)d card was read in.", "%(n)d cards were read in.", made) % {"n": made}
                messages.success(request, text)
                if known:
                    text = _("Known already, and left as they are: %(list)s") % {"list": ", ".join(known[:20])}
                    messages.warning(request, text)
                return HttpResponseRedirect(reverse("admin:portal_auth_codedevice_changelist"))
        return self._form(request, form, _("Read in cards"))

    def resync(self, request: HttpRequest, device_id: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        device = get_object_or_404(CodeDevice, pk=device_id, kind=ways.HOTP)
        form = ResyncForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            if codes.resynchronise(device, form.cleaned_data["first"], form.cleaned_data["second"]):
                messages.success(request, _("The card is in step again."))
                return HttpResponseRedirect(reverse("admin:portal_auth_codedevice_change", args=[device.pk]))
            form.add_error(None, _("These are no two codes of this card in a row."))
        return self._form(request, form, _("Bring a card back into step"))

    def _form(self, request: HttpRequest, form: forms.Form, title: Any) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"form": form, "title": title, "opts": self.opts}
        return render(request, "admin/portal_auth/form.html", context)


@admin.register(Passkey)
class PasskeyAdmin(ProofAdmin):
    """They can be seen and taken away, and made by nobody but their owners."""

    list_display = ("__str__", "user", "created", "used")
    search_fields = ("name", "user__login", "user__display_name")
    readonly_fields = ("user", "name", "confirmed", "created", "used")
    fields = readonly_fields


@admin.register(AppPassword)
class AppPasswordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "user", "created", "used")
    search_fields = ("name", "user__login")
    readonly_fields = ("user", "name", "created", "used")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "created", "expires", "used")
    search_fields = ("user__login",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False


# --- actions on people ------------------------------------------------------------------------------------------------


@admin.action(description=_("Hand out enrolment codes (to print)"), permissions=["change"])
def hand_out_codes(modeladmin: Any, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
    """A page to print: one slip for each person, with a code that is good once."""
    slips = [{"user": user, "code": invitations.invite(user)} for user in queryset.order_by("login")[:1000]]
    context = {"slips": slips, "days": invitations.LIFETIME.days}
    return render(request, "admin/portal_auth/slips.html", context)


@admin.action(description=_("Take away all proofs (lost phone, left the house)"), permissions=["change"])
def take_away_proofs(modeladmin: Any, request: HttpRequest, queryset: QuerySet[User]) -> None:
    for user in queryset:
        CodeDevice.objects.filter(user=user, kind=ways.TOTP).delete()
        CodeDevice.objects.filter(user=user, kind=ways.HOTP).update(user=None)
        Passkey.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        Invitation.objects.filter(user=user).delete()
        if not user.is_local:  # of an account of the portal's own it is all that it has
            user.set_unusable_password()
            user.save(update_fields=["password"])
        _call_back_certificates(request, user)
        leaving.shut_out(user, request=request)
        tell(request, kind="factor_removed", user=user, by=request.user.get_username())
    messages.success(request, _("All with which they came in is void: also certificates and enrolment codes."))


def _call_back_certificates(request: HttpRequest, user: User) -> None:
    held = certificates.held_by(user).select_related("user")
    if not held:
        return
    try:
        certificates.revoke(*held, request=request)
    except AuthorityError as error:  # the portal itself refuses them already
        messages.warning(request, str(error))
