"""The answers of a real site under https, every kind of page: what they carry, and what they never say."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from scripts.servers.base import Workdir
from scripts.servers.nginx import Nginx
from scripts.servers.tls import issue
from tests.mail.conftest import letter
from tests.mail.test_content import PNG, related
from tests.proof import csp_evaluator, observatory
from tests.support.front import CLIENT, Answer, Visitor, said
from tests.support.servers import SubmissionServer, need
from tests.support.site import Site, mail_settings, running_site

pytestmark = [pytest.mark.needs_app("mail"), pytest.mark.timeout(300)]
HOST = "mail.example.org"
ADMIN = "a long password of the root"
FALL = "stumblehere"
HTTPS = {
    "BASE_URL": f"https://{HOST}",
    "TRUSTED_PROXIES": "127.0.0.1",
    "DJANGO_SETTINGS_MODULE": "tests.proof.site_settings",
    "PROOF_FALL": FALL,
}
CONTENT = {"one host": "", "two hosts": "https://content.example.org"}


class World:
    """A site, somebody with mail in it, an administrator and a stranger."""

    def __init__(self, site: Site, submission: SubmissionServer) -> None:
        self.site, self.server = site, submission.dovecot
        make = "import os; from django.contrib.auth import get_user_model as m; "
        make += f"m().objects.create_superuser('root', {ADMIN!r})"
        make += "; from portal.models import Notice; print(Notice.objects.create(title='N', dismissible=True).pk)"
        self.notice = int(site.manage("shell", "--no-imports", "-c", make))
        self.login = self.server.new_user()
        file = ("page.html", "text/html", b"<script>x()</script>")
        self.uids = self.server.append(
            self.login, related(), letter("Files", files=(file, ("v.png", "image/png", PNG)))
        )
        self.stranger, self.reader, self.admin = Visitor(site), Visitor(site), Visitor(site)
        assert self.reader.sign_in(self.login, self.server.password).status == 302
        assert self.admin.sign_in("root", ADMIN).status == 302

    def message(self) -> tuple[str, str]:
        """The address of a message with HTML, and that of its frame."""
        first = self.reader.get(f"/mail/INBOX/{self.uids[0]}/")
        path = first.get("Location")
        frame = re.search(rb'<iframe [^>]*src="([^"]+)"', self.reader.get(path).body)
        assert frame
        return path, frame[1].decode().replace("&amp;", "&")

    def kinds(self) -> Iterator[tuple[str, Answer]]:
        """Every kind of answer there is, by name."""
        path, frame = self.message()
        v = path.rpartition("v=")[2]
        get = self.reader.get
        yield "sign-in", self.stranger.get("/sign-in/")
        yield "to the sign-in", self.stranger.get("/mail/")
        for name, address in {
            "home": "/",
            "list": "/mail/INBOX/",
            "message": path,
            "printed": f"/mail/INBOX/{self.uids[0]}/print/?v={v}",
            "source": f"/mail/INBOX/{self.uids[0]}/source/?v={v}",
            "file": f"/mail/INBOX/{self.uids[1]}/part/2/?v={v}",
            "picture": f"/mail/INBOX/{self.uids[1]}/part/3/?v={v}",
            "compose": "/mail/@/compose/",
            "editor": "/mail/@/editor/",
            "outbox": "/mail/@/outbox/",
            "preferences": "/preferences/portal.look/",
            "sessions": "/sessions/",
            "help": "/help/",
            "403": "/selftest/",
            "404": "/no/such/page/",
            "405": "/theme/",
            "healthz": "/healthz",
            "readyz": "/readyz",
        }.items():
            yield name, get(address)
        document = get(frame)
        yield "frame", document
        if document.status == 302:
            there = get(document.get("Location"))
            assert there.status == 200
            yield "document on the second host", there
            picture = re.search(rb'<img src="([^"]+)"', there.body)
            assert picture
            yield "its picture", get(there.url.rpartition("/")[0] + "/" + picture[1].decode())
            yield "its 404", get("https://content.example.org/no")
        yield "fragment", get("/mail/@/folders/", HX_Request="true")
        yield "admin", self.admin.get("/admin/")
        yield "admin's form", self.admin.get("/admin/portal/notice/add/")
        yield "self-test", self.admin.get("/selftest/")
        yield "csrf", self.reader.post("/theme/", {"theme": "dark", "csrfmiddlewaretoken": "x" * 64})
        yield "400", self.reader.post("/theme/", {"theme": "purple"})
        yield "wrong password", self.stranger.sign_in("nobody", "wrong")
        yield "500", self.stranger.sign_in(FALL, "wrong")
        for sheet in set(re.findall(rb'(?:href|src)="(/static/[^"]+)"', get("/mail/INBOX/").body)):
            yield f"static {sheet.decode()}", get(sheet.decode().partition("#")[0])


@pytest.fixture(scope="module", params=CONTENT)
def world(request: pytest.FixtureRequest, submission: SubmissionServer) -> Iterator[World]:
    settings = HTTPS | mail_settings(submission) | {"CONTENT_HOST": CONTENT[request.param]}
    with running_site(**settings) as site:
        yield World(site, submission)


#: What names software with a version, a place in the code, or how the site is built.
TELLTALE = re.compile(
    r"(?i)(?:django|python|gunicorn|whitenoise|werkzeug|dovecot|nginx|openssl|debian)[/ ]v?\d"
    r"|Traceback|File \"/|site-packages|\.py\b.{0,20}line \d|/tmp/|/home/|/usr/|manage\.py|settings\.|DisallowedHost"
)


def tells(answer: Answer) -> str:
    """ "" or what it says that it should not. In files, only the headers: libraries name their licences."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers if name.lower() != "location")
    body = answer.body.decode("utf-8", "replace") if answer.is_html and answer.status >= 400 else ""
    found = TELLTALE.search(headers) or TELLTALE.search(body)
    if answer.get("X-Powered-By") or "Django" in answer.get("Server"):
        return "says what it is made of"
    return found[0] if found else ""


