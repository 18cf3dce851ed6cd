"""HTML mail that means harm, as real messages in a real mailbox, opened in Chromium: no script runs, nothing is loaded
from outside before somebody asks for it.

Each layer has to hold alone: the sanitiser (nothing is left for the browser to refuse), the policy of the message's
document (sanitiser off, no frame), the sandbox of the frame (sanitiser and policy off). And the same collection, drawn
without any of them, shows that it bites.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from selectolax.lexbor import LexborHTMLParser

from tests.proof.wire import Watch, Web, alone, open_all, wired
from tests.support.servers import SubmissionServer
from tests.support.site import Site, mail_settings, running_site
from tests.support.vectors import items

pytestmark = [pytest.mark.needs_app("mail"), pytest.mark.timeout(300), pytest.mark.browser]


XSS = {item["id"]: re.sub(r"__xss\(1\)", f"__xss('{item['id']}')", item["html"]) for item in items("html_xss")}
LEAKS = {item["id"]: item["html"] for item in items("html_leaks")}
REDRESS = {item["id"]: item["html"] for item in items("ui_redress")}


def letter(subject: str, html: str, *files: tuple[str, str]) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "mallory@evil.test", "alice@example.test", subject
    message["Date"] = "Mon, 23 Nov 2026 12:00:00 +0000"
    message.set_content(html, subtype="html", cte="base64")
    for name, kind in files:
        maintype, _slash, subtype = kind.partition("/")
        message.add_attachment(html.encode(), maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


class Reader:
    """Somebody signed in at one site, whose mailbox holds all vectors."""

    def __init__(self, site: Site, submission: SubmissionServer, chrome: Browser, web: Web) -> None:
        self.site, self.web = site, web
        self.server = submission.dovecot
        self.login = self.server.new_user()
        self.uids = self.store(XSS | LEAKS | REDRESS)
        self.drafts = self.store(XSS, mailbox="Drafts", flags="\\Draft")
        self.watch = Watch(chrome.new_context(locale="en", viewport={"width": 1280, "height": 800}), site.url)
        self.page = self.watch.sign_in(self.login, self.server.password)

    def store(self, vectors: dict[str, str], mailbox: str = "INBOX", flags: str = "") -> dict[str, int]:
        letters = [letter(name, html) for name, html in vectors.items()]
        return dict(zip(vectors, self.server.append(self.login, *letters, mailbox=mailbox, flags=flags), strict=True))

    @property
    def outgoing(self) -> list[str]:
        """What the site itself asked of the world."""
        path = Path(self.site.environment["PROOF_OUTGOING"])
        return path.read_text().splitlines() if path.exists() else []

    def uidvalidity(self, mailbox: str = "INBOX") -> int:
        with self.server.session(self.login) as session:
            answer = session.status(f'"{mailbox}"', "(UIDVALIDITY)")[1]
            return int(answer[0].rpartition(b" ")[2].rstrip(b")"))

    def bodies(self, names: Any) -> list[str]:
        end = f"body/1/?v={self.uidvalidity()}"
        return [f"{self.site.url}/mail/INBOX/{self.uids[name]}/{end}" for name in names]

    def assert_quiet(self) -> None:
        assert self.watch.ran == []
        assert self.watch.left == []
        assert self.web.seen == []
        assert self.outgoing == []


@pytest.fixture(scope="module")
def world(browser: Browser) -> Iterator[tuple[Browser, Web]]:
    with wired(browser) as both:
        yield both


@contextmanager
def reading(
    world: tuple[Browser, Web], submission: SubmissionServer, tmp_path: Path, **settings: str
) -> Iterator[Reader]:
    chrome, web = world
    web.seen.clear()
    proof = {"DJANGO_SETTINGS_MODULE": "tests.proof.site_settings", "PROOF_OUTGOING": str(tmp_path / "outgoing")}
    with running_site(**mail_settings(submission), **proof, **settings) as site:
        reader = Reader(site, submission, chrome, web)
        yield reader
        reader.watch.context.close()


@pytest.fixture(scope="module")
def sanitised(
    world: tuple[Browser, Web], submission: SubmissionServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("sanitised")
    with reading(world, submission, folder, PROOF_WEB=str(world[1].port)) as reader:
        yield reader


@pytest.fixture(scope="module")
def bare(
    world: tuple[Browser, Web], submission: SubmissionServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    """The same with the sanitiser switched off."""
    with reading(world, submission, tmp_path_factory.mktemp("bare"), PROOF_SANITISE="no") as reader:
        yield reader


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> None:
    """What earlier tests have seen does not count."""
    for name in {"sanitised", "bare"} & set(request.fixturenames):
        reader: Reader = request.getfixturevalue(name)
        for record in (reader.watch.ran, reader.watch.left, reader.watch.refused, reader.watch.asked, reader.web.seen):
            record.clear()


# --- the collection bites ---------------------------------------------------------------------------------------------


def test_without_any_layer_the_vectors_do_harm(world: tuple[Browser, Web]) -> None:
    chrome, web = world
    web.seen.clear()
    web.pages = {f"/{name}": f"<!doctype html><body>{html}" for name, html in (XSS | LEAKS).items()} | {"/": "<p>"}
    home = f"http://localhost:{web.port}"
    watch = Watch(chrome.new_context(), home)
    page = watch.context.new_page()
    page.goto(f"{home}/")
    open_all(page, [f"{home}/{name}" for name in XSS], provoke=True)
    ran = {name for name in XSS for line in watch.ran if name in line}
    watch.left.clear()
    open_all(page, [f"{home}/{name}" for name in LEAKS], batch=40)
    left = {url for url in watch.left if "leak.test" in url}
    watch.context.close()
    web.pages.clear()
    print(f"scripts {len(ran)} of {len(XSS)}, requests {len(left)} of {len(LEAKS)}, connections {len(web.seen)}")
    assert len(ran) > 50
    assert len(left) > 50
    assert web.seen


# --- each layer -------------------------------------------------------------------------------------------------------


def test_the_sanitiser_leaves_nothing_to_refuse(sanitised: Reader) -> None:
    names = [*XSS, *LEAKS, *REDRESS]
    open_all(sanitised.page, sanitised.bodies(names))
    sanitised.assert_quiet()
    assert sanitised.watch.refused == []
    reached = open_all(sanitised.page, sanitised.bodies(XSS), provoke=True)
    assert reached == len(XSS)
    assert sanitised.watch.ran == []
    assert sanitised.watch.refused == []


#: Chromium opens a connection to the host of a frame before it asks the policy whether the frame may be. Nothing is
#: sent but the name of the host; only the sanitiser stands before that.
FRAME = "html_leaks-015"


def test_the_policy_holds_alone(bare: Reader) -> None:
    open_all(bare.page, bare.bodies([name for name in (*XSS, *LEAKS, *REDRESS) if name != FRAME]))
    bare.assert_quiet()
    open_all(bare.page, bare.bodies([FRAME]))
    assert bare.watch.left == []
    assert set(bare.web.seen) <= {"tls leak.test"}
    bare.web.seen.clear()
    assert len(bare.watch.refused) > 100
    assert open_all(bare.page, bare.bodies(XSS), provoke=True) == len(XSS)
    assert bare.watch.ran == []


def test_the_sandbox_holds_alone(bare: Reader) -> None:
    page = bare.page
    page.goto(f"{bare.site.url}/mail/INBOX/{bare.uids['html_xss-001']}/?v={bare.uidvalidity()}")
    sandbox = page.locator("iframe[data-message-frame]").get_attribute("sandbox")
    assert sandbox is not None
    bare.watch.refused.clear()
    reached = open_all(page, [f"{url}&policy=no" for url in bare.bodies(XSS)], sandbox=sandbox, provoke=True)
    assert bare.watch.ran == []
    assert reached > len(XSS) // 2
    assert any("sandboxed" in line for line in bare.watch.refused)


# --- the page around it -----------------------------------------------------------------------------------------------


def through_the_page(reader: Reader, names: list[str]) -> None:
    """As a reader does: the message's page, its frame, its printed form; what stands on it is clicked nowhere."""
    page, v = reader.page, reader.uidvalidity()
    for name in names:
        page.goto(f"{reader.site.url}/mail/INBOX/{reader.uids[name]}/?v={v}")
        expect(page.locator("#reading h1")).to_have_text(name)
        assert page.evaluate("document.querySelectorAll('[data-message-frame]').length") == 1
        page.goto(f"{reader.site.url}/mail/INBOX/{reader.uids[name]}/print/?v={v}")
        assert page.title() == name
    reader.assert_quiet()


