"""The form of another mail account: an address and a password are enough where its servers can be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.conf import settings
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.mail.account_models import OtherAccount
from apps.mail.mime import wire
from apps.mail.services import folders, other_accounts
from portal.contracts import Text
from portal.net import BadServerUrl, ServerUrl

READING: list[tuple[str, Text]] = [
    ("imaps", _("IMAP, encrypted")),
    ("imap+starttls", _("IMAP, encrypted by STARTTLS")),
    ("pop3s", _("POP3, encrypted")),
    ("pop3+starttls", _("POP3, encrypted by STARTTLS")),
]
SENDING: list[tuple[str, Text]] = [
    ("smtps", _("SMTP, encrypted")),
    ("smtp+starttls", _("SMTP, encrypted by STARTTLS")),
    ("", pgettext_lazy("server for sending", "none: only read")),
]
_BARE: dict[str, tuple[str, Text]] = {
    "imap": ("imap", _("IMAP, not encrypted")),
    "pop3": ("pop3", _("POP3, not encrypted")),
    "smtp": ("smtp", _("SMTP, not encrypted")),
}


def _text(label: Text, *, most: int = 254, required: bool = False, help_text: Text = "", **attrs: str) -> forms.Field:
    widget = forms.TextInput(attrs={"class": "in", "dir": "ltr", "autocomplete": "off", "spellcheck": "false", **attrs})
    field = forms.CharField(required=required, max_length=most, widget=widget)
    field.label, field.help_text = cast("str", label), cast("str", help_text)
    return field


def _choice(label: Text) -> forms.ChoiceField:
    return forms.ChoiceField(label=cast("str", label), required=False, widget=forms.Select(attrs={"class": "select"}))


def _port() -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "in num", "dir": "ltr"})
    return forms.IntegerField(label=cast("str", _("Port")), required=False, min_value=1, max_value=65535, widget=widget)


class AccountForm(forms.Form):
    email = _text(_("Mail address"), required=True, inputmode="email", autofocus="autofocus")
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"class": "in", "dir": "ltr", "autocomplete": "off"}),
    )
    label = _text(_("Label"), most=60, help_text=_("What it is called here: “Choir”. Empty: its address."), dir="auto")
    colour = forms.ChoiceField(
        label=_("Colour"),
        required=False,
        choices=[("", pgettext_lazy("colour", "none")), *folders.COLOUR_NAMES.items()],
        widget=forms.RadioSelect,
    )
    in_kind = _choice(_("Reading"))
    in_host = _text(_("Server"), most=253)
    in_port = _port()
    login = _text(_("User name"), help_text=_("Empty: the mail address."))
    out_kind = _choice(_("Sending"))
    out_host = _text(_("Server"), most=253)
    out_port = _port()
    out_login = _text(_("User name for sending"), help_text=_("Empty: the same as for reading."))

    def __init__(self, data: Any = None, *, account: OtherAccount | None = None, **kwargs: Any) -> None:
        self.account = account
        kwargs.setdefault("auto_id", "account-%s")
        if account is not None:
            kwargs["initial"] = initial_of(account) | dict(kwargs.get("initial") or {})
        super().__init__(data, **kwargs)
        bare = settings.ALLOW_PLAINTEXT
        for name, known in (("in_kind", READING), ("out_kind", SENDING)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            more = [_BARE[each] for each in (("imap", "pop3") if name == "in_kind" else ("smtp",))] if bare else []
            field.choices = [*known, *more]
        if account is None:
            self.fields["password"].required = True
        else:
            self.fields["email"].widget.attrs.pop("autofocus", None)
            self.fields["password"].help_text = gettext("Empty: it stays as it is.")

    def clean_email(self) -> str:
        value: str = self.cleaned_data["email"].strip()
        if not wire.can_be_written_to(value):
            raise forms.ValidationError(gettext("“%(text)s” is not a mail address.") % {"text": value})
        return value

    @property
    def names_servers(self) -> bool:
        """Whether somebody has typed them, so that nothing is looked for."""
        return bool(self.data.get("in_host", "").strip())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.names_servers:
            self._server("in", data)
            if data.get("out_kind") and data.get("out_host", "").strip():
                self._server("out", data)
            elif data.get("out_kind"):
                self.add_error("out_host", gettext("Name the server for sending, or choose to only read."))
        return data

    def _server(self, way: str, data: dict[str, Any]) -> None:
        try:
            server = self.server(way, data)
        except BadServerUrl:
            self.add_error(f"{way}_host", gettext("This is no name of a server: write one like imap.example.org."))
            return
        why = other_accounts.refusal(server)
        if why:
            self.add_error(f"{way}_host", why)

    def server(self, way: str, data: Mapping[str, Any]) -> ServerUrl:
        """Raises ``BadServerUrl``."""
        port = f":{data[f'{way}_port']}" if data.get(f"{way}_port") else ""
        url = f"{data.get(f'{way}_kind')}://{data.get(f'{way}_host', '').strip()}{port}"
        return other_accounts.incoming_server(url) if way == "in" else other_accounts.outgoing_server(url)

    def apply(self, row: OtherAccount) -> OtherAccount:
        """What stands in a valid form, servers as well where it names them."""
        data = self.cleaned_data
        row.email, row.colour = data["email"], data["colour"]
        row.label = (data["label"] or data["email"])[:60]
        if self.names_servers:
            row.incoming = str(self.server("in", data))
            row.login = data["login"].strip() or row.email
            row.outgoing = str(self.server("out", data)) if data["out_kind"] else ""
            row.outgoing_login = data["out_login"].strip()
        return row


def initial_of(row: OtherAccount) -> dict[str, Any]:
    values: dict[str, Any] = {"email": row.email, "colour": row.colour}
    values |= {"label": "" if row.label == row.email else row.label}
    values |= {"login": "" if row.login == row.email else row.login, "out_login": row.outgoing_login}
    return values | servers_of(row.incoming, row.outgoing)


def servers_of(incoming: str, outgoing: str) -> dict[str, Any]:
    values: dict[str, Any] = {"out_kind": ""}
    for way, url in (("in", incoming), ("out", outgoing)):
        if url:
            server = other_accounts.outgoing_server(url) if way == "out" else other_accounts.incoming_server(url)
            values |= {f"{way}_kind": str(server).partition("://")[0], f"{way}_host": server.host}
            values |= {f"{way}_port": server.port}
    return values