def test_every_kind_of_answer(world: World) -> None:
    """A+ by the Observatory, nothing high or medium by the evaluator, cookies by their host alone, nothing kept of
    pages, and not a word about what runs here."""
    faults, seen, points = [], {}, []
    for name, answer in world.kinds():
        seen[name] = answer.status
        score = observatory.score(answer)
        points.append(score)
        if observatory.grade(score) != "A+":
            bad = {result: moved for result, moved in observatory.results(answer).items() if moved < 0}
            faults.append(f"{name}: {score} {bad}")
        for found in csp_evaluator.evaluate(answer.get("Content-Security-Policy")):
            if found.severity != csp_evaluator.INFO:
                faults.append(f"{name}: {found}")
        faults += [f"{name}: {line}" for line in answer.all("Set-Cookie") if not is_host_cookie(line)]
        if "/static/" not in answer.url and "private" not in answer.get("Cache-Control"):
            faults.append(f"{name}: Cache-Control {answer.get('Cache-Control')!r}")
        if told := tells(answer):
            faults.append(f"{name}: {told!r}")
    assert faults == []
    assert {status for name, status in seen.items() if name in ("403", "csrf")} == {403}
    assert [seen[name] for name in ("400", "404", "405", "500")] == [400, 404, 405, 500]
    assert len(seen) >= 35
    print(f"{len(seen)} answers, scores {min(points)} to {max(points)}")


def is_host_cookie(line: str) -> bool:
    """RFC 6265bis section 4.1.3.2, and the rest of what ours have."""
    words = {word.strip().lower() for word in line.split(";")[1:]}
    return line.startswith("__Host-") and {"secure", "httponly", "path=/", "samesite=lax"} <= words


def test_a_language_is_kept_in_such_a_cookie_too(world: World) -> None:
    visitor = Visitor(world.site)
    visitor.get("/sign-in/")
    (line,) = visitor.post("/language/", {"language": "de", "next": "/sign-in/"}).all("Set-Cookie")
    assert "yurt_language=de" in line
    assert is_host_cookie(line)


def test_foreign_scripts_may_read_nothing(world: World) -> None:
    """To an origin of no friend: no answer lets it in with credentials, and pages not at all."""
    path, frame = world.message()
    for address in ("/", "/sign-in/", "/mail/INBOX/", path, frame, "/readyz"):
        answer = world.reader.get(address, Origin="https://stranger.test")
        assert answer.get("Access-Control-Allow-Origin") == ""
        preflight = world.reader.ask("OPTIONS", address, Origin="https://stranger.test")
        assert preflight.get("Access-Control-Allow-Origin") == ""


