"""Every address of the portal, taken from the URLconf: who may ask, with which method, and what each answer carries.

A new address is under these rules by being there. One that changes something, or that strangers may see, has to be
named here as well. Who else asks for them: ``test_actors``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps as django_apps
from django.http import HttpResponseBase
from django.test import Client
from django.urls import get_resolver, resolve
from django.views.decorators import http
from selectolax.lexbor import LexborHTMLParser

from apps.auth.certificates import services, store
from apps.auth.factors import codes
from apps.auth.models import User
from portal.models import Notice
from portal.registry import get_registry
from tests.mail.conftest import Person, letter
from tests.proof.conftest import SignInTo
from tests.support.mailserver import MailServer

pytestmark = pytest.mark.needs_app("mail")
FOR_STRANGERS = {"portal:healthz", "portal:readyz", "portal:sign_in", "auth:help"}
ONLY_POST = {
    "portal:arrange",
    "portal:end_session",
    "portal:dismiss_notice",
    "portal:sign_out",
    "portal:set_language",
    "portal:set_theme",
    "mail:act",
    "mail:take",
    "mail:receipt",
    "mail:recipients",
    "mail:undo",
    "mail:uploads",
    "mail:outbox_act",
    "mail:awaited_act",
    "mail:template_filled",
    "mail:sort",
    "mail:search",
    "mail:act_found",
    "mail:go_on",
    "mail:act_on_folder",
    "mail:undo_folder",
    "mail:act_on_label",
    "mail:answer",
    "mail:begin_import",
    "mail:join",
    "mail:share_folder",
    "mail:transfer_piece",
    "mail:unstrip",
    "portal:revoke_delegation",
    "auth:new_app",
    "auth:change_device",
    "auth:change_passkey",
    "auth:recovery",
    "auth:make_app_password",
    "auth:revoke_app_password",
    "auth:forget_browsers",
    "auth:certificates_make",
    "auth:certificates_file",
    "auth:certificates_revoke",
    "contacts:act",
    "contacts:act_on",
    "contacts:files",
    "contacts:refresh",
    "contacts:take",
    "spellcheck:add",
    "spellcheck:check",
    "spellcheck:suggest",
}
FORMS = {
    "mail:account",
    "mail:account_password",
    "mail:accounts",
    "mail:layout",
    "mail:new_account",
    "spellcheck:dictionary",
    "portal:sign_in",
    "portal:preferences_page",
    "portal:export_data",
    "portal:remove_data",
    "mail:compose",
    "mail:identities",
    "mail:identities_edit",
    "mail:identities_new",
    "mail:redirect",
    "mail:unsubscribe",
    "mail:reply",
    "mail:reply_all",
    "mail:template",
    "mail:template_new",
    "mail:searches",
    "mail:new_folder",
    "mail:edit_folder",
    "mail:export_folder",
    "mail:folder_properties",
    "mail:labels",
    "mail:strip",
    "mail:transfer",
    "mail:transfers",
    "portal:keyboard",
    "auth:prove",
    "auth:app",
    "auth:passkey",
    "auth:portal_password",
    "contacts:new",
    "contacts:edit",
    "contacts:books",
    "contacts:share",
    "contacts:share_book",
    "contacts:share_group",
    "contacts:groups",
    "contacts:searches",
    "contacts:duplicates",
    "contacts:imports",
    "contacts:import",
    "contacts:subscribe",
    "contacts:subscription",
}
#: Documents with text that came by mail, or into which it is put: they alone may carry style attributes.
MAIL_DOCUMENTS = {"mail:body", "mail:print", "mail:print_conversation", "mail:editor"}
#: Pictures: their address changes with what they show.
KEPT_BY_BROWSERS = {"mail:part", "mail:image", "mail:upload", "contacts:photo", "directory:photo"}
if not django_apps.is_installed("apps.contacts"):  # the settings matrix leaves it out
    ONLY_POST = {name for name in ONLY_POST if not name.startswith("contacts:")}
    KEPT_BY_BROWSERS = KEPT_BY_BROWSERS - {"contacts:photo"}
    FORMS = {name for name in FORMS if not name.startswith("contacts:")}
if django_apps.is_installed("apps.directory"):
    FORMS = FORMS | {"directory:edit"}
else:
    KEPT_BY_BROWSERS = KEPT_BY_BROWSERS - {"directory:photo"}
SCRIPTS = ("/static/", "/admin/jsi18n/")
ACTIVE = re.compile(r"^\s*(?:javascript|vbscript|data:text)", re.IGNORECASE)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@dataclass(frozen=True)
class Address:
    name: str  # with its namespace; "" for those without a name
    path: str
    admin: bool


def routes() -> Iterator[tuple[str, str]]:
    """(name, route) of the whole URLconf, Django's admin included."""

    def walk(patterns: Any, prefix: str, space: str) -> Iterator[tuple[str, str]]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
                yield from walk(pattern.url_patterns, route, inner)
            else:
                yield f"{space}{pattern.name}" if pattern.name else "", route

    yield from walk(get_resolver().url_patterns, "", "")


