"""Templates and snippets: one's own and shared ones, put into a message with what they leave open filled in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from django.utils.formats import date_format

from apps.mail.mime.signature import Signature
from apps.mail.models import SharedTemplate, Template, remember
from apps.mail.services import templates
from portal.contracts import Address
from tests.mail.conftest import letter
from tests.mail.desk import Desk, Writer
from tests.mail.test_outbox import user_of
from tests.support import forms
from tests.support.receiver import PostOffice, arrived, read, text_of

pytestmark = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # the server makes no difference here


def own(writer: Writer, **fields: str) -> Template:
    return Template.objects.create(user=user_of(writer.person), **{"name": "Hello", "text": "Hello {name},\n"} | fields)


def filled(writer: Writer, key: object, **form: str) -> dict[str, str]:
    answer = writer.person.client.post(f"/mail/@/templates/{key}/filled/", form)
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()
    return found


def test_what_a_template_leaves_open_is_filled_in(writer: Writer) -> None:
    text = "{name}, {first_name}, {date}, {subject}, {my_address}, {other}, {my_name}"
    template = own(writer, text=text, subject="Camp on {date}")
    today = date_format(timezone.localdate(), "DATE_FORMAT")
    found = filled(writer, template.pk, to='Anna Adams <a@x.test>, "Berg, Bo" <b@x.test>', subject="Poles")
    assert found["text"].startswith("Anna Adams, Berg, Bo, Anna, Bo, ")
    found = filled(writer, template.pk, to='"Adams, Anna" <a@x.test>')
    name = user_of(writer.person).display_name or writer.address
    expected = f"Adams, Anna, Anna, {today}, Camp on {today}, {writer.address}, {{other}}, {name}"
    assert (found["text"], found["subject"]) == (expected, f"Camp on {today}")
    remember(user_of(writer.person).pk, [Address("bo@x.test", "Bo Berg")])
    assert filled(writer, template.pk, to="bo@x.test")["text"].startswith("Bo Berg, Bo, ")
    assert filled(writer, template.pk, to="nobody@x.test")["text"].startswith("{name}, {first_name}, ")


def test_in_rich_text_what_is_filled_in_is_text(writer: Writer) -> None:
    template = own(writer, text="", html="<p>Dear <b>{name}</b></p>")
    found = filled(writer, template.pk, to='"<img src=x> & co" <a@x.test>')
    assert found["html"] == "<p>Dear <b>&lt;img src=x&gt; &amp; co</b></p>"
    assert "<b>" not in found["text"]


def test_without_scripts_it_stands_where_one_begins_to_write(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    template = own(writer, text="Dear {name},\nthe poles are cut.", subject="Poles", to=f"Bob <{bob}@example.test>")
    desk = writer.new(subject="").press(template=str(template.pk))
    assert (desk.value("subject"), desk.value("to")) == ("Poles", f"Bob <{bob}@example.test>")
    assert desk.value("text") == "Dear Bob,\nthe poles are cut.\n\n"
    desk.press()
    assert text_of(read(arrived(post, bob)[0])).startswith("Dear Bob,\nthe poles are cut.\n")
    (uid,) = writer.person.receive(letter(text="When?"))
    desk = writer.on("reply", uid).press(template=str(template.pk))
    assert desk.value("subject") == "Re: The poles are cut"  # what stands there wins
    assert desk.value("text").index("the poles are cut.") < desk.value("text").index("> When?")
    gone = desk.press(template="999999")
    assert gone.errors[""] == ["This template is not there any more."]
    assert "> When?" in gone.value("text")


def test_what_is_written_is_kept_without_signature_and_quotes(writer: Writer) -> None:
    (uid,) = writer.person.receive(letter(text="When?"))
    desk = writer.on("reply", uid)
    desk.press("keep", text=f"As soon as we can.\n{desk.value('text')}", template_name="Soon")
    template = Template.objects.get()
    assert (template.name, template.text, template.subject) == ("Soon", "As soon as we can.", "Re: The poles are cut")
    assert desk.tips == ["Kept as the template “Soon”."]
    assert "> When?" in desk.value("text")
    empty = writer.new().press("keep", subject="", text="\n\n")
    assert empty.errors[""] == ["There is nothing yet that a template could be made of."]
    headers = {"Accept": "application/json"}
    data = {**writer.new().fields, "action": "keep", "subject": "S", "text": "T"}
    answer = writer.person.client.post("/mail/@/compose/", data, headers=headers)
    assert answer.json()["name"] == "S"


def test_rich_text_is_kept_without_signature_quotes_and_pictures(server: object) -> None:
    signature = Signature.of("Anna\nField office")
    html = (
        f'<div dir="auto">Soon, <b>really</b>.<img src="/mail/x"></div>{signature.html_block}'
        '<div dir="auto">On Monday, Bo wrote:</div><blockquote>When?</blockquote>'
    )
    kept = templates.cleaned(templates._without_rest(html, signature))
    assert kept == '<div dir="auto">Soon, <b>really</b>.</div>'
    passed_on = "<div>See below</div><div>---------- Forwarded message ----------<br>From: x</div><div>secret</div>"
    assert templates.cleaned(templates._without_rest(passed_on, signature)) == "<div>See below</div>"


def test_they_are_made_changed_and_removed_on_their_page(writer: Writer) -> None:
    client = writer.person.client
    page = client.get("/mail/@/templates/new/").content.decode()
    fields = {**forms.fields(page, "identity"), "name": "Poles", "text": "Cut {name}"}
    assert "{first_name}" in page
    bad = client.post("/mail/@/templates/new/", {**fields, "name": "", "to": "nobody"})
    assert bad.status_code == 400
    assert "“nobody” is not a mail address." in bad.content.decode()
    assert "Cut {name}" in bad.content.decode()
    client.post("/mail/@/templates/new/", {**fields, "to": "Bo <bo@x.test>"})
    template = Template.objects.get()
    assert (template.name, template.to, template.text) == ("Poles", "Bo <bo@x.test>", "Cut {name}")
    url = f"/mail/@/templates/{template.pk}/"
    rich = {**fields, "format": "html", "html": "<p onclick=x>Cut <b>{name}</b><script>x</script></p>"}
    client.post(url, rich)
    template.refresh_from_db()
    assert (template.html, template.text.strip()) == ("<p>Cut <b>{name}</b></p>", "Cut {name}")
    assert "Poles" in client.get("/mail/@/templates/").content.decode()
    client.post(url, {"action": "delete"})
    assert not Template.objects.exists()
    assert client.get(url).status_code == 404


def test_nobody_else_sees_them(writer: Writer, sign_in) -> None:
    template = own(writer)
    other = sign_in()
    assert other.client.get(f"/mail/@/templates/{template.pk}/").status_code == 404
    assert other.client.post(f"/mail/@/templates/{template.pk}/filled/").status_code == 404
    assert "Hello" not in Desk(other).open("/mail/@/compose/").html.partition("data-templates")[2][:2000]


def test_shared_ones_are_for_the_members_of_their_groups(writer: Writer) -> None:
    everybody = SharedTemplate.objects.create(name="For all", text="All")
    crew, other = Group.objects.create(name="Crew"), Group.objects.create(name="Other")
    for group, name in ((crew, "For the crew"), (other, "For others")):
        SharedTemplate.objects.create(name=name, text=name).groups.add(group)
    user = user_of(writer.person)
    user.groups.add(crew)
    assert [each.name for each in templates.of(user)] == ["For all", "For the crew"]
    assert filled(writer, f"s{everybody.pk}")["text"] == "All"
    hidden = SharedTemplate.objects.get(name="For others")
    assert writer.person.client.post(f"/mail/@/templates/s{hidden.pk}/filled/").status_code == 404
    assert "For the crew" in writer.new().html
    assert "For others" not in writer.new().html


def test_administrators_write_shared_ones_and_limits(admin_client, server: object) -> None:
    url = "/admin/mail/sharedtemplate/add/"
    assert "{first_name}" in admin_client.get(url).content.decode()
    data = {"name": "Welcome", "text": "", "html": "<p>Hi <b>{name}</b><script>x</script></p>", "subject": "", "to": ""}
    assert admin_client.post(url, data).status_code == 302
    template = SharedTemplate.objects.get()
    assert (template.html, template.text.strip()) == ("<p>Hi <b>{name}</b></p>", "Hi {name}")
    url = "/admin/mail/sendinglimit/add/"
    assert admin_client.post(url, {"group": "", "per_message": "5", "per_day": ""}).status_code == 302
    again = admin_client.post(url, {"group": "", "per_message": "6", "per_day": ""})
    assert "There is a limit for everybody already." in again.content.decode()
