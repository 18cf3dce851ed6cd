"""deploy/zones: nothing but HTTPS answers from outside, and every zone reaches what it needs and nothing else."""

from __future__ import annotations

import base64
import contextlib
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.servers import tls
from scripts.servers.base import alive
from scripts.servers.dovecot import PASSWORD, Dovecot
from scripts.servers.nginx import Nginx
from tests.deploy.layers import CONTENT, GUARDED, MAIL, PORTS, SERVED, ZONES, Layers, built
from tests.support.servers import need
from tests.support.zones import Wire, need_namespaces

Reached = dict[str, set[tuple[str, str, str, int]]]


@pytest.fixture(scope="module")
def layers() -> Iterator[Layers]:
    need_namespaces()
    need(Nginx)
    need(Dovecot)
    with built() as found:
        yield found


@pytest.fixture(scope="module")
def without_rules(layers: Layers) -> Reached:
    return layers.scan()


@pytest.fixture(scope="module")
def with_rules(layers: Layers, without_rules: Reached) -> Reached:
    layers.guard()
    return layers.scan()


@pytest.fixture
def guarded(layers: Layers, with_rules: Reached) -> Layers:
    return layers


def test_without_the_rules_everything_reaches_everything(without_rules: Reached) -> None:
    """So what does not answer later, the rules have stopped."""
    zones = without_rules.keys()
    for source, reached in without_rules.items():
        assert reached == {
            (zone, kind, version, port)
            for zone in zones - {source}
            for port in PORTS
            for kind in ("tcp", "udp")
            for version in "46"
            if port not in SERVED.get(zone, ()) or (kind == "tcp" and (version == "4" or zone == "front"))
        }


def test_from_outside_nothing_but_https_answers(with_rules: Reached) -> None:
    """Port 80 only redirects (below)."""
    assert {hit for hit in with_rules["outside"] if hit[0] in GUARDED} == {
        ("front", "tcp", version, port) for version in "46" for port in (80, 443)
    }


def test_the_front_reaches_the_portal_only(with_rules: Reached) -> None:
    assert beyond_names_and_time(with_rules["front"]) == {
        ("portal", "tcp", "4", 8001),
        ("portal", "tcp", "4", 8002),
    }


def test_the_portal_reaches_its_servers_only(with_rules: Reached) -> None:
    assert beyond_names_and_time(with_rules["portal"]) == {
        ("internal", "tcp", "4", port) for port in (465, 636, 993, 3306)
    }


def test_the_servers_reach_nobody(with_rules: Reached) -> None:
    assert beyond_names_and_time(with_rules["internal"]) == set()


def test_administrators_reach_ssh_and_what_everybody_does(with_rules: Reached) -> None:
    reached = {hit for hit in with_rules["administrators"] if hit[0] in GUARDED}
    assert reached == {(zone, "tcp", "4", 22) for zone in GUARDED} | {
        ("front", "tcp", version, port) for version in "46" for port in (80, 443)
    }


def beyond_names_and_time(reached: set[tuple[str, str, str, int]]) -> set[tuple[str, str, str, int]]:
    """Where names and the time come from is asked about both, and about nothing else."""
    helper = {("administrators", kind, "4", port) for kind in ("tcp", "udp") for port in (53, 123)}
    assert helper <= reached
    return reached - helper


def test_plain_http_only_redirects(guarded: Layers) -> None:
    for host in (MAIL, CONTENT):
        answer = guarded.fetch(host, secure=False, path="/mail/?a=b")
        assert answer["status"] == 301
        assert dict(answer["headers"])["Location"] == f"https://{host}/mail/?a=b"
        assert dict(answer["headers"])["Server"] == "nginx"  # without its version


def test_other_host_names_reach_nothing(guarded: Layers) -> None:
    with pytest.raises(RuntimeError, match=r"SSLError|ConnectionReset"):
        guarded.fetch("evil.example.org")
    with pytest.raises(RuntimeError, match="RemoteDisconnected"):
        guarded.fetch("evil.example.org", secure=False)


