"""What a browser does besides showing a page: scripts that run, dialogs, requests, connections."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request

from scripts.servers import chromium

GIF = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
_NETWORK = re.compile(r"(?:https?|wss?|ftp):")
_SERVER_NAME = re.compile(rb"[a-z0-9.-]+\.test")


def _is_whole(octets: bytes) -> bool:
    """A TLS hello with all that its record announces, or the head of an HTTP request."""
    if octets.startswith(b"\x16"):
        return len(octets) >= 5 + int.from_bytes(octets[3:5], "big")
    return b"\r\n\r\n" in octets


class Web:
    """Every name under .test leads here, and no other name leads anywhere.

    Writes down who came and answers with a picture; under its own name it serves ``pages`` by path.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.pages: dict[str, str] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(10)
            octets = b""
            while not _is_whole(octets) and (more := client.recv(65536)):
                octets += more
            if octets.startswith(b"\x16"):  # TLS: the name stands in the clear
                self.seen.append(f"tls {b' '.join(_SERVER_NAME.findall(octets)).decode()}")
            elif octets:
                self._answer(client, octets)

    def _answer(self, client: socket.socket, octets: bytes) -> None:
        path = octets.split(b" ")[1].decode()
        host = re.search(rb"(?im)^host: *([^\r\n]*)", octets)
        name = host[1].decode() if host else ""
        page = self.pages.get(path) if name.startswith("localhost") else None
        if page is None:
            self.seen.append(f"http {name}{path}")
        body, kind = (GIF, "image/gif") if page is None else (page.encode(), "text/html; charset=utf-8")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode() + body)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@contextlib.contextmanager
def wired(browser: Browser) -> Iterator[tuple[Browser, Web]]:
    """A Chromium of its own, and the ``Web`` that is all it finds beyond this machine."""
    web = Web()
    args = [option for option in chromium.arguments() if not option.startswith("--host-resolver-rules")]
    here = "EXCLUDE localhost, EXCLUDE 127.0.0.1"
    args.append(f"--host-resolver-rules=MAP *.test 127.0.0.1:{web.port}, MAP * ~NOTFOUND, {here}")
    chrome = browser.browser_type.launch(executable_path=str(chromium.PROGRAM), args=args)
    try:
        yield chrome, web
    finally:
        chrome.close()
        web.stop()


@dataclass
class Watch:
    """A browser profile under observation: ``ran`` are scripts that a message brought, ``left`` what was asked of
    anybody but the site, ``refused`` what the browser says it has stopped."""

    context: BrowserContext
    home: str
    ran: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # requests to the site, for who wants to see them

    def __post_init__(self) -> None:
        self.context.expose_binding(
            "__xss", lambda source, *words: self.ran.append(f"{words} in {source['frame'].url}")
        )
        self.context.on("page", self._watch)
        self.context.on("requestfinished", self._finished)
        self.context.on("requestfailed", self._failed)
        self.context.on("request", self._asked)

    def _ran(self, source: dict[str, Any], *words: object) -> None:
        self.ran.append(f"{words} in {source['frame'].url}")

    def _watch(self, page: Page) -> None:
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.ran.append(f"error {error}"))
        page.on("console", lambda message: self._said(message.text) if message.type == "error" else None)

    def _dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # the portal's own: something written has not been saved
            dialog.accept()
        else:
            self.ran.append(f"dialog {dialog.message}")
            dialog.dismiss()

    def _said(self, text: str) -> None:
        if re.search(r"Content Security Policy|sandboxed|Refused|Blocked", text):
            self.refused.append(text)

    def _foreign(self, request: Request) -> bool:
        return _NETWORK.match(request.url) is not None and not request.url.startswith(f"{self.home}/")

    def _asked(self, request: Request) -> None:
        if not self._foreign(request):
            self.asked.append(request.url)

    def _finished(self, request: Request) -> None:
        if self._foreign(request):
            self.left.append(request.url)

    def _failed(self, request: Request) -> None:
        stopped = request.failure in ("csp", "origin", "net::ERR_BLOCKED_BY_CSP")  # before it went anywhere
        if self._foreign(request) and not stopped:
            self.left.append(f"{request.url} ({request.failure})")

    def sign_in(self, login: str, password: str) -> Page:
        page = self.context.new_page()
        page.goto(f"{self.home}/sign-in/")
        page.fill("[name=username]", login)
        page.fill("[name=password]", password)
        page.press("[name=password]", "Enter")
        page.wait_for_selector("main h1")
        return page


#: Opens addresses side by side in frames, and waits until they and what they started have come to rest: `load`, then
#: so many drawn frames that animations and queued events have had their turn.
OPEN = """async ([urls, sandbox, provoke]) => {
  const box = document.createElement('div');
  document.body.append(box);
  const frames = urls.map(() => document.createElement('iframe'));
  const loaded = frames.map((frame, index) => new Promise((done) => {
    if (sandbox !== null) frame.setAttribute('sandbox', sandbox);
    frame.onload = done;
    frame.src = urls[index];
    box.append(frame);
  }));
  await Promise.all(loaded);
  const drawn = async (times) => { for (; times > 0; times -= 1) await new Promise(requestAnimationFrame); };
  await drawn(15);
  let reached = 0;
  for (const frame of provoke ? frames : []) {
    let page = null;
    try { page = frame.contentDocument; } catch { continue; }
    if (!page?.documentElement) continue;
    reached += 1;
    for (const node of page.querySelectorAll('*')) {
      for (const name of node.getAttributeNames().filter((name) => name.startsWith('on')))
        node.dispatchEvent(new Event(name.slice(2)));
      if (node.matches('a, area, button, summary, label, input, option')) node.click?.();
      if (!('click' in node)) node.dispatchEvent(new MouseEvent('click', { bubbles: true })); // SVG, MathML
    }
  }
  // Popups may have taken the foreground, where alone frames are drawn; messages are delivered everywhere.
  for (let times = provoke ? 100 : 0; times > 0; times -= 1) await new Promise((done) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  });
  box.remove();
  return reached;
}"""


def open_all(page: Page, urls: list[str], *, sandbox: str | None = None, provoke: bool = False, batch: int = 26) -> int:
    """Open the addresses in frames of ``page``. ``provoke``: click and fire whatever stands there. Returns how many
    documents could be provoked."""
    reached = 0
    for start in range(0, len(urls), batch):
        alone(page)
        reached += page.evaluate(OPEN, [urls[start : start + batch], sandbox, provoke])
    alone(page)
    return reached


def alone(page: Page) -> None:
    """Close the popups that links have opened; only a page in the foreground draws."""
    for popup in page.context.pages:
        if popup is not page:
            popup.close()
    page.bring_to_front()
