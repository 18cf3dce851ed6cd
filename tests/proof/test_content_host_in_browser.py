"""Messages from CONTENT_HOST in Chromium: as a reader sees them, and what a script reaches when every other layer has
failed: the sanitiser, the policy of the document and the sandbox of its frame."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from scripts.servers import chromium
from tests.mail.test_content import related
from tests.support.servers import SubmissionServer
from tests.support.site import Site, mail_settings, running_site

pytestmark = [pytest.mark.needs_app("mail"), pytest.mark.timeout(300)]
PROOF = {"DJANGO_SETTINGS_MODULE": "tests.proof.site_settings", "PROOF_SANITISE": "no", "PROOF_POLICY": "no"}
#: The portal and its second host: strangers to a browser, and the worst case, two names of one site.
NAMES = {
    "strangers": ("http://localhost:{port}", "http://127.0.0.1:{port}"),
    "below a path": ("http://localhost:{port}/webmail", "http://127.0.0.1:{port}"),
    "one site": ("http://mail.yurt.localhost:{port}", "http://content.yurt.localhost:{port}"),
}


@pytest.fixture(scope="module")
def chrome(browser: Browser) -> Iterator[Browser]:
    """A Chromium that finds every name of this machine, and nothing else."""
    args = [option for option in chromium.arguments() if not option.startswith("--host-resolver-rules")]
    here = "MAP *.yurt.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
    launched = browser.browser_type.launch(
        executable_path=str(chromium.PROGRAM), args=[*args, f"--host-resolver-rules={here}"]
    )
    yield launched
    launched.close()


@contextmanager
def two_names(submission: SubmissionServer, names: str, **settings: str) -> Iterator[tuple[Site, str]]:
    portal, content = NAMES[names]
    with running_site(**mail_settings(submission), BASE_URL=portal, CONTENT_HOST=content, **settings) as site:
        yield site, site.environment["CONTENT_HOST"]


class Reader:
    """Somebody signed in with one message, and every request of their browser."""

    def __init__(self, site: Site, submission: SubmissionServer, chrome: Browser, raw: bytes, **options: Any) -> None:
        self.site, server = site, submission.dovecot
        self.login = server.new_user()
        (self.uid,) = server.append(self.login, raw)
        self.context: BrowserContext = chrome.new_context(locale="en", **options)
        self.requests: list[Request] = []
        self.errors: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request))
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda told: self.errors.append(told.text) if told.type == "error" else None)
        self.page.goto(f"{site.url}/sign-in/")
        self.page.fill("[name=username]", self.login)
        self.page.fill("[name=password]", server.password)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_selector("main h1")

    def open(self) -> None:
        self.page.goto(f"{self.site.url}/mail/INBOX/{self.uid}/")

    def asked_of(self, host: str) -> list[Request]:
        return [request for request in self.requests if request.url.startswith(f"{host}/")]


@pytest.fixture(scope="module", params=NAMES)
def named(request: pytest.FixtureRequest, submission: SubmissionServer) -> Iterator[tuple[Site, str]]:
    with two_names(submission, request.param) as both:
        yield both


LONG = '<h1>Canvas</h1><img src="cid:pic@x" alt="p"><p style="height: 3000px">tall</p><a href="https://a.test/">l</a>'


@pytest.mark.parametrize("width", [1440, 390])
def test_a_message_is_read_from_there(
    named: tuple[Site, str], submission: SubmissionServer, chrome: Browser, width: int
) -> None:
    site, content = named
    reader = Reader(site, submission, chrome, related(LONG), viewport={"width": width, "height": 900})
    reader.open()
    page, frame = reader.page, reader.page.frame_locator("iframe[data-message-frame]")
    expect(frame.locator("h1")).to_have_text("Canvas")
    expect(frame.locator("a")).to_have_attribute("target", "_blank")
    asked = reader.asked_of(content)
    assert len(asked) == 3  # the document, its style sheet, its picture
    assert [request.response().status for request in asked] == [200, 200, 200]
    assert [request.all_headers().get("cookie") for request in asked] == [None] * 3
    expect(frame.locator("body")).to_have_css("color", "rgb(28, 30, 32)")  # the style sheet is there
    inner = next(frame for frame in page.frames if frame.url.startswith(content))
    assert inner.evaluate("self.origin") == "null"
    assert inner.evaluate("document.scrollingElement.scrollHeight > innerHeight")  # it scrolls by itself
    box = page.locator("iframe[data-message-frame]").bounding_box()
    pane = page.locator("#reading .scroll").bounding_box()
    assert box is not None
    assert pane is not None
    assert box["height"] >= 0.55 * 900
    if width == 1440:  # down to the end of the pane
        assert pane["y"] + pane["height"] - 60 < box["y"] + box["height"] <= pane["y"] + pane["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert reader.errors == []
    reader.context.close()


def test_it_is_there_again_on_the_way_back_and_in_print(
    named: tuple[Site, str], submission: SubmissionServer, chrome: Browser
) -> None:
    site, content = named
    reader = Reader(site, submission, chrome, related(LONG))
    reader.open()
    frame = reader.page.frame_locator("iframe[data-message-frame]")
    expect(frame.locator("h1")).to_have_text("Canvas")
    reader.page.goto(f"{site.url}/")
    shutil.rmtree(site.directory / "content")  # it is too old by now
    reader.page.go_back()
    expect(frame.locator("h1")).to_have_text("Canvas")
    with reader.context.expect_page() as opened:
        reader.page.locator("[data-key=p]").click()
    expect(opened.value.locator(".html h1")).to_have_text("Canvas")
    assert opened.value.url.startswith(f"{content}/")
    reader.context.close()


# --- when everything else has failed ----------------------------------------------------------------------------------

#: What a script in the message tries, each by name; ``reached`` gets what it could read or do.
SCRIPT = """<script>
(async () => {
  const home = %(home)s, reached = {};
  const tries = {
    cookie: () => document.cookie,
    storage: () => localStorage.length + sessionStorage.length || '',
    databases: async () => (await indexedDB.databases()).length || '',
    parent: () => parent.document.title,
    parentStorage: () => parent.localStorage,
    parentCookie: () => top.document.cookie,
    opener: () => (opener ? opener.document.title : ''),
    page: async () => (await fetch(home + '/mail/INBOX/', {credentials: 'include'})).text(),
    json: async () => (await fetch(home + '/readyz')).text(),
    opaque: async () => (await fetch(home + '/', {credentials: 'include', mode: 'no-cors'})).type,
    post: async () => (await fetch(home + '/theme/', {method: 'POST', credentials: 'include',
      body: new URLSearchParams({theme: 'dark'})})).status,
    blind: async () => (await fetch(home + '/theme/', {method: 'POST', credentials: 'include', mode: 'no-cors',
      body: new URLSearchParams({theme: 'dark'})})).type,
    image: () => element('img', 'src', home + '%(part)s'),
    script: () => element('script', 'src', home + '/mail/INBOX/'),
    sheet: () => element('link', 'href', home + '/', {rel: 'stylesheet'}),
    worker: async () => (await navigator.serviceWorker.register('message.css')).scope,
    own: async () => (await Promise.all(['/', '/mail/', '/sign-in/', '/healthz', '/static/portal/js/portal.js'].map(
      async (path) => [path, (await fetch(path)).status]))).filter((pair) => pair[1] !== 404).join(),
  };
  function element(name, attribute, address, more) {
    return new Promise((done, fail) => {
      const made = Object.assign(document.createElement(name), more, {onload: () => done('loaded'), onerror: fail});
      made[attribute] = address;
      document.body.append(made);
    });
  }
  for (const [name, act] of Object.entries(tries)) {
    try {
      const found = await act();
      if (found !== '' && found !== undefined) reached[name] = String(found).slice(0, 200);
    } catch (error) { /* refused, as it should be */ }
  }
  await window.__reached(JSON.stringify([self.origin, Object.keys(tries).length, reached]));
  parent.postMessage('told', '*');
})();
</script><p>Canvas</p>"""
#: A frame without any sandbox around the same document; done when its script is.
BARE_FRAME = """(address) => new Promise((done) => {
  const frame = document.createElement('iframe');
  addEventListener('message', done);
  frame.src = address;
  document.body.append(frame);
})"""


@pytest.mark.parametrize("names", ["strangers", "one site"])
def test_a_script_that_gets_through_reaches_no_session(
    submission: SubmissionServer, chrome: Browser, names: str
) -> None:
    with two_names(submission, names, **PROOF) as (site, content):
        script = SCRIPT % {"home": json.dumps(site.url), "part": "/mail/INBOX/1/part/2/?v=1"}
        reader = Reader(site, submission, chrome, related(script))
        told: list[Any] = []
        reader.context.expose_binding("__reached", lambda _source, text: told.append(json.loads(text)))
        reader.open()
        page = reader.page
        page.wait_for_selector("iframe[data-message-frame]")
        address = page.locator("iframe[data-message-frame]").get_attribute("src")
        before = page.evaluate("document.documentElement.dataset.theme")
        assert told == []  # its sandbox alone holds
        page.evaluate(BARE_FRAME, address)
        ((origin, tries, reached),) = told
        assert origin == content  # it really runs, with an origin of its own
        assert tries == 17
        assert reached == {}
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == before
        posted = re.findall(r'"method": "POST", "route": "theme/", "status": (\d+)', site.log)
        assert posted == ["403"] * 2  # it was asked, and refused
        reader.context.close()


def test_without_the_second_name_the_same_script_would(submission: SubmissionServer, chrome: Browser) -> None:
    """The script bites: on the portal's own host it reaches nearly everything."""
    with running_site(**mail_settings(submission), **PROOF) as site:
        script = SCRIPT % {"home": json.dumps(site.url), "part": "/mail/INBOX/1/part/2/?v=1"}
        reader = Reader(site, submission, chrome, related(script))
        told: list[Any] = []
        reader.context.expose_binding("__reached", lambda _source, text: told.append(json.loads(text)))
        reader.open()
        address = reader.page.locator("iframe[data-message-frame]").get_attribute("src")
        reader.page.evaluate(BARE_FRAME, address)
        assert {"parent", "parentStorage", "page", "json", "opaque", "own"} <= told[0][2].keys()
        reader.context.close()
