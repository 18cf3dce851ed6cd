"""The portal below a path of somebody's web site: every link, cookie and redirect stays below it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from portal.wsgi import under_path

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json, sys
from wsgiref.util import setup_testing_defaults
from django.core.management import call_command
from portal.wsgi import application
call_command("migrate", verbosity=0)
answers = []
for path in json.loads(sys.argv[1]):
    environ = {"PATH_INFO": path, "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "example.org",
               "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": "203.0.113.5"}
    setup_testing_defaults(environ)
    answer = {}
    def start(status, headers, exc_info=None):
        answer.update(status=status, headers=headers)
    answer["body"] = b"".join(application(environ, start)).decode()
    answers.append(answer)
print(json.dumps(answers))
"""


def ask(tmp_path: Path, *paths: str) -> list[dict[str, object]]:
    environment = os.environ | {
        "ENV_FILE": "",
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "sqlite:///portal.sqlite3",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "BASE_URL": "https://example.org/webmail/",
        "ALLOWED_HOSTS": "",
        "TRUSTED_PROXIES": "127.0.0.1",
        "DEBUG": "yes",  # static files without collecting them
    }
    result = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(paths)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_everything_stays_below_the_path(tmp_path: Path) -> None:
    kept, stripped, home, health = ask(tmp_path, "/webmail/sign-in/", "/sign-in/", "/webmail/", "/webmail/healthz")
    for page in (kept, stripped):
        assert page["status"] == "200 OK"
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page["body"])
        assert len(addresses) > 5
        assert [address for address in addresses if not address.startswith(("/webmail/", "#", "data:"))] == []
        cookies = [value for name, value in page["headers"] if name == "Set-Cookie"]
        assert cookies
        for cookie in cookies:
            assert cookie.strip().startswith("__Secure-yurt_")
            assert "Path=/webmail/;" in cookie
            assert "Secure" in cookie
        assert "max-age=31536000" in dict(page["headers"])["Strict-Transport-Security"]
    assert dict(home["headers"])["Location"] == "/webmail/sign-in/?next=/webmail/"
    assert json.loads(health["body"]) == {"status": "ok"}


@pytest.mark.needs_app("contacts")
def test_programs_are_led_to_the_path_from_the_root_of_the_host(tmp_path: Path) -> None:
    for answer in ask(tmp_path, "/.well-known/carddav", "/webmail/.well-known/carddav"):
        assert answer["status"] == "301 Moved Permanently"
        assert dict(answer["headers"])["Location"] == "/webmail/contacts/dav/"
    (answer,) = ask(tmp_path, "/webmail/contacts/dav/")
    assert answer["status"] == "401 Unauthorized"


def test_a_static_file_is_found_below_the_path(tmp_path: Path) -> None:
    (answer,) = ask(tmp_path, "/webmail/static/portal/css/yurt.css")
    assert answer["status"] == "200 OK"
    assert dict(answer["headers"])["Content-Type"].startswith("text/css")


@pytest.mark.parametrize(
    ("prefix", "path", "served"),
    [
        ("", "/x", "/x"),
        ("/web", "/web/x", "/x"),
        ("/web", "/web", "/"),
        ("/web", "/web/", "/"),
        ("/web", "/webby", "/webby"),
        ("/web", "/x", "/x"),
        ("/web", "", ""),
    ],
)
def test_the_front_may_take_the_path_off_or_leave_it(prefix: str, path: str, served: str) -> None:
    seen: list[str] = []

    def serve(environ, start_response):
        seen.append(environ["PATH_INFO"])
        return []

    under_path(serve, prefix)({"PATH_INFO": path}, lambda *args: None)
    assert seen == [served]
