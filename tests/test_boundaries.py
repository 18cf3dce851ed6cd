"""What imports do not show: an app must not name another one's URLs, templates, modules or models in a string.

Imports are held by import-linter; `test_every_import_contract_bites` proves that each contract fails when it should.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = sorted(path.parent.name for path in (ROOT / "apps").glob("*/__init__.py"))
#: Always installed: the sign-in and preference pages are the frame's, and so are these template folders.
CORE_APPS = {"auth", "prefs"}
#: Where apps are put together: it names them all, and nobody imports it.
ASSEMBLY = {"portal/settings.py"}
_TEMPLATE_REFERENCE = re.compile(r"\{%\s*(?:url|include|extends|static|load|redirect)\s+[\"']?([\w:./-]+)")


def owner(path: Path) -> str:
    """The app a file belongs to; "portal" for the frame."""
    parts = path.parts
    if parts[0] in {"apps", "templates"} and parts[1] in APPS:
        return parts[1]
    return "portal"


def mentioned(text: str) -> str | None:
    """The app that a string refers to: ``mail:index``, ``mail/list.html``, ``apps.mail.models``."""
    found = re.match(r"(?:apps\.(\w+)\b|(\w+):[a-z_]+$|(\w+)/[\w./-]+\.(?:html|txt|js|css)$)", text)
    module, namespace, folder = found.groups() if found else (None, None, None)
    if folder in CORE_APPS:
        return None
    return next((name for name in (module, namespace, folder) if name in APPS), None)


def foreign_strings(path: Path, text: str) -> Iterator[str]:
    mine = owner(path)
    for line, string in _python_strings(text) if path.suffix == ".py" else _template_strings(text):
        app = mentioned(string)
        if app and app != mine:
            yield f"{path}:{line}: {mine} names {app} in {string!r}"


def _python_strings(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _template_strings(text: str) -> Iterator[tuple[int, str]]:
    for found in _TEMPLATE_REFERENCE.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found[1]


def test_no_app_names_another_in_a_string() -> None:
    found = []
    for folder in ("portal", "apps", "templates"):
        for path in sorted((ROOT / folder).rglob("*")):
            inner = path.relative_to(ROOT)
            if path.suffix in {".py", ".html", ".txt"} and inner.as_posix() not in ASSEMBLY:
                found += foreign_strings(inner, path.read_text(encoding="utf-8"))
    assert found == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("portal/views/home.py", 'reverse("mail:index")'),
        ("portal/nav.py", 'import_string("apps.mail.blocks.unread")'),
        ("apps/prefs/views.py", 'render(request, "mail/list.html")'),
        ("templates/portal/home.html", '<a href="{% url "mail:index" %}">'),
        ("templates/prefs/page.html", '{% include "mail/_row.html" with x=1 %}'),
        ("templates/portal/base.html", "{% static 'mail/css/mail.css' %}"),
    ],
)
def test_a_foreign_string_is_found(place: str, text: str) -> None:
    assert len(list(foreign_strings(Path(place), text))) == 1


def test_an_app_may_name_itself_and_the_frame() -> None:
    own = 'reverse("mail:index"); render(request, "mail/list.html"); reverse("portal:home"); x = "mail: a word"'
    assert list(foreign_strings(Path("apps/mail/views/lists.py"), own)) == []


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run([program, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)


BAD_IMPORTS = [
    ("portal/nav.py", "import apps.mail", "portal knows no app"),
    ("apps/prefs/apps.py", "import apps.mail", "apps do not know each other"),
    ("apps/mail/mailbox/errors.py", "import django", "protocol code is plain Python"),
    ("apps/mail/mime/parts.py", "import apps.mail.mailbox", "MIME knows no network"),
    ("portal/contracts.py", "import environ", "contracts and net are the standard library only"),
    ("apps/auth/ldap/people.py", "import ldap3", "LDAP is spoken in portal.ldap only"),
]


@pytest.mark.parametrize(("place", "line", "contract"), BAD_IMPORTS)
def test_every_import_contract_bites(tmp_path: Path, place: str, line: str, contract: str) -> None:
    for folder in ("portal", "apps"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("static", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / place
    target.write_text(target.read_text() + f"\n{line}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(rf"^{re.escape(contract)} BROKEN", result.stdout, re.MULTILINE), result.stdout


def test_every_import_contract_has_its_proof() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}
    assert contracts == {contract for _, _, contract in BAD_IMPORTS}
