"""Each check of `make test` fails when it should."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import development, suite
from scripts.checks import deployment, templates

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        '<script type="module">x</script>',
        "<style>p { color: red }</style>",
        '<p style="color: red">',
        '<p {% if a > b %}class="x"{% endif %} style="{{ s }}">',
        '<a href="#" onclick="x()">',
        '<button hx-on:click="x()">',
        '<a href="javascript:void(0)">',
        '<form action=" JavaScript:x">',
    ],
)
def test_inline_script_and_style_are_found(markup: str) -> None:
    assert [line for line, _ in templates.template(f"\n\n{markup}")] == [3]


@pytest.mark.parametrize(
    "markup",
    [
        '<script type="module" src="{% static "portal/js/portal.js" %}"></script>',
        '<script type="application/json" id="x">{}</script>',
        '<body style="{{ style }}">{# style: of the sender #}',
        '{# <p style="x"> #}{% comment %}<style></style>{% endcomment %}',
        '{% translate "<b style=x>" %}',
        '<p data-style="x" data-on="y" aria-label="on style=">',
    ],
)
def test_good_markup_passes(markup: str) -> None:
    assert list(templates.template(markup)) == []


@pytest.mark.parametrize(
    "css",
    [
        "a { margin-left: 1px }",
        "a { padding-right: 0; }",
        "a { left: 0; }",
        "a { text-align: right; }",
        "a { float: left }",
        "a { border-left-color: red }",
        "a { border-top-left-radius: 1px }",
        "a { background: url(https://example.org/x.png) }",
        '@import "//example.org/x.css";',
    ],
)
def test_physical_properties_and_remote_addresses_are_found(css: str) -> None:
    assert len(list(templates.stylesheet(css))) == 1


@pytest.mark.parametrize(
    "css",
    [
        "a { margin-inline-start: 1px; inset-inline-end: 0; text-align: start }",
        "/* left: 0 */",
        "a { --left: 1px; background-position: left }",
        "a { text-align: left; } /* physical: source text runs left to right in every language */",
        "a { background: url(data:image/svg+xml,x) }",
    ],
)
def test_logical_properties_pass(css: str) -> None:
    assert list(templates.stylesheet(css)) == []


def test_html_from_strings_is_found() -> None:
    bad = "a.innerHTML = x;\neval(x)\nnew Function(x)\na.insertAdjacentHTML('x', y)\ndocument.write(x)"
    assert [line for line, _ in templates.script(bad)] == [1, 2, 3, 4, 5]
    good = "a.innerHTML = x; // html: our own fragment\na.textContent = x;\nif (a.innerHTML === x) {}"
    assert list(templates.script(good)) == []


def test_the_command_names_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>\n<p style=x>")
    assert templates.main([str(page)]) == 1
    assert capsys.readouterr().out == f"{page}:2: style attribute\n"


def test_a_warning_of_the_deployment_checks_fails(tmp_path: Path) -> None:
    found = deployment.check(deployment.production(str(tmp_path)) | {"DEBUG": "yes", "PORTAL_APPS": "none"})
    assert len(found) == 1
    assert "security.W018" in found[0]


def test_a_missing_migration_fails(tmp_path: Path) -> None:
    for name in ("portal", "apps", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    models = tmp_path / "portal" / "models.py"
    models.write_text(
        models.read_text() + "\n\nclass Extra(models.Model):\n    class Meta:\n        app_label = 'portal'\n"
    )
    found = deployment.check(deployment.production(str(tmp_path / "data")) | {"PORTAL_APPS": "none"}, root=tmp_path)
    assert len(found) == 1
    assert "Create model Extra" in found[0]


def test_the_matrix_has_every_combination_once() -> None:
    assert suite.combinations(["mail"]) == ["none", "mail"]
    assert suite.combinations(["a", "b", "c"]) == ["none", "a", "b", "c", "b, c", "a, c", "a, b", "a, b, c"]


def test_a_disk_that_is_nearly_full_is_named_before_anything_runs(monkeypatch, capsys) -> None:
    monkeypatch.setattr(suite, "free", lambda: 5 << 20)
    monkeypatch.setattr(suite, "parts", lambda _extra: pytest.fail("it ran"))
    assert suite.main([]) == 1
    assert "5 MB are free" in capsys.readouterr().out


def test_the_least_of_free_disk_is_remembered(monkeypatch) -> None:
    sizes = iter([30, 10])
    monkeypatch.setattr(suite, "free", lambda: next(sizes, 20))
    with suite.watched_disk() as least:
        time.sleep(2.5)
    assert least == [10]


def test_every_part_of_the_suite_is_there() -> None:
    titles = [part.title for part in suite.parts([])]
    assert "apps: none" in titles
    assert "database part on MariaDB" in titles
    assert titles[-1] == "whole suite"


def test_what_is_left_out_of_a_part_is_there() -> None:
    """A file that has another name now would run where it was not to, and one that is gone would be looked for."""
    named = [*suite.AROUND, *suite.ALIKE, *suite.OF_NO_MATTER, *suite.PROOFS]
    files = [path.partition("::") for path in named]
    assert [file for file, _colons, _test in files if not (ROOT / file).exists()] == []
    assert [test for file, _colons, test in files if test and f"def {test}(" not in (ROOT / file).read_text()] == []
    assert len(set(named)) == len(named)


def test_an_app_is_tested_where_it_is_alone_and_the_core_where_nobody_is(monkeypatch) -> None:
    monkeypatch.setattr(suite, "optional_apps", lambda: ["a", "b", "c"])
    parts = {part.title: part.arguments for part in suite.parts([])}
    assert len(parts) == 1 + 3 + 3 + 2
    everywhere = suite._ignored([*suite.AROUND, *suite.ALIKE])
    for title, arguments in parts.items():
        if title.startswith("apps"):
            assert set(everywhere) <= set(arguments)
    assert "--ignore=tests/auth" not in parts["apps: none"] and "--ignore=tests/auth" in parts["apps: a"]
    assert "--ignore=tests/a" not in parts["apps: a"]
    assert {"--ignore=tests/a", "--ignore=tests/b"} <= set(parts["apps: a, b"])
    assert parts["whole suite"] == ()


def test_what_notices_which_apps_there_are_runs_in_every_part() -> None:
    left_out = {*suite.AROUND, *suite.ALIKE, *suite.OF_NO_MATTER, *suite.PROOFS}
    for name in ("registry", "frame", "home", "preferences_pages", "settings", "selftest", "your_data", "checks"):
        assert f"tests/portal/test_{name}.py" not in left_out
    assert not {"tests/proof/test_urls.py", "tests/proof/test_actors.py", "tests/proof/test_canary.py"} & left_out


def run_pytest(tmp_path: Path, source: str, *, ci: bool, **environment: str) -> subprocess.CompletedProcess[str]:
    """A suite of one file under this suite's own rules."""
    (tmp_path / "test_sample.py").write_text(source)
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "CI"))}
    variables |= {"CI": "true"} if ci else {}
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "-q"]
    return subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=ROOT,
        env=variables | environment,
        capture_output=True,
        text=True,
        check=False,
    )


