"""`make run TLS=1`: HTTPS with a certificate of the site's own authority, and a redirect there for plain HTTP."""

import http.client
import signal
import ssl
import subprocess
from pathlib import Path

import pytest

from demo.server import listen
from scripts.launch import site
from scripts.launch.site import Unusable
from tests.demo.conftest import free_port
from tests.demo.test_run import ROOT, refusal, settings
from tests.demo.test_running import Running, all_gone

pytestmark = pytest.mark.needs_app("mail")  # once is enough in the settings matrix


def headers(connection: http.client.HTTPConnection, method: str, path: str, **more: str) -> http.client.HTTPMessage:
    """Of the answer, its status among them."""
    try:
        connection.request(method, path, headers=more)
        answer = connection.getresponse()
        answer.read()
        answer.headers["Status"] = str(answer.status)
        return answer.headers
    finally:
        connection.close()


def test_it_serves_https_and_plain_http_only_redirects(tmp_path: Path) -> None:
    port, plain_port = free_port(), free_port()
    running = Running(settings(tmp_path, TLS="1", PORT=str(port), HTTP_PORT=str(plain_port), PORTAL_APPS="none"))
    root = tmp_path / "var" / "ca" / "root.pem"
    assert f"Yurt is running: https://localhost:{port}/" in running.said and str(root) in running.said

    trust = ssl.create_default_context(cafile=root)
    for name in ("localhost", "127.0.0.1"):
        secure = headers(http.client.HTTPSConnection(name, port, context=trust, timeout=30), "GET", "/sign-in/")
        assert secure["Status"] == "200"
        assert secure["Strict-Transport-Security"] == "max-age=31536000"
        assert secure["Set-Cookie"].startswith("__Host-yurt_csrf=") and "; Secure" in secure["Set-Cookie"]
    with pytest.raises(ssl.SSLCertVerificationError):
        headers(http.client.HTTPSConnection("localhost", port, timeout=30), "GET", "/sign-in/")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(root)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)version|closed|eof"):
        headers(http.client.HTTPSConnection("localhost", port, context=old, timeout=30), "GET", "/sign-in/")

    there = f"https://localhost:{port}"
    for method, path, target in (
        ("GET", "/mail/INBOX/?q=a%20b&c=%C3%A4", "/mail/INBOX/?q=a%20b&c=%C3%A4"),
        ("POST", "/sign-in/", "/sign-in/"),
        ("GET", "//evil.test/x", "/evil.test/x"),
        ("GET", "/%0d%0aSet-Cookie:%20a=b", "/%0D%0ASet-Cookie:%20a=b"),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", plain_port, timeout=30)
        plain = headers(connection, method, path, Host="evil.test", **{"X-Forwarded-Proto": "https"})
        assert (plain["Status"], plain["Location"]) == ("301", there + target)
        assert "Set-Cookie" not in plain and plain["Content-Length"] == "0"
    with pytest.raises((http.client.HTTPException, OSError)):  # the port of TLS answers nothing in the clear
        headers(http.client.HTTPConnection("localhost", port, timeout=30), "GET", "/sign-in/")

    with all_gone(list(running.descendants())):
        running.process.send_signal(signal.SIGINT)
        assert running.rest().splitlines()[-1] == "Stopped."
    assert running.process.wait() == 0


def test_a_taken_or_wrong_port_for_plain_http_is_named(tmp_path: Path) -> None:
    with listen(0) as taken:
        port = str(taken.getsockname()[1])
        assert f"make run HTTP_PORT={int(port) + 1}" in refusal(
            tmp_path, TLS="yes", HTTP_PORT=port, PORT=str(free_port())
        )
        assert site.read(settings(tmp_path, HTTP_PORT=port)).http_port == 0  # without TLS it is of no interest
    with pytest.raises(Unusable, match="HTTP_PORT is 'x'"):
        site.read(settings(tmp_path, TLS="on", HTTP_PORT="x"))


def test_make_passes_it_on(tmp_path: Path) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\necho "$1 TLS=$TLS HTTP_PORT=$HTTP_PORT"\n')
    stand_in.chmod(0o755)
    words = ["make", "--no-print-directory", "run", "TLS=1", "HTTP_PORT=8081", f"PYTHON={stand_in}"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "scripts/run.py TLS=1 HTTP_PORT=8081\n"
