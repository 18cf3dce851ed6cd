from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.spellcheck.models import SiteWord, key_of
from apps.spellcheck.services import dictionaries


class SiteWordForm(forms.ModelForm):  # type: ignore[type-arg]
    """One word when it is changed; as many as somebody pastes when they are added."""

    words = forms.CharField(
        label=_("Words"),
        widget=forms.Textarea(attrs={"rows": 12, "dir": "auto"}),
        help_text=_("One on each line, or with blanks between them."),
    )

    class Meta:
        model = SiteWord
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["words"] = forms.CharField(label=_("Word"), initial=self.instance.word)

    def clean_words(self) -> list[str]:
        words = [str(word) for word in self.cleaned_data["words"].split()]
        wrong = [word for word in words if not dictionaries.can_be_kept(word)]
        if wrong:
            raise ValidationError(gettext("“%(word)s” is not a word.") % {"word": wrong[0][:50]})
        if self.instance.pk and len(words) != 1:
            raise ValidationError(gettext("Write one word."))
        if self.instance.pk and SiteWord.objects.filter(key=key_of(words[0])).exclude(pk=self.instance.pk).exists():
            raise ValidationError(gettext("This word is there already."))
        return list(dict.fromkeys(words))


@admin.register(SiteWord)
class SiteWordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Words that are right for everybody. Personal dictionaries are nobody else's business, and not shown."""

    form = SiteWordForm
    list_display = ["word", "added"]
    search_fields = ["word"]
    date_hierarchy = "added"
    ordering = ["word"]
    list_per_page = 200

    def save_model(self, request: HttpRequest, obj: SiteWord, form: SiteWordForm, change: bool) -> None:
        first, *others = form.cleaned_data["words"]
        kept = None if change else SiteWord.objects.filter(key=key_of(first)).first()
        if kept is not None:
            obj.pk, obj.added, obj._state.adding = kept.pk, kept.added, False
        obj.word = first
        obj.save()
        for word in others:
            SiteWord.objects.update_or_create(key=key_of(word), defaults={"word": word})
