from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client, modify_settings
from django.urls import reverse

from portal import core_diagnostics, diagnostics, pings
from portal.contracts import Finding, Level
from portal.models import WorkerPing
from portal.registry import Diagnostic, PortalApp
from portal.testing import override_registry, with_apps
from tests.support.people import PASSWORD
from tests.support.site import Site, running_site

FINE = Diagnostic(id="demo.fine", label="Fine", run=lambda: [Finding(Level.OK, "All is well")], order=3)
EXPIRING = Diagnostic(
    id="demo.tls",
    label="TLS certificate",
    run=lambda: [Finding(Level.WARNING, "Expires in 9 days", "Renew it now", "certbot renew")],
    order=2,
)
BROKEN = Diagnostic(id="demo.broken", label="Broken", run=lambda: [1 / 0], order=1)


@pytest.fixture
def hanging() -> Iterator[Diagnostic]:
    never = threading.Event()
    yield Diagnostic(id="demo.hanging", label="Hanging", run=lambda: [never.wait()], order=0)
    never.set()


def app(*checks: Diagnostic) -> PortalApp:
    return PortalApp(id="demo", title="Demo", diagnostics=checks)


@pytest.fixture
def admin_client_now(transactional_db) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", PASSWORD))
    return client


def test_all_checks_run_at_once_and_the_worst_comes_first(hanging) -> None:
    started = time.monotonic()
    report = diagnostics.run([hanging, BROKEN, EXPIRING, FINE], budget=1.0)
    assert time.monotonic() - started < 20
    assert [(r.diagnostic.id, r.level) for r in report.results] == [
        ("demo.hanging", Level.ERROR),
        ("demo.broken", Level.ERROR),
        ("demo.tls", Level.WARNING),
        ("demo.fine", Level.OK),
    ]
    assert (report.failed, report.to_watch, report.passed) == (2, 1, 1)
    assert "No answer after" in str(report.results[0].findings[0].message)
    assert "ZeroDivisionError" in str(report.results[1].findings[0].message)


def test_the_page_names_every_check_and_runs_none(admin_client_now, hanging) -> None:
    with with_apps(app(hanging, BROKEN)):
        started = time.monotonic()
        page = admin_client_now.get("/selftest/").content.decode()
        assert time.monotonic() - started < 9  # a check has ten
    for check in ("demo.hanging", "demo.broken", "portal.database", "portal.tasks"):
        assert f'hx-get="{reverse("portal:selftest_check", args=[check])}"' in page
    assert 'href="/selftest/?run=1"' in page


def test_one_row_says_state_cause_cure_and_command(admin_client_now) -> None:
    with with_apps(app(EXPIRING)):
        row = admin_client_now.get("/selftest/demo.tls/", headers={"HX-Request": "true"}).content.decode()
        assert "<html" in admin_client_now.get("/selftest/demo.tls/").content.decode()
    for part in (
        'data-level="warning"',
        "Expires in 9 days",
        "Cure: Renew it now",
        "<code>certbot renew</code>",
        " ms",
    ):
        assert part in row
    assert admin_client_now.get("/selftest/no.such/").status_code == 404


def test_without_scripts_the_rows_stream_in_as_the_checks_end(admin_client_now, hanging, monkeypatch) -> None:
    monkeypatch.setattr(diagnostics.stream, "__kwdefaults__", {"budget": 0.5})
    with override_registry(app(hanging, FINE)):
        response = admin_client_now.get("/selftest/?run=1", headers={"Accept-Language": "de"})
        parts = [part.decode() for part in response.streaming_content]
    assert '<html lang="de"' in parts[0] and "demo.fine" in parts[1] and "demo.hanging" in parts[2]
    assert "</html>" in parts[-1]


@pytest.mark.django_db
def test_it_is_for_administrators(as_alice, client) -> None:
    assert as_alice.get("/selftest/").status_code == 403
    assert as_alice.get("/selftest/portal.cache/").status_code == 403
    assert client.get("/selftest/").status_code == 302


# --- the command ---------------------------------------------------------------------------------------------------


