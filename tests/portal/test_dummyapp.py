"""An app from outside: installed with pip into a running site, switched on by a setting, and off again without loss."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import Site, running_site

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tests" / "dummyapp"
OFF, ON = "", "+dummyapp"  # the default apps, and one more

BEFORE = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("alice", "correct horse battery", display_name="Alice")
get_user_model().objects.create_superuser("root", "correct horse battery")
"""
LOOK = """
import json
from django.contrib.auth import get_user_model
from django.test import Client
alice, root = Client(headers={"host": "localhost"}), Client(headers={"host": "localhost"})
alice.force_login(get_user_model().objects.get(login="alice"))
root.force_login(get_user_model().objects.get(login="root"))
page = lambda client, url, **headers: client.get(url, headers=headers).content.decode()
print(json.dumps({
    "home": page(alice, "/"),
    "customise": page(alice, "/?customise=1"),
    "preferences": page(alice, "/preferences/"),
    "selftest": page(root, "/selftest/"),
    "book": page(alice, "/dummyapp/", **{"Accept-Language": "de"}),
    "status": {url: alice.get(url).status_code for url in ("/", "/preferences/", "/dummyapp/", "/search/?q=e")},
}))
"""
USE = """
from django.contrib.auth import get_user_model
from django.test import Client
alice = Client(headers={"host": "localhost"})
alice.force_login(get_user_model().objects.get(login="alice"))
assert alice.post("/dummyapp/", {"text": "I was here"}).status_code == 302
assert alice.post("/preferences/dummyapp.page/", {"dummyapp.block_size": "7"}).status_code == 302
assert alice.post("/home/arrange/", {"block": "dummyapp.newest", "action": "width-2"}).status_code == 302
"""
STALE = "from portal import catalogues; print(catalogues.stale())"
KEPT = """
from django.contrib.auth import get_user_model
from django.test import Client
from dummyapp.models import Entry
from dummyapp.prefs import BLOCK_SIZE
from portal.models import HomeBlock
from portal.prefs import for_user
alice = get_user_model().objects.get(login="alice")
print(Entry.objects.get().text, for_user(alice)[BLOCK_SIZE], HomeBlock.objects.get(block="dummyapp.newest").width)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``pip install`` has put the package into; built from a copy, so that nothing is left in ours."""
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "dummyapp")
    target = tmp_path_factory.mktemp("packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True)
    return target


@pytest.fixture
def site(installed: Path) -> Iterator[Site]:
    with running_site(PORTAL_APPS=OFF, PYTHONPATH=str(installed)) as running:
        running.manage("migrate", "--verbosity", "0")
        running.manage("shell", "--no-imports", "-c", BEFORE)
        yield running


def switch(site: Site, apps: str) -> None:
    """What an administrator does: change the setting, migrate, collect the static files, restart."""
    site.stop()
    site.environment["PORTAL_APPS"] = apps
    site.manage("migrate", "--verbosity", "0")
    site.manage("collectstatic", "--noinput", "--verbosity", "0")
    site.manage("check", "--fail-level", "WARNING")
    site.start()


def look(site: Site) -> dict[str, str]:
    found: dict[str, str] = json.loads(site.manage("shell", "--no-imports", "-c", LOOK))
    return found


def served(site: Site, path: str) -> str:
    with urllib.request.urlopen(site.url + path, timeout=10) as answer:
        return str(answer.read().decode())


def style(site: Site, page: str) -> str:
    return "".join(served(site, sheet) for sheet in re.findall(r'rel="stylesheet" href="([^"]+)"', page))


def test_switched_on_it_is_everywhere_and_switched_off_it_leaves_no_trace_and_loses_nothing(site: Site) -> None:
    before = look(site)
    assert before["status"]["/dummyapp/"] == 404

    switch(site, ON)
    site.manage("shell", "--no-imports", "-c", USE)
    on = look(site)
    assert set(on["status"].values()) == {200}
    assert 'href="/dummyapp/"' in on["home"]  # navigation
    assert 'hx-get="/home/blocks/dummyapp.newest/"' in on["home"]  # block
    assert 'href="/preferences/dummyapp.page/"' in on["preferences"]
    assert 'hx-get="/selftest/dummyapp.entries/"' in on["selftest"]
    assert "Ihr Eintrag" in on["book"] and "I was here" in on["book"]  # its own catalogue
    assert ".dummyapp form" in style(site, on["home"])  # one sheet for all apps
    report = json.loads(site.manage("selftest", "--json", "dummyapp.entries", "portal.static"))
    assert {check["id"]: check["level"] for check in report["checks"]} == {
        "dummyapp.entries": "ok",
        "portal.static": "ok",
    }
    assert "dummyapp" not in site.manage("shell", "--no-imports", "-c", STALE)  # its catalogue came compiled

    switch(site, OFF)
    off = look(site)
    assert off["status"] == before["status"]
    for page in ("home", "customise", "preferences", "selftest"):
        assert "dummyapp" not in off[page], page
    assert "dummyapp" not in style(site, off["home"])
    assert served(site, "/healthz")

    switch(site, ON)
    assert site.manage("shell", "--no-imports", "-c", KEPT).split("\n")[-2] == "I was here 7 2"
    assert "error" not in site.log.lower().replace("errors", "")


def test_its_code_is_typed_strictly(installed: Path) -> None:
    environment = {**os.environ, "PORTAL_APPS": "dummyapp", "ENV_FILE": "", "MYPYPATH": str(PACKAGE)}
    environment |= {"PYTHONPATH": str(PACKAGE), "SECRET_KEY": "tests only " * 8}
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache" / "dummyapp")]
    done = subprocess.run(
        [*mypy, "-p", "dummyapp", "--exclude", "migrations"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