SKIPS = """
import pytest
def test_allowed(): pytest.skip("shared corpora absent")
def test_impossible(): pytest.skip("this kernel gives no network namespaces")
def test_called(): pytest.skip("no Dovecot here")
@pytest.mark.skip(reason="later")
def test_marked(): pass
@pytest.fixture
def server(): pytest.skip("no server")
def test_fixture(server): pass
@pytest.mark.xfail(reason="known bug")
def test_expected(): assert False
def test_runs(): pass
"""


def test_a_skip_is_a_failure_in_ci_but_for_two_reasons(tmp_path: Path) -> None:
    result = run_pytest(tmp_path, SKIPS, ci=True)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "skipped in CI, where nothing may be: no Dovecot here" in result.stdout
    # A skip before the test's own body counts as an error.
    assert "2 failed, 1 passed, 2 skipped, 2 errors" in result.stdout


def test_a_module_skipped_whole_is_a_failure_in_ci(tmp_path: Path) -> None:
    source = 'import pytest\npytest.importorskip("no_such_module")\ndef test_x(): pass\n'
    assert run_pytest(tmp_path, source, ci=True).returncode not in (0, 5)
    assert run_pytest(tmp_path, source, ci=False).returncode in (0, 5)


def test_elsewhere_a_skip_is_a_skip_with_its_reason(tmp_path: Path) -> None:
    result = run_pytest(tmp_path, SKIPS, ci=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "no Dovecot here" in result.stdout


def test_the_network_is_out_of_reach(tmp_path: Path) -> None:
    source = """
import socket, pytest
def test_names():
    with pytest.raises(socket.gaierror):
        socket.create_connection(("example.org", 80), timeout=1)
def test_addresses():
    with pytest.raises(OSError, match="tests do not connect"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()
"""
    result = run_pytest(tmp_path, source, ci=False)
    assert "3 passed" in result.stdout, result.stdout


def test_marks_for_absent_apps_leave_tests_out(tmp_path: Path) -> None:
    source = (
        'import pytest\n@pytest.mark.needs_app("mail")\ndef test_mail(): pass\n'
        "def test_core(): pass\n@pytest.mark.soak\ndef test_long(): pass\n"
    )
    assert "2 passed, 1 deselected" in run_pytest(tmp_path, source, ci=True, PORTAL_APPS="mail").stdout
    assert "1 passed, 2 deselected" in run_pytest(tmp_path, source, ci=True, PORTAL_APPS="none").stdout


def test_without_compiler_only_mysqlclient_is_left_out(tmp_path: Path) -> None:
    target = development.without_mysql(tmp_path / "requirements.txt")
    lines = target.read_text().splitlines()
    assert not any("mysql" in line for line in lines)
    assert f"-r {ROOT}/requirements.txt" in lines
    assert f"-r {ROOT}/requirements-redis.txt" in lines
    assert any(line.startswith("pytest>=") for line in lines)


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 0), (3, 14, 0)])
@pytest.mark.parametrize(("script", "command"), [("run.py", "make run"), ("environment.py", "make test")])
def test_an_unsupported_python_is_told_so(script: str, command: str, version: tuple[int, int, int]) -> None:
    name = ".".join(map(str, version))
    pretend = f"import runpy, sys; sys.version_info = {version}; sys.version = '{name} (x)'; "
    pretend += f"runpy.run_path({str(ROOT / 'scripts' / script)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, check=False)
    said = f"Yurt needs Python 3.11, 3.12 or 3.13, this is {name}. Cure: {command} PYTHON=python3.11\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize("script", ["run.py", "environment.py", "supported.py"])
def test_what_an_old_python_reads_has_only_old_syntax(script: str) -> None:
    """Else it would end in a SyntaxError before it can say what is wrong."""
    tree = ast.parse((ROOT / "scripts" / script).read_text())
    younger = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Match)
    assert not [node for node in ast.walk(tree) if isinstance(node, younger)]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert not [name for f in functions for name in (f.returns, *(a.annotation for a in f.args.args)) if name]
