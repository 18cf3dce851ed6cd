"""A process that opens mutated messages in the views as a reader does, and measures what each costs it.

For each message one line of JSON is written to standard output. Its memory is the most that the whole process takes
while it answers for that message.

python -m tests.proof.mutation_walk POOL SEED NUMBER [poor]     that one, with a server (or the poor one) of its own
python -m tests.proof.mutation_walk POOL SEED -                 those in the boxes that come as JSON
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import django

from portal.memory import keeper
from tests.proof.mutations import mutation
from tests.support.mailserver import Refused

if TYPE_CHECKING:
    from django.test import Client

MOST_FILES = 4  # of one message that are saved, and documents of it that are opened
PAGE = 25  # messages between two looks at the list
_ADDRESS = re.compile(r'(?:href|src)="([^"]+)"')
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass
class Walk:
    """Asks for all that belongs to a message; what was wrong stands in ``wrong``."""

    client: Client
    uidvalidity: int
    wrong: list[str] = field(default_factory=list)
    longest: tuple[float, str] = (0.0, "")  # seconds of processor time of one request
    waited: tuple[float, str] = (0.0, "")  # seconds by the clock
    steps: Counter[str] = field(default_factory=Counter)

    def get(self, url: str, step: str, **headers: str) -> str:
        """The answer's text; "" where it is none, or wrong."""
        return self._answered(step, lambda: self.client.get(url, headers=headers), {200})

    def _answered(self, step: str, ask, right: set[int]) -> str:
        started, worked = time.perf_counter(), time.process_time()
        text = ""
        try:
            response = ask()
            octets = b"".join(response.streaming_content) if response.streaming else response.content
            response.close()
            if response.status_code not in right:
                self.wrong.append(f"{step}: status {response.status_code}")
            elif response.headers.get("Content-Type", "").startswith("text/html"):
                text = octets.decode()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
            where = [
                f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
            self.wrong.append(f"{step}: {type(error).__name__}: {str(error)[:200]} {' '.join(where[-6:])}")
        self.longest = max(self.longest, (time.process_time() - worked, step))
        self.waited = max(self.waited, (time.perf_counter() - started, step))
        self.steps[step] += 1
        return text

    def list(self) -> None:
        self.get("/mail/INBOX/", "list", **{"HX-Request": "true"})

    def message(self, uid: int, number: int) -> None:
        base, v = f"/mail/INBOX/{uid}/", f"?v={self.uidvalidity}"
        form = ("", "&format=html")[number % 2]
        page = self.get(f"{base}{v}", "message", **{"HX-Request": "true"})
        plain = self.get(f"{base}{v}&form=plain", "as plain text") if "form=plain" in page or number % 4 == 0 else ""
        self._what_is_inside(base, page + plain)
        self.get(f"{base}source/{v}", "source")
        self.get(f"{base}{('reply', 'reply-all')[number // 2 % 2]}/{v}{form}", "reply")
        writing = self.get(f"{base}forward/{v}{form}", "forward")
        step = ("headers", "print", "edit", "edit-as-new", "forward-attached", "message.eml")[number % 6]
        self.get(f"{base}{step}{'' if '.' in step else '/'}{v}", step)
        if number % 4 == 0 and writing:
            self._kept(writing)

    def _what_is_inside(self, base: str, page: str) -> None:
        """Its documents and files, found by the links of its page."""
        targets = dict.fromkeys(urljoin(base, unescape(link)).partition("#")[0] for link in _ADDRESS.findall(page))
        for step in ("body", "part", "attachments.zip"):
            found = [url for url in targets if urlsplit(url).path.startswith(f"{base}{step}")]
            for url in [*found[: MOST_FILES - 1], *found[MOST_FILES:][-1:]]:
                self.get(url, step)
        inner = next((url for url in targets if url.startswith(base) and "inside=" in url), None)
        if inner:
            self.get(inner, "message inside")

    def _kept(self, writing: str) -> None:
        """What is passed on becomes a draft, with all its files. A form may say no: with 422."""
        from tests.support import forms

        data = forms.fields(writing, "compose") | {"action": "save"}
        self._answered("draft", lambda: self.client.post("/mail/@/compose/", data), {302, 422})


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Octets of memory that this process had at most since then."""
    found = _PEAK.search(Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


@dataclass(frozen=True, slots=True)
class Box:
    """An INBOX with mutations in it: the UID and the number of each."""

    url: str
    login: str
    password: str
    messages: list[tuple[int, int]]


def filled(server: Any, pool: str, seed: int, numbers: Iterable[int]) -> Box:
    login, numbers = server.new_user(), list(numbers)
    made = {number: mutation(pool, seed, number).octets for number in numbers}
    if hasattr(server, "fill"):  # straight to the disk
        server.fill(login, ((octets, datetime(2026, 11, 23, tzinfo=UTC)) for octets in made.values()))
        return Box(server.url, login, server.password, list(enumerate(numbers, 1)))
    kept = []
    for number, octets in made.items():
        # what the poor server cannot store, nobody can open there
        with suppress(Refused, TimeoutError, AssertionError):
            kept.append((server.append(login, octets)[0], number))
    return Box(server.url, login, server.password, kept)


def set_up() -> None:
    """A site of this process alone. More memory than any message may take ends it before the machine suffers."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings.full")
    keeper.limit()  # as portal.wsgi does
    django.setup()
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    setup_test_environment()
    call_command("migrate", verbosity=0)


def walk_through(box: Box, pool: str, seed: int) -> None:
    from django.conf import settings
    from django.test import Client

    settings.IMAP_URL = box.url
    client = Client()
    answer = client.post("/sign-in/", {"username": box.login, "password": box.password})
    assert answer.status_code == 302, answer.content.decode()
    if not box.messages:
        return
    found = re.search(r"\?v=(\d+)", client.get(f"/mail/INBOX/{box.messages[0][0]}/").headers["Location"])
    assert found
    for at, (uid, number) in enumerate(box.messages):
        made = mutation(pool, seed, number)
        walk = Walk(client, int(found[1]))
        forget_peak()
        if at % PAGE == 0:
            walk.list()
        walk.message(uid, number)
        report = {
            "number": number,
            "kinds": made.kinds,
            "base": made.base,
            "size": len(made.octets),
            "memory": peak(),
            "longest": walk.longest,
            "waited": walk.waited,
            "steps": walk.steps,
            "wrong": walk.wrong,
        }
        print(json.dumps(report), flush=True)


def main(pool: str, seed: int, what: str, kind: str = "") -> None:
    set_up()
    if what == "-":
        for given in json.load(sys.stdin):
            walk_through(Box(**given), pool, seed)
        return
    from tests.support import servers

    with ExitStack() as stack:
        server = stack.enter_context(servers.running_pymap() if kind == "poor" else servers.running_dovecot())
        walk_through(filled(server, pool, seed, [int(what)]), pool, seed)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:5])
