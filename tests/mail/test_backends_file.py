"""Sites with several mail servers (MAIL_BACKENDS_FILE): whose is whose, by domain, by choice, and from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from apps.mail import diagnostics
from apps.mail.mailbox.errors import ServerUnreachable
from apps.mail.models import own_address
from apps.mail.services import limits, servers, stores
from portal import conf, mail_servers
from portal.accounts import account_server
from portal.contracts import Level
from tests.mail.conftest import letter
from tests.support.mailserver import DovecotServer, PymapServer
from tests.support.receiver import SmallPost

SIGN_IN = "/sign-in/"
DEFAULTS = {
    **dict.fromkeys(("IMAP_URL", "POP3_URL", "SMTP_URL", "MAIL_DOMAIN", "SMTP_LOGIN", "SMTP_PASSWORD"), ""),
    "MAIL_LOGIN_RULE": "{login}",
    "MAIL_ADDRESS_RULE": "login",
    "SMTP_AUTH": "user",
}


def read(path: Path, text: str, **settings: str) -> tuple[mail_servers.Site, list[str]]:
    path.write_text(text)
    env = conf.Environment({"MAIL_BACKENDS_FILE": str(path)})
    site = mail_servers.read(env, DEFAULTS | settings, allow_plain=False)
    return site, [str(problem) for problem in env.problems]


@pytest.fixture
def post() -> Iterator[SmallPost]:
    small = SmallPost("secret")
    small.start()
    yield small
    small.stop()


@pytest.fixture
def site(
    dovecot: DovecotServer, pymap_server: PymapServer, post: SmallPost, settings, tmp_path: Path, db: None
) -> mail_servers.Site:
    """Staff on Dovecot, students on the poor server, guests on Dovecot's POP3."""
    text = f"""
        [backend.staff]
        label = "Staff"
        domains = ["staff.test", "office.test"]
        incoming = "{dovecot.tls_url}"
        incoming_ca_file = "{dovecot.ca_file}"
        outgoing = "{post.url}"
        login = "{{local}}"
        account_server = "staff"

        [backend.students]
        label = "Students"
        domains = ["students.test"]
        incoming = "{pymap_server.url}"
        outgoing = "smtp://127.0.0.1:9"
        outgoing_auth = "none"
        login = "{{local}}"
        account_server = "students"

        [backend.guests]
        label = "Guests"
        incoming = "{dovecot.pop3s_url}"
        incoming_ca_file = "{dovecot.ca_file}"
        outgoing = "{post.url}"
        account_server = "guests"
        address_domain = "guests.test"
    """
    found, problems = read(tmp_path / "backends.toml", text)
    assert not problems
    settings.IMAP_URL = settings.POP3_URL = settings.SMTP_URL = ""
    settings.MAIL_BACKENDS, settings.CHOOSE_BACKEND = found.backends, found.choose
    stores.pool()
    settings.DATA_DIR = tmp_path
    return found


def sign_in(login: str, client: Client | None = None, status: int = 302, **fields: str) -> Client:
    client = client or Client()
    answer = client.post(SIGN_IN, {"username": login, "password": "secret", **fields})
    assert answer.status_code == status, answer.content.decode()
    client.page = answer.content.decode()  # type: ignore[attr-defined]
    return client


def test_the_domain_of_a_login_says_where_its_mailbox_is(
    site: mail_servers.Site, dovecot: DovecotServer, pymap_server: PymapServer
) -> None:
    one, other = dovecot.new_user(), pymap_server.new_user()
    dovecot.append(one, letter("For the staff"))
    pymap_server.append(other, letter("For students"))
    staff, student = sign_in(f"{one}@office.test"), sign_in(f"{other}@students.test")
    assert "For the staff" in staff.get("/mail/INBOX/").content.decode()
    assert "For students" in student.get("/mail/INBOX/").content.decode()
    people = {user.login: user for user in get_user_model().objects.all()}
    assert {user.server for user in people.values()} == {"staff", "students"}
    # what is written goes out by their own server, from an address of their own domain
    mine = people[f"{one}@office.test"]
    assert own_address(mine) == f"{one}@office.test"
    assert servers.smtp_offers(stores.backend_of(mine)) is not None
    assert servers.smtp_offers(stores.backend_of(people[f"{other}@students.test"])) is None
    limits.ask(mine)
    assert limits.is_known(mine)
    assert not limits.is_known(people[f"{other}@students.test"])


def test_a_login_without_a_domain_is_asked_for_its_server_once_on_a_device(
    site: mail_servers.Site, dovecot: DovecotServer
) -> None:
    login = dovecot.new_user()
    assert "id_backend" not in Client().get(SIGN_IN).content.decode()
    client = sign_in(login, status=403)
    assert "Choose where your mailbox is." in client.page
    assert "Guests</option>" in client.page
    sign_in(login, client, backend="guests")
    user = get_user_model().objects.get()
    assert (user.server, own_address(user)) == ("guests", f"{login}@guests.test")
    client.post(reverse("portal:sign_out"))
    sign_in(login, client)  # this device knows
    assert get_user_model().objects.count() == 1
    sign_in(login, status=403)  # another one does not
    sign_in(f"{login}@staff.test", client, backend="guests")  # a domain says more than the device
    assert set(get_user_model().objects.values_list("server", flat=True)) == {"guests", "staff"}


