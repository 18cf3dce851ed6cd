"""The mail server hangs, and everybody asks it for something: the rest of the portal still answers at once."""

from __future__ import annotations

import contextlib
import re
import statistics
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.cookiejar import CookieJar

import pytest

from tests.support.mailserver import DovecotServer
from tests.support.people import PASSWORD
from tests.support.site import running_site

pytestmark = pytest.mark.needs_app("mail")
LIMIT = 0.3  # seconds
ROOT = f"from django.contrib.auth import get_user_model as m; m().objects.create_superuser('root', {PASSWORD!r})"


class Visitor:
    """A browser without scripts."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str, data: dict[str, str] | None = None, timeout: float = 60) -> str:
        body = urllib.parse.urlencode(data).encode() if data else None
        request = urllib.request.Request(self.url + path, body, {"Referer": self.url + path})
        with self._opener.open(request, timeout=timeout) as answer:
            return str(answer.read().decode())

    def sign_in(self, login: str, password: str) -> Visitor:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get("/sign-in/"))
        assert token is not None
        page = self.get("/sign-in/", {"username": login, "password": password, "csrfmiddlewaretoken": token[1]})
        assert "Good " in page
        return self

    def ask_in_vain(self, path: str) -> None:
        with contextlib.suppress(OSError):  # an error page is an answer too; here only the threads it held count
            self.get(path)


def median_seconds(visitor: Visitor, path: str) -> float:
    times = []
    for _ in range(7):
        started = time.perf_counter()
        visitor.get(path)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def test_home_preferences_and_self_test_answer_while_imap_hangs(
    own_dovecot: Callable[..., AbstractContextManager[DovecotServer]],
) -> None:
    with (
        own_dovecot() as server,
        running_site(
            IMAP_URL=server.tls_url, IMAP_TLS_CA_FILE=str(server.ca_file), SMTP_URL="smtp://127.0.0.1:9"
        ) as site,
    ):
        site.manage("shell", "--no-imports", "-c", ROOT)
        alice, root = Visitor(site.url), Visitor(site.url)
        alice.sign_in("alice", server.password)
        root.sign_in("root", PASSWORD)
        assert "INBOX" in alice.get("/home/blocks/mail.folders/")
        asked = ((alice, "/"), (alice, "/preferences/"), (root, "/selftest/"))
        calm = {path: median_seconds(visitor, path) for visitor, path in asked}  # as far as the machine is
        with server.paused():
            paths = ["/home/blocks/mail.unread/", "/home/blocks/mail.folders/", "/badge/mail.index/", "/mail/INBOX/"]
            crowd = [
                threading.Thread(target=alice.ask_in_vain, args=(paths[number % len(paths)],), daemon=True)
                for number in range(40)  # more than the portal has threads
            ]
            crowd += [threading.Thread(target=root.ask_in_vain, args=("/selftest/mail.imap/",), daemon=True)]
            for one in crowd:
                one.start()
            found = {path: median_seconds(visitor, path) for visitor, path in asked}
            assert any(one.is_alive() for one in crowd), "nobody was waiting for the server: this measured nothing"
            assert [path for path, seconds in found.items() if seconds > max(LIMIT, 3 * calm[path])] == [], found