SAMPLE = [*list(XSS)[::12], *list(LEAKS)[::12], *list(REDRESS)[::7]]
assert FRAME not in SAMPLE


@pytest.mark.parametrize("which", ["sanitised", "bare"])
def test_through_the_message_page(which: str, request: pytest.FixtureRequest) -> None:
    through_the_page(request.getfixturevalue(which), SAMPLE)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("which", ["sanitised", "bare"])
def test_all_of_them_through_the_message_page(which: str, request: pytest.FixtureRequest) -> None:
    names = [name for name in (*XSS, *LEAKS, *REDRESS) if name != FRAME or which == "sanitised"]
    through_the_page(request.getfixturevalue(which), names)


# --- answers and drafts -----------------------------------------------------------------------------------------------


def hidden_html(page: Page, url: str) -> str:
    return str(
        page.evaluate(
            "async (url) => new DOMParser().parseFromString(await (await fetch(url)).text(), 'text/html')"
            ".querySelector('[name=html]').value",
            url,
        )
    )


def active(html: str) -> Iterator[str]:
    """What a browser could run in it."""
    for node in LexborHTMLParser(html).root.traverse(include_text=False):
        if node.tag in ("script", "iframe", "object", "embed", "svg", "math", "style", "form", "base", "meta", "link"):
            yield node.tag
        for name, value in node.attributes.items():
            if name.startswith("on") or re.match(r"\s*(?:java|vb)script|\s*data:text", value or ""):
                yield f"{name}={value}"


