"""CONTENT_HOST: what a message brings comes from a second host name, by signed addresses that live for minutes."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.http import HttpResponse
from django.test import Client

from apps.mail.services import laid, stores
from apps.mail.views import images as image_views
from portal.conf import BaseUrl, base_url
from tests.mail.conftest import Person, letter
from tests.mail.test_content import PNG, directives, get, html_part, related

CONTENT = "http://content.localhost:8000"
STRANGER = "content.localhost:8000"


@pytest.fixture(autouse=True)
def second_name(settings, tmp_path: Path) -> None:
    stores.pool()  # it outlives the test, and so has to be made outside of its folder
    settings.DATA_DIR = tmp_path
    settings.BASE_URL = base_url("http://localhost:8000")
    settings.CONTENT_HOST = base_url(CONTENT)


def to_content(address: str, **headers: str) -> HttpResponse:
    """As a browser without any cookie asks for it."""
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == CONTENT
    query = f"?{parts.query}" if parts.query else ""
    return Client().get(parts.path + query, HTTP_HOST=STRANGER, headers=headers)


def laid_down(person: Person, raw: bytes, *, name: str = "body", **query: object) -> str:
    """The address of the message's document on the second host."""
    (uid,) = person.receive(raw)
    parts = (html_part(get(person, "message", uid).content.decode()),) if name == "body" else ()
    answer = get(person, name, uid, *parts, **query)
    assert (answer.status_code, answer.content) == (302, b"")
    return answer["Location"]


