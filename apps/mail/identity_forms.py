"""The form of one identity. Signature in plain text or rich; the rich one is cleaned as everything that is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.mail.mailbox.store import Mailbox
from apps.mail.mime import addresses, render_html, to_text, wire
from apps.mail.models import Identity, own_address
from apps.mail.prefs import SENDER_NAME, SIGNATURE
from apps.mail.services import folders, identities
from portal.contracts import Text
from portal.http import PortalRequest

MOST_HTML = 20_000


def _line(label: Text, help_text: Text = "", *, most: int = 100, **attrs: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "in", "dir": "auto", **attrs})
    field = forms.CharField(required=False, max_length=most, widget=widget)
    field.label, field.help_text = cast("str", label), cast("str", help_text)
    return field


class IdentityForm(forms.Form):
    label = _line(_("Label"), _("Shown where you choose: “Office”, “Choir”."), most=60)
    name = _line(_("Your name as others see it"), _("Empty: the name of your account."))
    email = forms.CharField(label=_("Mail address"), required=False, max_length=254)
    reply_to = _line(_("Replies go to"), _("Empty: to the address above."), most=1000, spellcheck="false")
    bcc = _line(_("Blind copy to"), _("Gets a copy of everything you send with this identity."), most=1000)
    sent_mailbox = forms.ChoiceField(label=_("Keep sent messages in"), required=False)
    text = forms.CharField(
        label=_("Signature"),
        required=False,
        strip=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"class": "in", "dir": "auto", "rows": 5}),
    )
    # As in the writing form: only the editor can write it.
    html = forms.CharField(
        required=False,
        strip=False,
        max_length=MOST_HTML,
        widget=forms.HiddenInput(attrs={"disabled": True, "autocomplete": "off"}),
    )
    format = forms.ChoiceField(
        choices=[("plain", _("Plain text")), ("html", _("Rich text"))], required=False, widget=forms.RadioSelect
    )

    def __init__(
        self, identity: Identity, request: PortalRequest, mailboxes: Sequence[Mailbox], data: Any = None
    ) -> None:
        self.identity = identity
        self._permitted = identities.permitted(request)
        super().__init__(data, initial=_initial(identity), auto_id="identity-%s")
        self._addresses(request)
        self._folders(mailboxes)
        self.reasons = {name: request.prefs.lock(pref) for name, pref in (("name", SENDER_NAME), ("text", SIGNATURE))}
        for name, lock in self.reasons.items():
            self.fields[name].disabled = lock is not None
        self.fields["html"].disabled = self.fields["format"].disabled = self.fields["text"].disabled

    def _addresses(self, request: PortalRequest) -> None:
        """A list to choose from where the site has one."""
        allowed = self._permitted
        own = self._own()
        field = self.fields["email"]
        if allowed is None or self.identity.number:
            field.widget = forms.TextInput(attrs={"class": "in", "dir": "ltr", "inputmode": "email"})
            field.help_text = gettext("Empty: %(address)s") % {"address": own}
            return
        names = [own, *sorted(allowed - {own.casefold()})]
        field.widget = forms.Select(attrs={"class": "select"}, choices=[(name, name) for name in names])
        if len(names) == 1:
            field.help_text = gettext("Your administrator can give you further addresses.")

    def _folders(self, mailboxes: Iterable[Mailbox]) -> None:
        choices = [("", str(folders.ROLE_LABELS["sent"]))]
        choices += [(each.name, str(folders.label(each))) for each in mailboxes if each.selectable and not each.role]
        kept = self.identity.sent_mailbox
        if kept and kept not in dict(choices):
            choices.append((kept, gettext("%(folder)s (not there any more)") % {"folder": kept}))
        field = self.fields["sent_mailbox"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        field.widget.attrs = {"class": "select"}

    def _may_use(self, email: str) -> bool:
        return self._permitted is None or email.casefold() in self._permitted

    def _own(self) -> str:
        account = self.identity.account if self.identity.number else None
        return account.email if account else own_address(self.identity.user)

    def clean_email(self) -> str:
        """ "" for the account's own address, which may change with the account."""
        value: str = self.cleaned_data["email"].strip()
        if value.casefold() == self._own().casefold():
            return ""
        if value and not wire.can_be_written_to(value):
            raise forms.ValidationError(gettext("“%(text)s” is not a mail address.") % {"text": value})
        if value and not self.identity.number and not self._may_use(value):
            raise forms.ValidationError(gettext("You may not write from this address."))
        return value

    def clean_reply_to(self) -> str:
        return self._people("reply_to")

    def clean_bcc(self) -> str:
        return self._people("bcc")

    def _people(self, name: str) -> str:
        found = addresses.split(self.cleaned_data[name])
        wrong = [each.email or each.name for each in found if not wire.can_be_written_to(each.email)]
        if wrong:
            raise forms.ValidationError(
                [gettext("“%(text)s” is not a mail address.") % {"text": text} for text in wrong]
            )
        return addresses.format(found)

    def clean_name(self) -> str:
        return addresses.clean_name(self.cleaned_data["name"])

    def apply(self) -> Identity:
        """The identity with what stands in the form. Rich text that came without its editor is as it was, unless the
        plain text beside it was changed: then that counts."""
        data, identity = self.cleaned_data, self.identity
        for name in ("label", "name", "email", "reply_to", "bcc", "sent_mailbox"):
            setattr(identity, name, data[name])
        if self.fields["text"].disabled:
            return identity
        text = data["text"].replace("\r\n", "\n").strip("\n")
        if data["format"] == "html" and data["html"].strip():
            identity.signature_html = render_html.clean_outgoing(data["html"])
            identity.signature = to_text.text(identity.signature_html)
        elif data["format"] != "html" or text != identity.signature.strip("\n"):
            identity.signature, identity.signature_html = text, ""
        return identity


def _initial(identity: Identity) -> dict[str, str]:
    return {
        **{name: getattr(identity, name) for name in ("label", "name", "reply_to", "bcc", "sent_mailbox")},
        "email": identity.address.email,
        "text": identity.signature,
        "html": identity.signature_html,
        "format": "html" if identity.signature_html else "plain",
    }