def test_the_front_leads_plain_http_to_https(submission: SubmissionServer) -> None:
    """deploy/nginx.conf itself, in front of a site."""
    need(Nginx)
    workdir = Workdir.create()
    tls = workdir.path / "tls"
    tls.mkdir()
    for name in ("ca.pem", "ca.key"):
        (tls / name).write_bytes((submission.ca_file.parent / name).read_bytes())
    issue(tls)
    front = Nginx(workdir, behind=workdir.free_port())
    try:
        front.configure()
        front.start()
        site = Site("http://localhost", workdir.path, {"PORT": str(front.plain_port)})
        status, headers, _body = said(site, b"GET /webmail/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    finally:
        front.stop()
        workdir.remove()
    assert status in (301, 308)
    answer = Answer("https://localhost/", status, (), hops=(headers["location"],))
    assert observatory.redirection(answer) == "redirection-to-https"
    assert re.search(r"\d", headers.get("server", "")) is None


# --- whose name is it? ------------------------------------------------------------------------------------------------

EVIL = "evil.test"
PROXIED = f"X-Forwarded-Proto: https\r\nX-Forwarded-For: {CLIENT}\r\nConnection: close\r\n"
#: (what it is, request line and headers, whether it may be answered as usual)
NAMES = [
    ("another host", f"GET {{path}} HTTP/1.1\r\nHost: {EVIL}\r\n", False),
    ("its name as a user", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}@{EVIL}\r\n", False),
    ("its name below another", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}.{EVIL}\r\n", False),
    ("a port that is none", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}:{EVIL}\r\n", False),
    ("a blank in it", f"GET {{path}} HTTP/1.1\r\nHost: {HOST} {EVIL}\r\n", False),
    ("no host, so this machine's", "GET {path} HTTP/1.1\r\n", True),
    ("an empty one", "GET {path} HTTP/1.1\r\nHost:\r\n", False),
    ("two hosts", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}\r\nHost: {EVIL}\r\n", False),
    ("two hosts, turned", f"GET {{path}} HTTP/1.1\r\nHost: {EVIL}\r\nHost: {HOST}\r\n", False),
    ("X-Forwarded-Host", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Host: {EVIL}\r\n", True),
    ("X-Host", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}\r\nX-Host: {EVIL}\r\n", True),
    ("X-Original-URL", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}\r\nX-Original-URL: //{EVIL}/\r\n", True),
    ("Forwarded", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}\r\nForwarded: host={EVIL};proto=https\r\n", True),
    ("an absolute address", f"GET https://{EVIL}{{path}} HTTP/1.1\r\nHost: {HOST}\r\n", True),
    ("an absolute address, turned", f"GET https://{HOST}{{path}} HTTP/1.1\r\nHost: {EVIL}\r\n", False),
    ("a double slash", f"GET //{EVIL}{{path}} HTTP/1.1\r\nHost: {HOST}\r\n", True),
    ("an underscore", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}\r\nX_Forwarded_Host: {EVIL}\r\n", True),
    ("a script's name", f"GET {{path}} HTTP/1.1\r\nHost: {HOST}\r\nSCRIPT_NAME: //{EVIL}\r\n", True),
]


@pytest.mark.parametrize(("words", "usual"), [case[1:] for case in NAMES], ids=[case[0] for case in NAMES])
def test_no_request_says_where_the_portal_is(world: World, words: str, usual: bool) -> None:
    """Never a link, redirect or cookie for a name that the request made up; wrong hosts get no page at all."""
    for path in ("/", "/sign-in/", "/mail/", "/admin/", "/static/portal/mark.svg", "/no/such/"):
        status, headers, body = said(world.site, (words.format(path=path) + PROXIED + "\r\n").encode())
        assert not any(EVIL in value for name, value in headers.items() if name != "location")
        links = [headers.get("location", ""), *re.findall(r'(?:href|src|action)="([^"]*)"', body)]
        assert [link for link in links if leads_away(link) and EVIL in link] == []
        assert not leads_away(links[0])
        if not usual and not path.startswith("/static/"):
            assert status == 400, path
            assert "set-cookie" not in headers
            assert EVIL not in body
        assert TELLTALE.search(body) is None


# --- where it leads ---------------------------------------------------------------------------------------------------

TARGETS = [
    *(
        f"https://{EVIL}/",
        f"//{EVIL}/",
        f"///{EVIL}/",
        f"/\\{EVIL}/",
        f"\\\\{EVIL}/",
        f"https:{EVIL}",
        f"http:///{EVIL}",
    ),
    *(f"/\t/{EVIL}", f"/\n/{EVIL}", f"\x01//{EVIL}", f" //{EVIL}", f"//{HOST}@{EVIL}/", f"https://{HOST}.{EVIL}/"),
    *("javascript:alert(1)", "data:text/html,x", f"//{EVIL}\\@{HOST}/", f"https://{HOST}\\.{EVIL}/", f"////{EVIL}//"),
    *(f"/%5C{EVIL}", f"/.//{EVIL}", f"/..//{EVIL}", f"/%2F{EVIL}", f"/\u2028/{EVIL}", f"//{EVIL}%E3%80%82com"),
]


def leads_away(location: str) -> bool:
    """Whether a browser would leave the site: it takes ``\\`` for ``/`` and leaves out control characters."""
    seen = re.sub(r"[\x00-\x20]", "", location).replace("\\", "/")
    return seen.startswith("//") or bool(re.match(r"[a-z][a-z0-9+.-]*:", seen, re.IGNORECASE))


@pytest.mark.parametrize("target", TARGETS)
def test_no_next_leads_away(world: World, target: str) -> None:
    """Every address that takes one, before and after the sign-in."""
    asked = f"?next={quote(target, safe='')}"
    world.reader.get("/preferences/portal.look/")
    nobody = Visitor(world.site)
    page = nobody.get(f"/sign-in/{asked}")
    entered = {"username": world.login, "password": world.server.password, "next": target}
    answers = [
        nobody.get(f"/admin/login/{asked}"),
        nobody.get(f"/mail/{asked}"),
        nobody.post(f"/sign-in/{asked}", entered),
        nobody.get(f"/sign-in/{asked}"),
        world.reader.post("/language/", {"language": "en", "next": target}),
        world.reader.post("/theme/", {"theme": "light", "next": target}),
        world.reader.post(f"/home/notices/{world.notice}/dismiss/", {"next": target}),
    ]
    hidden = re.findall(r'name="next" value="([^"]*)"', page.body.decode())
    places = [*map(html.unescape, hidden), *(answer.get("Location") for answer in answers)]
    assert [place for place in places if leads_away(place)] == []
    assert [answer.status for answer in answers] == [302] * 7


# --- what is wrong ----------------------------------------------------------------------------------------------------

#: What the server itself refuses, before the portal sees it.
BROKEN = [
    b"GET / HTTP/9.9\r\nHost: mail.example.org\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: mail.example.org\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: mail.example.org\r\nA: " + b"b" * 20_000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: mail.example.org\r\nbad header\r\n\r\n",
]


@pytest.mark.parametrize("octets", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_request_learns_nothing(world: World, octets: bytes) -> None:
    status, headers, body = said(world.site, octets)
    assert 400 <= status < 600
    assert TELLTALE.search(body) is None
    assert re.search(r"\d", headers.get("server", "")) is None


def test_what_is_away_is_told_without_a_name(submission: SubmissionServer) -> None:
    """A mail server and a cache that do not answer: 503, and no address of either."""
    away = HTTPS | {"IMAP_URL": "imap://127.0.0.1:9", "SMTP_URL": "smtp://127.0.0.1:9"}
    with running_site(**away | {"CACHE_URL": "redis://127.0.0.1:9/0"}) as site:
        visitor = Visitor(site)
        answer = visitor.get("/readyz")
        assert answer.status == 503
        assert json.loads(answer.body)["cache"] == "unavailable"
        answers = [answer, visitor.get("/sign-in/"), visitor.sign_in("alice", "secret")]
    for answer in answers:
        text = answer.body.decode()
        assert "127.0.0.1" not in text
        assert tells(answer) == ""
        assert observatory.grade(observatory.score(answer)) == "A+"
    assert 503 in {answer.status for answer in answers}
