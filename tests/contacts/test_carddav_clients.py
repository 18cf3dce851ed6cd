"""vdirsyncer against a running portal: both ways, many at once, and what both have changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.servers import nginx, tls
from scripts.servers.base import Workdir
from tests.contacts.phone import card
from tests.support.servers import need
from tests.support.site import Site, running_site

LOGIN = "vera"
CONFIG = """
[general]
status_path = "{folder}/status"
[pair people]
a = "here"
b = "portal"
collections = ["from a", "from b"]
conflict_resolution = {conflict}
[storage here]
type = "filesystem"
path = "{folder}/cards"
fileext = ".vcf"
[storage portal]
type = "carddav"
url = "{url}/"
username = "{login}"
password = "{password}"
{more}
"""
RUN = """
import json, sys
from django.contrib.auth import get_user_model
from apps.contacts.models import Book, Contact
from apps.contacts.services import keeping, books
from apps.contacts.card import Value
from apps.contacts.services.keeping import Doing
user = get_user_model().objects.get(login="vera")
def book(name="Personal"):
    return keeping.default_book(user.pk, name)
def person(name):
    return Contact.objects.get(name=name, deleted=None)
"""


@pytest.fixture(scope="module")
def portal() -> Iterator[Site]:
    with running_site(PORTAL_APPS="contacts") as site:
        yield site


def run(site: Site, *lines: str) -> str:
    return site.manage("shell", "--no-imports", "-c", RUN + "\n".join(lines)).strip()


class Vdirsyncer:
    def __init__(self, site: Site, folder: Path, *, url: str = "", more: str = "") -> None:
        self.site, self.folder, self.url, self.more = site, folder, url or site.url, more
        self.cards = folder / "cards"
        self.cards.mkdir()
        out = site.manage(
            "shell",
            "--no-imports",
            "-c",
            "from django.contrib.auth import get_user_model; from apps.auth.factors import app_passwords\n"
            "users = get_user_model().objects; users.filter(login='vera').delete()\n"
            "print('password', app_passwords.make(users.create_user('vera'), name='Laptop'))",
        )
        self.password = re.search(r"password (\S+)", out)[1]
        self.configure()

    def configure(self, conflict: str = "null") -> None:
        given = {"folder": self.folder, "url": self.url, "login": LOGIN, "password": self.password, "more": self.more}
        (self.folder / "config").write_text(CONFIG.format(conflict=conflict, **given))

    def __call__(self, *words: str, good: bool = True) -> str:
        command = [sys.executable, "-m", "vdirsyncer", "-c", str(self.folder / "config"), *words]
        done = subprocess.run(command, input="y\n" * 20, capture_output=True, text=True, timeout=200, check=False)
        assert (done.returncode == 0) is good, done.stdout + done.stderr
        return done.stdout + done.stderr

    def sync(self) -> str:
        return self("sync")

    def files(self, book: str) -> dict[str, Path]:
        """By name of the person."""
        found = {}
        for path in (self.cards / book).glob("*.vcf"):
            name = re.search(r"^FN:(.*?)\r?$", path.read_text(), re.MULTILINE)
            assert name, path.read_text()
            found[name[1]] = path
        return found


@pytest.fixture
def client(portal: Site, tmp_path: Path) -> Vdirsyncer:
    return Vdirsyncer(portal, tmp_path)


def names(site: Site) -> list[str]:
    found = run(
        site,
        "print(json.dumps(sorted(Contact.objects.filter(owner=user, deleted=None).values_list('name', flat=True))))",
    )
    return json.loads(found.splitlines()[-1])


def test_what_is_done_here_and_there_is_done_on_both_sides(client: Vdirsyncer, portal: Site) -> None:
    run(
        portal,
        "[keeping.create(book(), [Value('FN', f'Person {n}'), Value('TEL', '+1 23')], Doing(user)) for n in range(3)]",
    )
    client("discover")
    client.sync()
    (book,) = [path.name for path in client.cards.iterdir()]
    files = client.files(book)
    assert sorted(files) == ["Person 0", "Person 1", "Person 2"]
    # made, changed and deleted on both sides
    (client.cards / book / "new.vcf").write_text(card("new-1", "New Here", "X-OWN:kept"))
    files["Person 0"].write_text(files["Person 0"].read_text().replace("FN:Person 0", "FN:Changed Here"))
    run(
        portal,
        "keeping.create(book(), [Value('FN', 'New There')], Doing(user))",
        "one = person('Person 1')",
        "keeping.change(one, [Value('FN', 'Changed There')], Doing(user), version=one.version)",
        "keeping.throw_away([person('Person 2')], Doing(user))",
    )
    client.sync()
    both = ["Changed Here", "Changed There", "New Here", "New There"]
    assert sorted(client.files(book)) == both == names(portal)
    client.sync()  # what it has sent it may get back, written anew: and then it is done
    assert "Copying" not in client.sync()
    client.files(book)["New There"].unlink()
    run(portal, "keeping.throw_away([person('New Here')], Doing(user))")
    client.sync()
    assert sorted(client.files(book)) == ["Changed Here", "Changed There"] == names(portal)
    assert run(portal, "print(Contact.objects.filter(owner=user).exclude(deleted=None).count())").endswith("3")
    assert run(portal, "print(Contact.objects.get(name='New Here').changes.last().text)").endswith("Laptop")


def test_a_book_that_is_made_here_is_made_there(client: Vdirsyncer, portal: Site) -> None:
    (client.cards / "journeys").mkdir()
    (client.cards / "journeys" / "a.vcf").write_text(card("a-1", "Anna Adams"))
    client("discover")
    client.sync()
    found = run(portal, "print([(each.name, each.contacts.count()) for each in Book.objects.filter(owner=user)])")
    assert "('journeys', 1)" in found


def test_what_both_have_changed_is_a_conflict_and_nothing_is_lost(client: Vdirsyncer, portal: Site) -> None:
    run(portal, "keeping.create(book(), [Value('FN', 'Anna Adams')], Doing(user))")
    client("discover")
    client.sync()
    (book,) = [path.name for path in client.cards.iterdir()]

    def change_both(time: str) -> None:
        path = next(iter(client.files(book).values()))
        path.write_text(re.sub("FN:.*", f"FN:{time} Here\r", path.read_text()))
        run(
            portal,
            "one = Contact.objects.get(owner=user)",
            f"keeping.change(one, [Value('FN', '{time} There')], Doing(user), version=one.version)",
        )

    change_both("First")
    assert "conflict" in client("sync", good=False).lower()
    assert names(portal) == ["First There"] and list(client.files(book)) == ["First Here"]
    client.configure('"a wins"')
    client("sync", "--force-delete")
    assert names(portal) == ["First Here"] == list(client.files(book))
    change_both("Second")
    client.configure('"b wins"')
    client.sync()
    assert names(portal) == ["Second There"] == list(client.files(book))


def test_a_thousand_contacts(client: Vdirsyncer, portal: Site) -> None:
    run(
        portal,
        "cards = [('', [Value('FN', f'Person {n}'), Value('EMAIL', f'p{n}@d.example')]) for n in range(600)]",
        "keeping.create_many(book(), cards, Doing(user))",
    )
    client("discover")
    (book,) = [path.name for path in client.cards.iterdir()] or [""]
    for number in range(600, 1000):
        (client.cards / book / f"{number}.vcf").write_text(card(f"uid-{number}", f"Person {number}"))
    client.sync()
    assert len(client.files(book)) == 1000 == len(names(portal))
    client.sync()
    assert "Copying" not in client.sync()


def test_a_wrong_or_revoked_password_is_refused(client: Vdirsyncer, portal: Site) -> None:
    client("discover")
    run(portal, "from apps.auth.factors.models import AppPassword; AppPassword.objects.filter(user=user).delete()")
    assert "401" in client("discover", good=False)


def test_behind_the_front_and_below_a_path(tmp_path: Path) -> None:
    """Told the host alone, whose root is not the portal's."""
    need(nginx.Nginx)
    workdir = Workdir.create()
    port = workdir.free_port()
    settings = {"BASE_URL": f"https://localhost:{port}/webmail/", "TRUSTED_PROXIES": "127.0.0.1"}
    try:
        with running_site(PORTAL_APPS="contacts", **settings) as site:
            tls.make_authority(workdir.path / "tls")
            tls.issue(workdir.path / "tls")
            server = nginx.Nginx(workdir, behind=int(site.environment["PORT"]))
            server.port = port
            server.configure()
            server.start()
            try:
                authority = f'verify = "{workdir.path}/tls/ca.pem"'
                client = Vdirsyncer(site, tmp_path, url=f"https://localhost:{port}", more=authority)
                run(site, "keeping.create(book(), [Value('FN', 'Anna Adams')], Doing(user))")
                client("discover")
                client.sync()
                (book,) = [path.name for path in client.cards.iterdir()]
                assert list(client.files(book)) == ["Anna Adams"]
                (client.cards / book / "b.vcf").write_text(card("b-1", "Bela Berg"))
                client.sync()
                assert names(site) == ["Anna Adams", "Bela Berg"]
            finally:
                server.stop()
    finally:
        workdir.remove()