def test_the_command_exits_with_1_when_a_check_fails(capsys) -> None:
    with override_registry(app(EXPIRING, FINE)):
        call_command("selftest")
        assert "0 failed, 1 with a warning, 1 passed" in capsys.readouterr().out
    with override_registry(app(BROKEN, EXPIRING)):
        with pytest.raises(SystemExit) as end:
            call_command("selftest", "--json")
        assert end.value.code == 1
        report = json.loads(capsys.readouterr().out)
        assert report["ok"] is False and report["failed"] == 1
        assert report["checks"][1]["findings"] == [
            {"level": "warning", "message": "Expires in 9 days", "cure": "Renew it now", "command": "certbot renew"}
        ]


def test_the_command_runs_the_checks_it_is_given(capsys) -> None:
    with override_registry(app(BROKEN, FINE)):
        call_command("selftest", "demo.fine")
        assert "1 passed" in capsys.readouterr().out
        with pytest.raises(CommandError, match=r"no check nix.*demo\.fine") as error:
            call_command("selftest", "nix")
        assert error.value.returncode == 2


# --- the core's own checks -----------------------------------------------------------------------------------------


def levels(findings) -> list[Level]:
    return [finding.level for finding in findings]


@pytest.mark.django_db(transaction=True)
def test_the_core_has_nothing_to_complain_about_in_this_process() -> None:
    with override_registry(app()):
        for check in (core_diagnostics.database, core_diagnostics.cache_works, core_diagnostics.clock):
            assert levels(check()) == [Level.OK], check


@pytest.mark.django_db(transaction=True)
def test_migrations_that_are_not_applied_are_an_error_with_the_command() -> None:
    from django.db.migrations.recorder import MigrationRecorder

    row = MigrationRecorder.Migration.objects.filter(app="portal").latest("name")
    row.delete()
    try:
        (finding,) = core_diagnostics.database()
    finally:
        MigrationRecorder.Migration.objects.create(app=row.app, name=row.name)
    assert (finding.level, finding.command) == (Level.ERROR, ".venv/bin/python manage.py migrate")