def in_the_editor(reader: Reader, urls: dict[str, str]) -> dict[str, str]:
    """Each address's rich text put into the editor by the page's own way; what the editor then holds."""
    page = reader.page
    alone(page)
    page.goto(next(iter(urls.values())))
    editor = page.frame_locator("iframe[data-frame]").locator("[data-editor]")
    expect(editor).to_be_visible()
    held = {}
    for name, url in urls.items():
        html = hidden_html(page, url)
        held[name] = page.evaluate(
            """async (html) => {
              const frame = document.querySelector('iframe[data-frame]');
              frame.contentWindow.squire.setHTML(html);
              for (let times = 3; times > 0; times -= 1) await new Promise(requestAnimationFrame);
              for (const node of frame.contentDocument.querySelectorAll('[data-editor] *'))
                for (const name of node.getAttributeNames()) if (name.startsWith('on')) throw new Error(node.outerHTML);
              return html + '';
            }""",
            html,
        )
    page.evaluate("document.getElementById('compose').dataset.dirty = ''")
    return held


@pytest.mark.parametrize("which", ["sanitised", "bare"])
def test_quoted_in_an_answer(which: str, request: pytest.FixtureRequest) -> None:
    reader: Reader = request.getfixturevalue(which)
    v = reader.uidvalidity()
    base = f"{reader.site.url}/mail/INBOX"
    urls = {name: f"{base}/{reader.uids[name]}/reply/?v={v}&format=html" for name in [*XSS, *list(LEAKS)[::3]]}
    held = in_the_editor(reader, urls)
    reader.assert_quiet()
    if which == "bare":
        assert sum("__xss" in html for html in held.values()) > 90  # the editor has really been given them
    else:
        assert [name for name, html in held.items() if any(active(html))] == []
    for name in list(XSS)[::20]:
        reader.page.goto(f"{base}/{reader.uids[name]}/reply/?v={v}")
        expect(reader.page.locator("textarea[name=text]")).to_be_visible()
    reader.assert_quiet()


@pytest.mark.parametrize("which", ["sanitised", "bare"])
def test_in_a_draft_that_is_opened_again(which: str, request: pytest.FixtureRequest) -> None:
    reader: Reader = request.getfixturevalue(which)
    v = reader.uidvalidity("Drafts")
    base = f"{reader.site.url}/mail/Drafts"
    urls = {name: f"{base}/{uid}/edit/?v={v}" for name, uid in reader.drafts.items()}
    held = in_the_editor(reader, urls)
    reader.assert_quiet()
    assert len(held) == len(XSS)
    for name in list(XSS)[5::20]:
        reader.page.goto(urls[name])
        expect(reader.page.frame_locator("iframe[data-frame]").locator("[data-editor]")).to_be_visible()
    reader.assert_quiet()


# --- files ------------------------------------------------------------------------------------------------------------

ACTIVE = (("page.html", "text/html"), ("drawing.svg", "image/svg+xml"), ("page.xhtml", "application/xhtml+xml"))