def test_old_tls_is_refused(guarded: Layers) -> None:
    assert guarded.fetch(path="/healthz", newest="TLSv1_2")["status"] == 200
    with pytest.raises(RuntimeError, match="SSLError"):
        guarded.fetch(path="/healthz", newest="TLSv1_1")


def test_somebody_signs_in_through_all_layers(guarded: Layers) -> None:
    form = guarded.fetch(path="/sign-in/")
    assert form["status"] == 200
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page(form))
    assert found
    fields = {"username": "alice", "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
    answer = guarded.fetch(
        path="/sign-in/",
        method="POST",
        body=urllib.parse.urlencode(fields),
        headers=[
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", f"https://{MAIL}"),
            ("Cookie", cookies(form)),
        ],
    )
    assert answer["status"] == 302
    assert "__Host-yurt_session=" in cookies(answer)
    inbox = guarded.fetch(path="/mail/INBOX/", headers=[("Cookie", cookies(answer))])
    assert inbox["status"] == 200
    assert {line.get("address") for line in guarded.log() if line["event"] == "signed_in"} == {
        guarded.wire["outside"].address
    }


FORGED = "-----BEGIN CERTIFICATE-----forged"
CLAIMS = [
    ("X-Client-Cert", FORGED),
    ("X_Client_Cert", FORGED),
    ("X-Forwarded-For", "198.51.100.7"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "evil.example.org"),
    ("Forwarded", "for=198.51.100.7;host=evil.example.org"),
]


def test_what_a_client_says_of_itself_does_not_arrive(guarded: Layers) -> None:
    assert guarded.fetch(path="/sign-in/", headers=CLAIMS)["status"] == 200
    seen = guarded.seen()
    assert seen["PATH"] == "/sign-in/"
    assert seen["HTTP_X_FORWARDED_FOR"] == guarded.wire["outside"].address
    assert seen["HTTP_X_FORWARDED_PROTO"] == "https"
    assert not seen.keys() & {"HTTP_X_CLIENT_CERT", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED"}


def test_a_valid_certificate_of_the_authority_arrives_and_no_other(guarded: Layers) -> None:
    folder = guarded.tls
    identity = joined(guarded, "person")
    assert guarded.fetch(path="/sign-in/", identity=identity, headers=CLAIMS)["status"] == 200
    certificate = (folder / "person.pem").read_text()
    assert urllib.parse.unquote(guarded.seen()["HTTP_X_CLIENT_CERT"]) == certificate

    stranger = folder / "elsewhere"
    tls.make_authority(stranger)
    tls.issue(stranger, "person", names="DNS:person.example.org", usage="clientAuth")
    for other in ("elsewhere/person", "gone"):
        assert guarded.fetch(path="/help/", identity=joined(guarded, other))["status"] == 400
    assert guarded.seen()["PATH"] == "/sign-in/"


def test_the_second_host_passes_its_own_addresses_without_cookies(guarded: Layers) -> None:
    for path in ("/", "/sign-in/", "/mail/", "/static/x", "/mail/INBOX/1/", "/mail/a~b:c/../../sign-in/"):
        assert guarded.fetch(CONTENT, path=path)["status"] == 404
    laid, before = "/mail/7~a2V5~-:1abc:sig/doc", guarded.seen()
    assert guarded.fetch(CONTENT, path=laid, method="POST", body="a=b")["status"] == 403
    assert guarded.seen() == before
    guarded.fetch(CONTENT, path=laid, headers=[("Cookie", "__Host-yurt_session=x"), *CLAIMS])
    seen = guarded.seen()
    assert (seen["PATH"], seen["HTTP_HOST"]) == (laid, CONTENT)
    assert not seen.keys() & {"HTTP_COOKIE", "HTTP_X_CLIENT_CERT", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED"}


def test_nothing_lies_about(guarded: Layers) -> None:
    """No source, no list of files, no other method, no name of a version."""
    for path in ("/.git/config", "/static/", "/manage.py", "/static/../portal.sqlite3", "/server-status"):
        assert guarded.fetch(path=path)["status"] == 404, path
    for method in ("TRACE", "CONNECT"):
        assert guarded.fetch(path="/sign-in/", method=method)["status"] == 405, method
    for path in ("/sign-in/", "/no/such/page/"):
        headers = dict(guarded.fetch(path=path)["headers"])
        assert headers["Server"] == "nginx"
        assert not headers.keys() & {"X-Powered-By", "Via"}


def test_the_portal_answers_only_who_shows_the_fronts_certificate(guarded: Layers) -> None:
    request = {"address": guarded.wire["portal"].address, "host": "portal.example.org", "port": 8001}
    request |= {"authority": str(guarded.tls / "ca.pem"), "path": "/healthz"}
    answer = guarded.wire["front"].do("fetch", **request, identity=joined(guarded, "front"))
    assert answer["status"] == 200
    for other in ({}, {"identity": joined(guarded, "person")}):
        with pytest.raises(RuntimeError, match=r"SSLError|ConnectionReset|BrokenPipe|RemoteDisconnected"):
            guarded.wire["front"].do("fetch", **request, **other)


def test_a_flood_of_tries_is_cut_off_and_reading_goes_on(guarded: Layers) -> None:
    given = []
    for _ in range(200):
        given.append(guarded.fetch(path="/sign-in/", method="POST", body="username=alice")["status"])
        if given[-1] == 429:
            break
    assert set(given) == {403, 429}  # the portal's refusal of a form without token, then the front's
    assert guarded.fetch(path="/sign-in/")["status"] == 200
    assert guarded.fetch(path="/language/", method="POST", body="language=de")["status"] == 403


def test_uploads_that_stand_still_hold_nobody_up(guarded: Layers) -> None:
    """More of them than the portal has threads, from somebody who is not even signed in."""
    authority, address = str(guarded.tls / "ca.pem"), guarded.wire["front"].address
    guarded.wire["outside"].do(
        "stall", address=address, host=MAIL, path="/mail/@/uploads/", authority=authority, count=40
    )
    assert guarded.fetch(path="/sign-in/")["status"] == 200


def test_the_rule_files_load_as_they_are(layers: Layers, tmp_path: Path) -> None:
    (tmp_path / "yurt-zones.nft").write_text((ZONES / "zones.nft").read_text())
    for name in GUARDED:
        layers.wire["outside"].run("nft", "-I", str(tmp_path), "--check", "-f", str(ZONES / f"{name}.nft"))


def test_nothing_outlives_its_zone() -> None:
    need_namespaces()
    with Wire("outside", "front") as wire:
        for zone in wire.zones.values():
            zone.run("sh", "-c", "sleep 600 >/dev/null 2>&1 &")
        found = {name: inhabitants(zone.pid) for name, zone in wire.zones.items()}
        assert [len(pids) for pids in found.values()] == [3, 3], "unshare, the hand and what it has started"
    assert not any(alive(pid) for pids in found.values() for pid in pids)


def inhabitants(pid: int) -> list[int]:
    """All processes in the network namespace of this one."""
    space = Path(f"/proc/{pid}/ns/net").readlink()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            if (process / "ns" / "net").readlink() == space:
                found.append(int(process.name))
    return found


def page(answer: dict[str, Any]) -> str:
    return base64.b64decode(answer["body"]).decode()


def cookies(answer: dict[str, Any]) -> str:
    found = [value.partition(";")[0] for name, value in answer["headers"] if name == "Set-Cookie"]
    return "; ".join(found)


def joined(layers: Layers, stem: str) -> str:
    """Certificate and key in one file, as a client takes them."""
    file = layers.tls / f"{stem}-identity.pem"
    file.write_text((layers.tls / f"{stem}.pem").read_text() + (layers.tls / f"{stem}.key").read_text())
    return str(file)