def test_a_cache_that_forgets_is_an_error(settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert levels(core_diagnostics.cache_works()) == [Level.ERROR]


def test_a_cache_that_does_not_answer_is_an_error(settings) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    (finding,) = core_diagnostics.cache_works()
    assert finding.level is Level.ERROR and "CACHE_URL" in str(finding.cure)


def test_a_real_worker_answers_and_its_absence_is_an_error_with_the_command() -> None:
    """Portal and worker are processes of their own; the broker and the database are all they share."""
    with running_site(PORTAL_APPS="none") as site:
        (finding,) = ask_for_a_worker(site)
        assert finding["level"] == "error" and finding["command"].startswith(".venv/bin/celery -A portal.celery worker")
        words = ["celery", *finding["command"].split()[1:]]
        worker = subprocess.Popen(
            [sys.executable, "-m", *words], env=site.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 200  # a program for each question
            while (found := ask_for_a_worker(site)[0])["level"] != "ok":
                assert worker.poll() is None and time.monotonic() < deadline, found
        finally:
            worker.terminate()
            worker.wait(30)
        code = "from portal.models import WorkerPing; print(WorkerPing.objects.count())"
        assert site.manage("shell", "--no-imports", "-c", code).strip() == "0"


def ask_for_a_worker(site: Site) -> list[dict[str, str]]:
    code = "import json; from portal import core_diagnostics as c, diagnostics as d; "
    code += "print(json.dumps(d.run([x for x in d.all_checks() if x.id == 'portal.tasks']).results[0].as_json()))"
    found: list[dict[str, str]] = json.loads(site.manage("shell", "--no-imports", "-c", code))["findings"]
    return found


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_the_question_is_not_left_lying_about(monkeypatch) -> None:
    from portal.tasks import ping

    monkeypatch.setattr(ping, "delay", lambda question: None)
    assert pings.ask(patience=0.1) is None
    assert not WorkerPing.objects.exists()


def test_a_check_that_hangs_is_under_way_twice_at_most(hanging: Diagnostic) -> None:
    """Each run holds a request thread for its whole budget."""
    texts = [str(diagnostics.run([hanging], budget=0.01).results[0].findings[0].message) for _number in range(3)]
    assert ["still hanging" in text for text in texts] == [False, False, True]


@pytest.mark.needs_app("mail")
@pytest.mark.parametrize("threads", [8, 32, 512])
def test_no_mail_server_holds_more_than_half_of_the_threads_with_the_self_test(settings, threads: int) -> None:
    from apps.mail.services import stores

    settings.WEB_THREADS = threads
    pool = stores.pool.__wrapped__()
    assert pool.threads + diagnostics.AT_ONCE <= threads // 2


def test_a_catalogue_that_is_not_compiled_is_named(settings, tmp_path) -> None:
    folder = tmp_path / "site" / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    po = folder / "django.po"
    po.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Home"\nmsgstr "Start"\n')
    settings.LOCALE_PATHS = [tmp_path / "site" / "locale"]
    (finding,) = core_diagnostics.translations()
    assert finding.level is Level.ERROR and "site/de" in str(finding.message)
    mo = po.with_suffix(".mo")
    mo.write_bytes(b"")
    assert levels(core_diagnostics.translations()) == [Level.ERROR]
    with po.open("rb") as source, mo.open("wb") as compiled:
        write_mo(compiled, read_po(source))
    (finding,) = core_diagnostics.translations()
    assert finding.level is Level.OK and "\u2068Deutsch\u2069 \u2066100%\u2069" in str(finding.message)


def test_the_cure_for_an_outside_apps_catalogue_cures_it(settings, tmp_path, monkeypatch) -> None:
    package = tmp_path / "tearoom"
    folder = package / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (folder / "django.po").write_text(head + 'msgid "Tea"\nmsgstr "Tee"\n')
    settings.LOCALE_PATHS = []
    monkeypatch.syspath_prepend(tmp_path)
    with modify_settings(INSTALLED_APPS={"append": ["tearoom"]}):
        (finding,) = [found for found in core_diagnostics.translations() if found.level is Level.ERROR]
        assert "tearoom/de" in str(finding.message)
        assert finding.command.endswith(f"pybabel compile -D django -d {package / 'locale'}")
        subprocess.run(shlex.split(finding.command), check=True, capture_output=True)
        assert levels(core_diagnostics.translations()) == [Level.OK]


def test_a_style_sheet_that_is_not_there_is_named() -> None:
    with override_registry(PortalApp(id="demo", title="Demo", stylesheets=("demo/no-such.css",))):
        (finding,) = core_diagnostics.static_files()
    assert finding.level is Level.ERROR and "demo/no-such.css" in str(finding.message)


def test_what_every_page_needs_is_looked_for(as_alice: Client, monkeypatch) -> None:
    html = as_alice.get("/").content.decode()
    frame = {path for path in re.findall(r'(?:src|href)="/static/([^"#]+)', html) if path.startswith("portal/")}
    assert frame <= set(core_diagnostics.FRAME_FILES)
    for path in core_diagnostics.FRAME_FILES:
        monkeypatch.setattr(core_diagnostics, "_served", lambda asked, path=path: asked != path)
        (finding,) = core_diagnostics.static_files()
        assert finding.level is Level.ERROR and path in str(finding.message)


@pytest.mark.django_db
def test_clocks_that_differ_are_not_called_fine(monkeypatch) -> None:
    assert levels(core_diagnostics.clock()) == [Level.OK]
    monkeypatch.setattr(core_diagnostics, "_file_skew", lambda: 5.0)
    assert levels(core_diagnostics.clock()) == [Level.WARNING]
    monkeypatch.setattr(core_diagnostics, "_database_skew", lambda: -90.0)
    assert levels(core_diagnostics.clock()) == [Level.ERROR, Level.WARNING]


def test_keys_that_others_may_read_are_an_error(settings, tmp_path) -> None:
    settings.DATA_DIR = settings.BASE_DIR = tmp_path
    key: Path = tmp_path / "secret_key"
    key.write_text("secret")
    key.chmod(0o644)
    found = [finding for finding in core_diagnostics.security() if finding.level is Level.ERROR]
    assert [finding.command for finding in found] == [f"chmod 600 {key}"]
    key.chmod(0o600)
    assert all("chmod" not in finding.command for finding in core_diagnostics.security())


def test_debug_is_something_to_watch(settings) -> None:
    settings.DEBUG = True
    messages = [str(f.message) for f in core_diagnostics.security() if f.level is not Level.OK]
    assert any(re.search(r"DEBUG.*security\.W018", message) for message in messages)
