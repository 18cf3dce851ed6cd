"""An administrator's first hour, acted out: a mail server with a certificate of the house, a TLS front below a path,
a person whose address is not their login. Everything goes through `make run`'s own script and deploy/nginx.conf."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from scripts.servers.base import Workdir, stop_group
from scripts.servers.nginx import Nginx
from scripts.servers.tls import issue
from tests.support.servers import SubmissionServer, need

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "jdoe's own"


class Visitor:
    """A browser without scripts: cookies, redirects, forms, and only certificates of the given authority."""

    def __init__(self, base: str, authority: Path) -> None:
        self.base = base
        context = ssl.create_default_context(cafile=str(authority))
        self._open = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor(CookieJar())
        ).open
        self.url = base

    def get(self, path: str) -> str:
        return self._read(urllib.request.Request(urllib.parse.urljoin(self.base, path)))

    def post(self, path: str, *, page: str = "", **fields: str) -> str:
        """``page``: the form's, where that is another address than the one it is sent to."""
        page = page or self.get(path)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, f"no form at {path}"
        url = urllib.parse.urljoin(self.base, path)
        data = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": found[1]}).encode()
        return self._read(urllib.request.Request(url, data, {"Origin": self.base.split("/webmail")[0], "Referer": url}))

    def sign_in(self, username: str, password: str) -> str:
        return self.post("sign-in/", username=username, password=password)

    def _read(self, request: urllib.request.Request) -> str:
        with self._open(request, timeout=60) as answer:
            self.url = answer.url
            return answer.read().decode()


class House:
    """The portal as `make run` starts it, behind nginx."""

    def __init__(self, base: str, authority: Path, environment: dict[str, str], log: Path) -> None:
        self.base, self.authority, self.environment, self.log = base, authority, environment, log

    def visitor(self) -> Visitor:
        return Visitor(self.base, self.authority)

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def house(submission: SubmissionServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    need(Nginx)
    submission.dovecot.set_password("jdoe", PASSWORD)
    workdir = Workdir.create()
    tls = workdir.path / "tls"
    tls.mkdir()
    for name in ("ca.pem", "ca.key"):
        (tls / name).write_bytes((submission.ca_file.parent / name).read_bytes())
    issue(tls)
    port = workdir.free_port()
    front = Nginx(workdir, behind=port)
    base = f"https://localhost:{front.port}/webmail/"
    data = tmp_path_factory.mktemp("house")
    env_file = data / "env"
    env_file.write_text(
        f"BASE_URL={base}\nTRUSTED_PROXIES=127.0.0.1\nMAIL_DOMAIN=example.test\n"
        f"IMAP_URL={submission.dovecot.tls_url}\nIMAP_TLS_CA_FILE={submission.ca_file}\n"
        f"SMTP_URL={submission.starttls_url}\nSMTP_TLS_CA_FILE={submission.ca_file}\n"
        f"SELFTEST_LOGIN=jdoe\nSELFTEST_PASSWORD={PASSWORD}\n"
    )
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if key in os.environ}
    environment = kept | {"PORT": str(port), "DATA_DIR": str(data / "var"), "ENV_FILE": str(env_file)}
    log = data / "run.log"
    with log.open("wb") as out:
        run = subprocess.Popen(
            [sys.executable, "scripts/run.py"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        front.configure()
        front.start()
        deadline = time.monotonic() + 200
        while b"Yurt is running" not in log.read_bytes():
            assert run.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield House(base, tls / "ca.pem", environment, log)
    finally:
        stop_group(run.pid)
        run.wait()
        front.stop()
        workdir.remove()
        submission.dovecot.set_password("jdoe", submission.dovecot.password)  # as others know it


def test_an_administrators_first_hour(house: House, submission: SubmissionServer) -> None:
    # jdoe signs in once: any user of the mail server can
    jdoe = house.visitor()
    home = jdoe.sign_in("jdoe", PASSWORD)
    assert jdoe.url == house.base
    assert 'href="/webmail/mail/"' in home

    # the administrator, with the password that was printed once, says what jdoe's address is
    found = re.search(r"administrator +(\S+)\s+password +(\S+)", house.log.read_text())
    assert found, house.log.read_text()
    admin = house.visitor()
    admin.sign_in(found[1], found[2])
    people = admin.get("admin/portal_auth/user/?q=jdoe")
    link = re.search(r'href="(/webmail/admin/portal_auth/user/\d+/change/[^"]*)"', people)
    assert link, people
    form = admin.get(link[1])
    fields = dict(re.findall(r'<input type="(?:text|email)" name="([^"]+)" value="([^"]*)"', form))
    admin.post(link[1], **(fields | {"login": "jdoe", "email": "jane.doe@example.test", "is_active": "on"}))
    assert "jane.doe@example.test" in admin.get("admin/portal_auth/user/?q=jdoe")

    # jdoe writes to alice as jane.doe
    page = jdoe.get("mail/@/compose/")
    writing = re.search(r'name="id" value="([^"]+)"', page)
    assert writing
    sent = jdoe.post(
        "mail/@/compose/", id=writing[1], to="alice@example.test", subject="The first hour", text="It works.",
        format="plain", action="send",
    )  # fmt: skip
    assert jdoe.url.startswith(f"{house.base}mail/"), sent
    outbox = jdoe.get("mail/@/outbox/")
    waiting = re.search(r"mail/@/outbox/(\d+)/", outbox)
    assert waiting
    jdoe.post(f"mail/@/outbox/{waiting[1]}/", page=outbox, do="again")  # "Send now": nobody has ten seconds here
    received = [
        message
        for message in map(message_from_bytes, submission.dovecot.messages("alice"))
        if message["Subject"] == "The first hour"
    ]
    assert [message["From"] for message in received] == ["jane.doe@example.test"]

    # the self-test has nothing to complain of: on its page, as a browser without scripts gets it
    levels = re.findall(r'<tr data-id="([^"]+)" data-level="(\w+)"', admin.get("selftest/?run=1"))
    assert {"mail.imap", "mail.smtp", "portal.database", "portal.tasks", "portal.security"} <= dict(levels).keys()
    assert [check for check, level in levels if level == "error"] == []

    # and from the command line that the page names
    result = house.manage("selftest", "--json")
    report = json.loads(result.stdout)
    wrong = [check for check in report["checks"] if check["level"] == "error"]
    assert wrong == [], result.stdout
    assert result.returncode == 0


def test_plain_http_leads_to_https_and_the_root_to_the_portal(house: House) -> None:
    visitor = house.visitor()
    visitor.get(house.base.replace("/webmail/", "/"))
    assert visitor.url.startswith(house.base)


def test_cookies_stay_below_the_path_and_are_secure(house: House) -> None:
    request = urllib.request.Request(f"{house.base}sign-in/")
    context = ssl.create_default_context(cafile=str(house.authority))
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        cookies = answer.headers.get_all("Set-Cookie")
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert cookies
    for cookie in cookies:
        assert "; Secure" in cookie, cookie
        assert "; Path=/webmail" in cookie, cookie
