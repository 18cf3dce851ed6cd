from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.prefs.models import PreferenceDefault, Scope
from portal.contracts import Json
from portal.prefs import BadValue, Pref
from portal.registry import get_registry


class DefaultForm(forms.ModelForm):  # type: ignore[type-arg]
    """A default is entered in the very field in which people choose the value, and checked by the same rule."""

    pref: Pref[Any]

    class Meta:
        model = PreferenceDefault
        fields = ["value", "scope", "group", "domain", "locked", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.key = self.pref.key

    def clean_value(self) -> Json:
        try:
            return self.pref.write(self.pref.read(self.cleaned_data["value"]))
        except BadValue as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        scope = cleaned.get("scope")
        if scope == Scope.GROUP and cleaned.get("group") is None:
            self.add_error("group", _("Choose the group it is for."))
        if scope == Scope.DOMAIN and not cleaned.get("domain"):
            self.add_error("domain", _("Write the domain it is for, like example.org."))
        cleaned["group"] = cleaned.get("group") if scope == Scope.GROUP else None
        cleaned["domain"] = cleaned.get("domain", "").strip().lstrip("@").lower() if scope == Scope.DOMAIN else ""
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # fills the instance, which the target is made of
        if self.errors:
            return
        rivals = PreferenceDefault.objects.filter(target=self.instance.make_target()).exclude(pk=self.instance.pk)
        if rivals.exists():
            self.add_error(None, _("There is a default for this preference and these people already. Change that one."))


@admin.register(PreferenceDefault)
class PreferenceDefaultAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "key", "whom", "shown_value", "locked")
    list_filter = ("locked", "scope")
    search_fields = ("key",)
    fields = ("value", "scope", "group", "domain", "locked", "reason")

    @admin.display(description=_("preference"))
    def name(self, row: PreferenceDefault) -> str:
        pref = get_registry().prefs.get(row.key)
        return str(pref.label) if pref is not None else str(_("(its app is switched off)"))

    @admin.display(description=_("for"))
    def whom(self, row: PreferenceDefault) -> str:
        return str(row.group or row.domain or row.get_scope_display())

    @admin.display(description=_("value"))
    def shown_value(self, row: PreferenceDefault) -> str:
        return str(row.value)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """First the preference is chosen from a list; its field follows from it."""
        if _chosen(request) is None and self.has_add_permission(request):
            pages = [page for page in get_registry().pref_pages.values() if page.shown]
            context = self.admin_site.each_context(request) | {"title": _("Choose a preference"), "pages": pages}
            return TemplateResponse(request, "prefs/choose_default.html", context)
        return super().add_view(request, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: PreferenceDefault | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[PreferenceDefault]]:
        pref = get_registry().prefs.get(obj.key) if obj is not None else _chosen(request)
        if pref is None or pref.field is None:
            return super().get_form(request, obj, change, **kwargs)
        form = type("ChosenDefaultForm", (DefaultForm,), {"value": pref.form_field(), "pref": pref})
        kwargs["form"] = form
        made: type[forms.ModelForm[PreferenceDefault]] = super().get_form(request, obj, change, **kwargs)
        return made

    def get_readonly_fields(self, request: HttpRequest, obj: PreferenceDefault | None = None) -> tuple[str, ...]:
        """What an absent app has declared can be deleted, but not judged, and so not changed."""
        if obj is None or obj.key in get_registry().prefs:
            return ()
        return ("key", "value", "scope", "group", "domain", "locked", "reason")


def _chosen(request: HttpRequest) -> Pref[Any] | None:
    pref = get_registry().prefs.get(request.GET.get("key", ""))
    return pref if pref is not None and pref.field is not None else None