@pytest.mark.parametrize("which", ["sanitised", "bare"])
def test_active_files_are_saved_and_never_shown(which: str, request: pytest.FixtureRequest) -> None:
    reader: Reader = request.getfixturevalue(which)
    names = list(XSS)[::16]
    uids = reader.server.append(reader.login, *(letter(name, XSS[name], *ACTIVE) for name in names))
    page, v = reader.page, reader.uidvalidity()
    for uid in uids:
        for number in (2, 3, 4):
            url = f"{reader.site.url}/mail/INBOX/{uid}/part/{number}/?v={v}"
            answer = page.context.request.get(url)
            assert answer.headers["content-disposition"].startswith("attachment")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-type"] == "application/octet-stream"
            assert "sandbox" in answer.headers["content-security-policy"]
            assert b"__xss" in answer.body()
    page.goto(f"{reader.site.url}/mail/INBOX/{uids[0]}/?v={v}")
    for number, (name, _kind) in enumerate(ACTIVE, 2):
        with page.expect_download() as download:
            page.locator(f"a[href*='/part/{number}/?']").first.click()
        assert download.value.suggested_filename == name
    for uid in uids:  # their own pages show what can be shown of them, and run nothing
        for number in (2, 3, 4):
            page.goto(f"{reader.site.url}/mail/INBOX/{uid}/part/{number}/view/?v={v}")
            page.wait_for_load_state("networkidle")
    # A document that embeds the part, as a message or another site might: the type keeps it from being drawn.
    urls = [f"{reader.site.url}/mail/INBOX/{uid}/part/{number}/?v={v}" for uid in uids for number in (2, 3, 4)]
    loaded = page.evaluate(
        """async (urls) => Promise.all(urls.map((url) => new Promise((done) => {
          const image = new Image();
          image.onload = () => done(1);
          image.onerror = () => done(0);
          image.src = url;
        })))""",
        urls,
    )
    assert set(loaded) == {0}
    reader.assert_quiet()


# --- consent ----------------------------------------------------------------------------------------------------------


def test_after_consent_images_come_through_the_portal_only(sanitised: Reader) -> None:
    reader, page = sanitised, sanitised.page
    wanted = "http://pictures.leak.test/seen.gif?you=alice"
    html = f'<p>Hello <img src="{wanted}" width="20" height="20" alt="blocked"></p>'
    (uid,) = reader.server.append(reader.login, letter("pictures", html))
    page.goto(f"{reader.site.url}/mail/INBOX/{uid}/?v={reader.uidvalidity()}")
    frame = page.frame_locator("iframe[data-message-frame]")
    expect(frame.locator("p")).to_have_text("Hello")
    expect(page.get_by_text("1 remote image blocked")).to_be_visible()
    reader.assert_quiet()
    before = len(reader.outgoing)
    with page.expect_response(re.compile(r"/mail/@/image/")) as answer:
        page.get_by_role("link", name="Show images").click()
    assert answer.value.status == 200
    assert reader.watch.left == [] and reader.watch.ran == []
    assert reader.outgoing[before:] == ["proxy pictures.leak.test"]
    assert reader.web.seen == ["http pictures.leak.test/seen.gif?you=alice"]
    Path(reader.site.environment["PROOF_OUTGOING"]).unlink()
    reader.web.seen.clear()
    page.goto(f"{reader.site.url}/mail/INBOX/{uid}/?v={reader.uidvalidity()}")  # consent is for this once
    expect(page.get_by_text("1 remote image blocked")).to_be_visible()
    reader.assert_quiet()


def test_after_consent_all_the_leaks_go_through_the_portal(sanitised: Reader) -> None:
    """Consent lets images in, and still nothing reaches anybody from the browser itself."""
    reader, page = sanitised, sanitised.page
    v = reader.uidvalidity()
    consenting = []
    for name in LEAKS:
        url = f"{reader.site.url}/mail/INBOX/{reader.uids[name]}/?v={v}"
        link = page.evaluate(
            """async (url) => {
              const page = new DOMParser().parseFromString(await (await fetch(url)).text(), 'text/html');
              return page.querySelector('[data-images]')?.getAttribute('href') ?? '';
            }""",
            url,
        )
        if link:
            consent = link.partition("images=")[2].partition("&")[0]
            consenting.append(f"{reader.site.url}/mail/INBOX/{reader.uids[name]}/body/1/?v={v}&images={consent}")
    assert len(consenting) > 10
    open_all(page, consenting)
    assert reader.watch.left == [] and reader.watch.ran == []
    through = [url for url in reader.watch.asked if "/mail/@/image/" in url]
    assert len(through) > 10
    Path(reader.site.environment["PROOF_OUTGOING"]).unlink(missing_ok=True)
    reader.web.seen.clear()