def test_the_page_offers_them_where_the_site_wants_that(site: mail_servers.Site, settings, dovecot) -> None:
    settings.CHOOSE_BACKEND = True
    page = Client().get(SIGN_IN).content.decode()
    assert '<option value="">As my address says</option>' in page
    login = dovecot.new_user()
    client = sign_in(login, backend="staff")
    assert get_user_model().objects.get().server == "staff"
    client.post(reverse("portal:sign_out"))
    assert '<option value="staff" selected>' in client.get(SIGN_IN).content.decode()
    sign_in(f"{dovecot.new_user()}@nowhere.test", backend="nonsense", status=302)  # whom no domain claims: guests


def test_whose_server_is_gone_gets_no_other(site: mail_servers.Site, settings, dovecot: DovecotServer) -> None:
    client = sign_in(f"{dovecot.new_user()}@staff.test")
    settings.MAIL_BACKENDS = site.backends[1:]
    assert client.get("/mail/INBOX/").status_code == 503
    with pytest.raises(ServerUnreachable):
        stores.backend_of(get_user_model().objects.get())


def test_the_self_test_and_imports_know_all_of_them(site: mail_servers.Site, tmp_path: Path, capsys) -> None:
    said = [str(found.message) for found in (*diagnostics.imap(), *diagnostics.smtp())]
    for label in ("Staff (backend staff)", "Students (backend students)", "Guests (backend guests)"):
        assert len([text for text in said if text.startswith(label)]) == 2
    assert any(found.level is Level.ERROR for found in diagnostics.smtp())  # nobody listens for the students
    (tmp_path / "people.csv").write_text("login\njane\n")
    call_command("importpeople", "csv", str(tmp_path / "people.csv"), "--source", "imap", "--backend", "students")
    assert get_user_model().objects.get().server == account_server("imap", site.backends[1]) == "students"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "choose = 1\n[backend.a]\n" + 'label="A"\nincoming="imaps://a.test"\noutgoing="smtps://a.test"',
            "choose: write",
        ),
        ("[backend]\n", "names no backend"),
        ("[backend", "toml: "),
        ('[backend.a]\nlabel="A"\noutgoing="smtps://a.test"', "backend a: incoming: is missing"),
        (
            '[backend.a]\nlabel="A"\nincoming="imap://a.test"\noutgoing="smtps://a.test"',
            "backend a: incoming: passwords",
        ),
        (
            '[backend.a]\nlabel="A"\nincoming="http://a.test"\noutgoing="smtps://a.test"',
            "backend a: incoming: The addr",
        ),
        (
            '[backend.a]\nlabel="A"\nincoming="pop3s://a.test"\noutgoing="pop3s://a.test"',
            "backend a: outgoing: The addr",
        ),
        (
            '[backend.a]\nlabel="A"\nincoming="imaps://a.test"\noutgoing="smtps://a.test"\nports=3',
            "a: ports: is not known",
        ),
        (
            '[backend.a]\nlabel="A"\nincoming="imaps://a.test"\noutgoing="smtps://a.test"\nincoming_ca_file="/none"',
            "backend a: incoming_ca_file: the file /none cannot be read",
        ),
        (
            '[backend.a]\nlabel="A"\nincoming="imaps://a.test"\noutgoing="smtps://a.test"\noutgoing_auth="fixed"',
            "backend a: outgoing_auth: fixed needs",
        ),
        (
            '[backend.a]\nlabel="A"\nincoming="imaps://a.test"\noutgoing="smtps://a.test"\n'
            '[backend.b]\nlabel="B"\nincoming="imaps://a.test"\noutgoing="smtps://a.test"\ndomains=["b.test"]',
            "backend b: account_server: its accounts would be those of a",
        ),
        (
            '[backend.a]\nlabel="A"\nincoming="imaps://a.test"\noutgoing="smtps://a.test"\ndomains=["x.test"]\n'
            '[backend.b]\nlabel="B"\nincoming="imaps://b.test"\noutgoing="smtps://b.test"\ndomains=["X.test"]',
            "backend b: domains: x.test belongs to a already",
        ),
    ],
)
def test_what_is_wrong_names_file_backend_and_field(tmp_path: Path, text: str, said: str) -> None:
    site, problems = read(tmp_path / "backends.toml", text)
    assert site.backends == ()
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("MAIL_BACKENDS_FILE: ") and "backends.toml" in problem for problem in problems)


def test_one_server_and_several_do_not_go_together(tmp_path: Path) -> None:
    text = '[backend.a]\nlabel="A"\nincoming="imaps://a.test"\noutgoing="smtps://a.test"'
    _site, problems = read(tmp_path / "backends.toml", text, IMAP_URL="imaps://b.test")
    assert problems == ["IMAP_URL: is set, and so is MAIL_BACKENDS_FILE; take one of them out."]
