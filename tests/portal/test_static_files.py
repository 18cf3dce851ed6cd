"""What ``collectstatic`` makes of the files of the apps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile

from portal.registry import PortalApp
from portal.staticfiles import Storage
from portal.testing import override_registry

FILES = {
    "portal/css/yurt.css": "a { color: red; }\n",
    "book/css/book.css": "b { background: url(../img/x.svg) url('#y') url(data:,z); }\n",
    "book/css/late.css": '@import "other.css";\n',
    "book/css/other.css": "i { color: blue; }\n",
    "book/img/x.svg": "<svg/>",
    "book/js/page.js": 'import { one } from "./one.js";\nconsole.log(one);\n',
    "book/js/one.js": "export const one = 1; // one\n",
    "book/js/odd.js": 'import { one } from "./one.js";\nexport let two = one + 1;\n',
    "book/js/old.js": "var everywhere = 1;\n",
}


@pytest.fixture
def collected(tmp_path: Path, settings) -> dict[str, str]:
    """The text that each file is served as."""
    settings.DEBUG = False
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    source = SimpleNamespace(open=lambda path: ContentFile(FILES[path].encode()))
    storage = Storage(location=str(tmp_path), base_url="/static/")
    app = PortalApp(id="book", title="Book", stylesheets=("book/css/book.css", "book/css/late.css"))
    with override_registry(app):
        assert not [it for it in storage.post_process({name: (source, name) for name in FILES}) if not it[1]]
    return {name: (tmp_path / storage.url(name).removeprefix("/static/")).read_text() for name in FILES}


def test_the_style_sheets_of_apps_are_one_with_the_frames(collected: dict[str, str]) -> None:
    sheet = collected["portal/css/yurt.css"]
    assert sheet == collected["book/css/book.css"]
    assert sheet.startswith('a{color:red;}b{background:url("../../book/img/x.')
    assert 'url("#y") url(data:,z)' in sheet
    assert "@import" in collected["book/css/late.css"]  # means something in its own place only


def test_a_module_is_one_file_with_what_it_imports(collected: dict[str, str]) -> None:
    assert "import" not in collected["book/js/page.js"]
    assert "const one = 1;" in collected["book/js/page.js"]


def test_what_cannot_be_put_together_is_served_as_it_is(collected: dict[str, str]) -> None:
    assert collected["book/js/odd.js"].startswith('import { one } from "./one.')
    assert "export const { one }" in collected["book/js/one.js"]
    assert collected["book/js/old.js"] == FILES["book/js/old.js"]