def test_the_document_comes_from_there_and_nothing_of_it_from_here(anna: Person) -> None:
    address = laid_down(anna, related())
    answer = to_content(address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    policy = directives(answer)
    base = address.rpartition("/")[0] + "/"
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["img-src"] == f"{base} data:"
    assert policy["style-src"] == f"{base}message.css"
    assert policy["frame-ancestors"] == "http://localhost:8000"
    assert policy["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer["Cache-Control"]
    html = answer.content.decode()
    assert "/mail/" not in html
    assert "evil.test" not in html


def test_its_pictures_and_its_style_sheet_lie_beside_it(anna: Person) -> None:
    address = laid_down(anna, related())
    html = to_content(address).content.decode()
    base = address.rpartition("/")[0]
    name = re.search(r'src="([^"]+)"', html)[1]
    picture = to_content(f"{base}/{name}")
    assert (picture["Content-Type"], picture.content) == ("image/png", PNG)
    assert picture["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert picture["Cross-Origin-Resource-Policy"] == "cross-origin"  # its document has an origin of no name
    assert '<link rel="stylesheet" href="message.css">' in html
    assert to_content(f"{base}/message.css")["Content-Type"] == "text/css; charset=utf-8"


def test_the_printed_form_comes_from_there_too(anna: Person) -> None:
    answer = to_content(laid_down(anna, letter("Print me", html="<p>rich</p>"), name="print"))
    assert b"Print me" in answer.content
    assert directives(answer)["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"


def test_the_page_frames_it_without_an_origin(anna: Person) -> None:
    (uid,) = anna.receive(related())
    page = get(anna, "message", uid).content.decode()
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page


def test_remote_images_come_through_the_proxy_there_after_consent_only(anna: Person, monkeypatch) -> None:
    (uid,) = anna.receive(related())
    page = get(anna, "message", uid).content.decode()
    consent = re.search(r'href="([^"]*images=[^"]*)"', page)[1].replace("&amp;", "&")
    frame = re.search(r'<iframe [^>]*src="([^"]*)"', anna.client.get(consent).content.decode())[1].replace("&amp;", "&")
    address = anna.client.get(frame)["Location"]
    base = address.rpartition("/")[0]
    remote = re.search(r'src="(remote\?[^"]+)"', to_content(address).content.decode())[1].replace("&amp;", "&")
    fetched: list[str] = []
    monkeypatch.setattr(
        image_views.images, "fetch", lambda url: fetched.append(url) or image_views.images.Image("image/png", PNG)
    )
    assert to_content(f"{base}/{remote}").content == PNG
    assert fetched == ["https://evil.test/t.gif"]
    without = laid_down(anna, related()).rpartition("/")[0]
    assert to_content(f"{without}/{remote}").status_code == 404  # signed for another document, which may
    assert to_content(f"{base}/{remote.replace('t.gif', 'u.gif')}").status_code == 404
    assert anna.client.get(f"/mail/@/image/?{remote.partition('?')[2]}").status_code == 404
    assert len(fetched) == 1


def test_nothing_else_answers_there(anna: Person) -> None:
    """Not even to somebody whose cookies came along."""
    paths = [
        "/",
        "/mail/",
        "/mail/INBOX/",
        "/sign-in/",
        "/admin/",
        "/healthz",
        "/readyz",
        "/static/portal/css/yurt.css",
    ]
    paths += ["/mail/x/y", "/robots.txt", "/mail/@/image/?u=https://a.test/&s=x", "//", "/%00", "/mail/x/message.css"]
    wrong = []
    for path in paths:
        for method in ("get", "head", "post", "put", "options"):
            answer = getattr(anna.client, method)(path, HTTP_HOST=STRANGER)
            if answer.status_code not in ((404,) if method in ("get", "head") else (404, 405)):
                wrong.append(f"{answer.status_code} {method} {path}")
            if answer.cookies or "Cookie" in answer.get("Vary", "") or b"<html" in answer.content:
                wrong.append(f"{method} {path}: {answer.headers}")
    assert wrong == []


def test_that_host_is_known_by_its_name(anna: Person) -> None:
    for host in ("content.localhost", "CONTENT.localhost:443", "content.localhost.:8000"):
        assert anna.client.get("/sign-in/", HTTP_HOST=host).status_code == 404


def test_no_session_and_no_mail_server_is_asked(anna: Person, django_assert_num_queries, monkeypatch) -> None:
    address = laid_down(anna, related())
    monkeypatch.setattr(stores.Pool, "lease", lambda *_args: pytest.fail("a mailbox was opened"))
    monkeypatch.setattr("portal.credentials.unseal", lambda *_args: pytest.fail("a password was asked for"))
    with django_assert_num_queries(0):
        answer = to_content(address)
    assert answer.status_code == 200
    assert answer.cookies == {}


def test_an_address_lives_for_minutes(anna: Person, monkeypatch) -> None:
    address = laid_down(anna, related())
    now = time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + laid.LIFETIME - 1)
    assert to_content(address).status_code == 200
    monkeypatch.setattr(signing.time, "time", lambda: now + laid.LIFETIME + 2)
    answer = to_content(address)
    assert answer.status_code == 404
    assert b"open the message anew" in answer.content


def test_an_address_opens_what_it_was_made_for(anna: Person) -> None:
    one, other = laid_down(anna, letter(html="<p>one</p>")), laid_down(anna, letter(html="<p>other</p>"))
    token, id = one.split("/")[-2:]
    assert to_content(other.replace(other.split("/")[-2], token)).status_code == 404  # sealed under another key
    for wrong in (token[:-1], token.replace("~-:", "~r:"), f"2{token}", token.replace("~", "~A", 1)):
        assert to_content(one.replace(token, wrong)).status_code == 404
    for path in ("..", "../1", "..%2f..%2fsecret_key", f"{id}/", f"./{id}", id[:-1], f"{id}.part"):
        assert to_content(one.replace(id, path)).status_code == 404


def test_what_lies_on_the_disk_is_sealed_and_goes(anna: Person, settings) -> None:
    address = laid_down(anna, related('<p>Canvas and felt <img src="cid:pic@x"></p>'))
    files = list((settings.DATA_DIR / "content").glob("*/*"))
    assert len(files) == 2
    for file in files:
        assert file.stat().st_mode & 0o077 == 0
        assert b"Canvas" not in file.read_bytes()
        assert PNG[:8] not in file.read_bytes()
    laid.clean_up()
    assert to_content(address).status_code == 200
    age(files)
    laid.clean_up()
    assert list((settings.DATA_DIR / "content").glob("*/*")) == []
    assert to_content(address).status_code == 404


def age(files: list[Path]) -> None:
    import os

    for file in files:
        os.utime(file, (0, time.time() - laid.LIFETIME - 1))


def test_one_persons_documents_have_a_bound(anna: Person, settings, monkeypatch) -> None:
    monkeypatch.setattr(laid, "MOST_OF_PERSON", 30_000)
    addresses = [laid_down(anna, letter(html=f"<p>{'x' * 10_000}</p>")) for _ in range(5)]
    files = list((settings.DATA_DIR / "content").glob("*/*"))
    assert sum(file.stat().st_size for file in files) < 45_000
    assert to_content(addresses[-1]).status_code == 200
    assert to_content(addresses[0]).status_code == 404


def test_what_is_called_a_picture_and_is_none_stays_out(anna: Person) -> None:
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["Subject"] = "a@example.test", "s"
    message.set_content('<p><img src="cid:a@x" alt="A"></p>', subtype="html")
    message.add_related(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image", "svg+xml", cid="<a@x>")
    address = laid_down(anna, message.as_bytes())
    html = to_content(address).content.decode()
    found = re.search(r'src="([^"]+)"', html)
    assert found is None or to_content(f"{address.rpartition('/')[0]}/{found[1]}").status_code == 404


def test_without_it_nothing_changes(anna: Person, settings) -> None:
    settings.CONTENT_HOST = BaseUrl()
    (uid,) = anna.receive(related())
    number = html_part(get(anna, "message", uid).content.decode())
    answer = get(anna, "body", uid, number)
    assert answer.status_code == 200
    assert not (settings.DATA_DIR / "content").exists()
    assert anna.client.get("/sign-in/", HTTP_HOST="").status_code != 404
