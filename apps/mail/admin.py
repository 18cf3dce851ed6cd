from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.mail.mime import to_text
from apps.mail.models import SenderAddress, SendingLimit, SharedTemplate
from apps.mail.services import templates
from apps.mail.template_forms import cleaned_people

if TYPE_CHECKING:
    SenderAddressModelAdmin = admin.ModelAdmin[SenderAddress]
    SendingLimitModelAdmin = admin.ModelAdmin[SendingLimit]
    SharedTemplateModelAdmin = admin.ModelAdmin[SharedTemplate]
    SendingLimitModelForm = forms.ModelForm[SendingLimit]
    SharedTemplateModelForm = forms.ModelForm[SharedTemplate]
else:
    SenderAddressModelAdmin = SendingLimitModelAdmin = SharedTemplateModelAdmin = admin.ModelAdmin
    SendingLimitModelForm = SharedTemplateModelForm = forms.ModelForm


class SendingLimitForm(SendingLimitModelForm):
    def clean_group(self) -> Any:
        """Databases take two rows without a group for different ones."""
        group = self.cleaned_data["group"]
        if group is None and SendingLimit.objects.filter(group=None).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is a limit for everybody already."))
        return group


class SharedTemplateForm(SharedTemplateModelForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        holes = ", ".join(f"{name}: {what}" for name, what in templates.PLACEHOLDERS)
        self.fields["text"].help_text = _("Placeholders: %(holes)s.") % {"holes": holes}
        self.fields["html"].help_text = _("HTML, cleaned when it is saved. Empty: the text as it is.")

    def clean_to(self) -> str:
        return cleaned_people(self.cleaned_data["to"])

    def clean_html(self) -> str:
        html: str = self.cleaned_data["html"]
        return templates.cleaned(html) if html.strip() else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("html") and not (data.get("text") or "").strip():
            data["text"] = to_text.text(data["html"])
        return data


@admin.register(SenderAddress)
class SenderAddressAdmin(SenderAddressModelAdmin):
    """Which addresses people may write from besides their own."""

    list_display = ["email", "user"]
    search_fields = ["email", "user__login"]
    list_select_related = ["user"]
    autocomplete_fields = ["user"]


@admin.register(SendingLimit)
class SendingLimitAdmin(SendingLimitModelAdmin):
    """How many people may be written to, and how much may be attached."""

    form = SendingLimitForm
    list_display = ["__str__", "per_message", "per_day", "megabytes"]


@admin.register(SharedTemplate)
class SharedTemplateAdmin(SharedTemplateModelAdmin):
    """Texts for the members of groups, or for everybody. Placeholders are those of everybody's own templates."""

    form = SharedTemplateForm
    list_display = ["name", "subject"]
    search_fields = ["name", "subject", "text"]
    filter_horizontal = ["groups"]
    fields = ["name", "groups", "subject", "to", "text", "html"]