def addresses(**values: object) -> list[Address]:
    """Each route with values in it. Raises where a route asks for something that has none here."""
    found = []
    for name, route in routes():
        if route.startswith("admin/") and "(" in route:  # the admin's own catch-all, a regular expression
            route = "admin/no/such/page"
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), route)
        found.append(Address(name, f"/{path}", route.startswith("admin/")))
    return found


@pytest.fixture
def alice(dovecot: MailServer, sign_in_to: SignInTo) -> Person:
    """Somebody with mail: a message with a formatted text, a picture and a page to save."""
    person = sign_in_to(dovecot)
    files = (("view.png", "image/png", PNG), ("page.html", "text/html", b"<script>window.__xss(1)</script>"))
    html = '<p style="color:red" onclick="x()">Canvas and <b>felt</b><script>x()</script></p>'
    person.receive(letter("Secret poles", html=html, files=files))
    return person


@pytest.fixture
def all_addresses(
    alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> list[Address]:
    """On a site with all that has addresses: an authority and a directory too."""
    monkeypatch.setattr(store, "folder", lambda: tmp_path / "ca")
    services.init()
    notice = Notice.objects.create(title="Mail pauses tonight.")
    contact_id, import_id = somebody_in_the_contacts(alice)
    hers = User.objects.get(login=alice.login)
    (uid,) = (1,)
    device = codes.new_app(User.objects.get(login=alice.login))
    return addresses(
        block_id=next(iter(get_registry().blocks)),
        notice_id=notice.pk,
        page_id="portal.look",
        check_id=next(iter(get_registry().diagnostics)),
        topic_id="mail",
        item_id="mail.index",
        part_id="mail.conversations",
        mailbox="INBOX",
        uid=uid,
        number="1.2",
        account_id=account_of(hers),
        page=1,
        delegation_id=1,
        device_id=device.pk,
        passkey_id=1,
        password_id=1,
        pk=contact_id,
        user_id=hers.pk,
        book=f"b{book_of_contact(contact_id)}",
        resource="poles.vcf",
        book_id=1,
        group_id=1,
        import_id=import_id,
        file_id=file_of(contact_id),
        subscription_id=subscribed_by(alice),
        object_id=notice.pk,
        app_label="portal",
        content_type_id=1,
        id=1,
        upload_id="A" * 22,
        key=somebody_in_the_directory(request),
    )


def somebody_in_the_directory(request: pytest.FixtureRequest) -> str:
    """The key of somebody with a photo; where there is no directory, of nobody."""
    if not django_apps.is_installed("apps.directory"):
        return "staff.kAAAA"
    from tests.directory.world import one, source, use

    use(request.getfixturevalue("settings"), source(request.getfixturevalue("staff")))
    return one("u00000").key


def somebody_in_the_contacts(alice: Person) -> tuple[int, int]:
    """Ids of a contact with a photo and of an import; where there are no contacts, of nothing."""
    if not django_apps.is_installed("apps.contacts"):
        return 1, 1
    from tests.contacts.world import with_everything

    return with_everything(User.objects.get(login=alice.login))


def file_of(contact_id: int) -> int:
    if not django_apps.is_installed("apps.contacts"):
        return 1
    from tests.contacts import world

    return world.file_of(contact_id)


def account_of(hers: User) -> int:
    """Another mail account, which asks for its password."""
    model = django_apps.get_model("mail.OtherAccount")
    row = model(user=hers, label="Choir", email="choir@example.test", login="choir")
    row.incoming, row.outgoing = "imaps://mail.choir.test:993", "smtps://mail.choir.test:465"
    row.save()
    return int(row.pk)


def subscribed_by(alice: Person) -> int:
    if not django_apps.is_installed("apps.contacts"):
        return 1
    from tests.contacts.world import subscribed

    return subscribed(User.objects.get(login=alice.login))


def book_of_contact(contact_id: int) -> int:
    if not django_apps.is_installed("apps.contacts"):
        return 1
    return int(django_apps.get_model("contacts.Contact").objects.get(pk=contact_id).book_id)


def with_v(address: Address, alice: Person) -> str:
    if address.name.startswith("portal:person"):  # of whoever has sent the message, with all that is known of them
        return f"{address.path}?email=aigerim@example.test&all=1"
    return f"{address.path}?v={alice.uidvalidity()}" if address.name.startswith("mail:") else address.path


def test_the_list_is_whole(all_addresses: list[Address]) -> None:
    names = {address.name for address in all_addresses}
    assert names >= FOR_STRANGERS | ONLY_POST | FORMS | MAIL_DOCUMENTS | KEPT_BY_BROWSERS
    assert len(names) > 40
    assert sum(address.admin for address in all_addresses) > 20


def test_what_changes_something_is_sent_by_form(alice: Person, all_addresses: list[Address]) -> None:
    """GET refuses it, and the names of all that listen to POST are known."""
    refuses_get, hears_post = set(), set()
    for address in all_addresses:
        if address.admin:
            continue
        if alice.client.get(with_v(address, alice)).status_code == 405:
            refuses_get.add(address.name)
        if takes_post(address):
            hears_post.add(address.name)
    assert refuses_get == ONLY_POST
    assert hears_post == ONLY_POST | FORMS


def takes_post(address: Address) -> bool:
    """What the view's own decorator says; a view without one takes everything."""
    view: Any = resolve(address.path).func
    while view is not None:
        if view.__code__.co_filename == http.__file__:
            held = dict(zip(view.__code__.co_freevars, view.__closure__, strict=True))
            return "POST" in held["request_method_list"].cell_contents
        view = getattr(view, "__wrapped__", None)
    return True


@pytest.mark.parametrize("who", ["a stranger", "alice", "an administrator"])
def test_forms_without_a_token_are_refused(
    who: str, alice: Person, all_addresses: list[Address], admin_user: Any
) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    if who == "alice":
        client.cookies = alice.client.cookies
    elif who == "an administrator":
        client.force_login(admin_user)
    wrong = {}
    for address in all_addresses:
        answer = client.post(with_v(address, alice), {"do": "read", "uid": "1", "action": "save", "theme": "dark"})
        if answer.status_code not in (403, 405):
            wrong[address.path] = answer.status_code
    assert wrong == {}
    assert alice.count() == 1


def policy(answer: HttpResponseBase) -> dict[str, list[str]]:
    words = [directive.split() for directive in answer.headers.get("Content-Security-Policy", "").split(";")]
    return {first: rest for first, *rest in filter(None, words)}


def header_faults(address: Address, answer: HttpResponseBase, *, signed_in: bool) -> Iterator[str]:
    found = policy(answer)
    if found.get("default-src") != ["'none'"]:
        yield "no default-src 'none'"
    for directive, sources in found.items():
        if "'unsafe-eval'" in sources or "*" in sources or "http:" in sources or "https:" in sources:
            yield f"{directive} {sources}"
        if "'unsafe-inline'" in sources and not (
            directive == "style-src-attr" and address.name in MAIL_DOCUMENTS and answer.status_code == 200
        ):
            yield f"{directive} {sources}"
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        yield "no nosniff"
    if answer.headers.get("Referrer-Policy") not in ("same-origin", "no-referrer"):
        yield "referrer"
    if "X-Frame-Options" not in answer.headers and answer.headers.get("Content-Type", "").startswith("text/html"):
        yield "no X-Frame-Options"
    kept = address.name in KEPT_BY_BROWSERS and answer.status_code == 200
    if signed_in and not kept and "no-store" not in answer.headers.get("Cache-Control", ""):
        yield f"Cache-Control {answer.headers.get('Cache-Control')}"
    if kept and "private" not in answer.headers["Cache-Control"]:
        yield "kept for others"


def markup_faults(address: Address, html: str) -> Iterator[str]:
    for node in LexborHTMLParser(html).root.traverse(include_text=False):
        attributes = node.attributes
        if node.tag == "script" and not attributes.get("src") and attributes.get("type") != "application/json":
            yield f"inline script {node.html[:80]}"
        if node.tag == "script" and not str(attributes.get("src", "/static/")).startswith(SCRIPTS):
            yield f"script from {attributes['src']}"
        if node.tag == "style":
            yield "inline style sheet"
        for name, value in attributes.items():
            if name.startswith("on") or (name == "style" and address.name not in MAIL_DOCUMENTS):
                yield f'{node.tag} {name}="{value}"'
            if name in ("href", "src", "action", "formaction") and ACTIVE.match(value or ""):
                yield f'{node.tag} {name}="{value}"'


def faults_of(client: Client, address: Address, path: str, *, signed_in: bool) -> tuple[list[str], bool]:
    """What is wrong with the answer, and whether it was a page."""
    answer = client.get(path)
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    octets = b"".join(answer.streaming_content) if answer.streaming else answer.content
    faults = list(header_faults(address, answer, signed_in=signed_in))
    if is_page:
        faults += markup_faults(address, octets.decode())
    if answer.status_code >= 500:
        faults.append(str(answer.status_code))
    return [f"{path}: {fault}" for fault in faults], is_page and answer.status_code == 200


MORE = ("/?customise=1", "/?all=1", "/preferences/?q=a", "/search/?q=poles", "/no/such/page/", "/mail/INBOX/?q=poles")


def test_every_answer_is_guarded_and_every_page_free_of_inline_code(
    alice: Person, all_addresses: list[Address], admin_user: Any
) -> None:
    admin = Client()
    admin.force_login(admin_user)
    faults, pages = [], 0
    more = [Address("", path, admin=False) for path in MORE]
    for address in [*all_addresses, *more]:
        path = with_v(address, alice)
        for client, signed_in in ((Client(), False), (alice.client, True), (admin, True)):
            found, is_page = faults_of(client, address, path, signed_in=signed_in)
            faults += found
            pages += is_page
    assert faults == []
    assert pages > 50


def test_messages_and_their_fragments(alice: Person) -> None:
    """Addresses with more in them than the URLconf knows: htmx's fragments, answers in rich text, dialogs."""
    v = alice.uidvalidity()
    faults, seen = [], 0
    htmx = Client(headers={"HX-Request": "true"})
    htmx.cookies = alice.client.cookies
    base = "/mail/INBOX"
    for path in (
        f"{base}/",
        f"{base}/1/?v={v}",
        f"{base}/1/reply/?v={v}&format=html",
        f"{base}/1/part/2/?v={v}",
        f"{base}/1/part/3/?v={v}",
        f"{base}/1/?v={v + 1}",
        "/search/?q=poles",
        "/home/blocks/mail.unread/",
        "/mail/@/folders/",
    ):
        for client in (alice.client, htmx):
            address = Address("mail:part" if "/part/" in path else "", path, admin=False)
            found, is_page = faults_of(client, address, path, signed_in=True)
            faults += found
            seen += is_page
    assert faults == []
    assert seen > 10


@pytest.mark.parametrize(
    "html",
    [
        "<script>x()</script>",
        "<script src='//evil.test/x.js'></script>",
        "<style>p{}</style>",
        "<p onclick='x()'>",
        "<p style='color:red'>",
        "<a href=' JavaScript:x()'>",
    ],
)
def test_the_eye_for_inline_code_is_sharp(html: str) -> None:
    assert list(markup_faults(Address("", "/", admin=False), html))
