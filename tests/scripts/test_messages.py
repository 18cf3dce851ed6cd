"""The catalogue tool finds every marked string, and its check refuses what would break or lose a translation."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest

from scripts import messages

PYTHON = """
from django.utils.translation import gettext_lazy as _, ngettext, pgettext
def view(count):
    a = _("Sign in")
    b = ngettext("%(count)s message", "%(count)s messages", count) % {"count": count}
    c = pgettext("a verb", "Archive")
    d = _("Hello " "world")
    return _(f"{a} is computed and cannot be looked up"), _(variable)
"""
TEMPLATE = """{% load i18n %}
  {% if a > b %}
      <h1>{% translate "Inbox" %}</h1> it's not "balanced
  {% endif %}
{% blocktranslate trimmed count n=total with who=sender %}
  One letter from {{ who }}
{% plural %}
  {{ n }} letters from {{ who }}
{% endblocktranslate %}
{# Translators: shown on the button #}
<a title="{% translate "Open" context "a verb" %}">{{ _("More") }}</a>
{% include "x.html" with label=_("Fewer") %}
"""
HEADER = """# Yurt in German
# complete
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in messages.SOURCES:
        (tmp_path / folder).mkdir()
    (tmp_path / "locale" / "de" / "LC_MESSAGES").mkdir(parents=True)
    return tmp_path


def write(tree: Path, body: str, header: str = HEADER) -> Path:
    path = tree / "locale" / "de" / "LC_MESSAGES" / "django.po"
    path.write_text(f"{header}\n{body}")
    return path


def problems(tree: Path, source: str, body: str, header: str = HEADER) -> list[str]:
    (tree / "portal" / "views.py").write_text(source)
    path = write(tree, body, header)
    return [line.removeprefix(f"{path}: ") for line in messages.problems(path, messages.extract(tree))]


def test_strings_are_found_in_python_and_in_templates(tree: Path) -> None:
    (tree / "portal" / "views.py").write_text(PYTHON)
    (tree / "templates" / "page.html").write_text(TEMPLATE)
    assert messages._keys(messages.extract(tree)) == {
        ("", "Sign in", ""),
        ("", "%(count)s message", "%(count)s messages"),
        ("a verb", "Archive", ""),
        ("", "Hello world", ""),
        ("", "Inbox", ""),
        ("", "One letter from %(who)s", "%(n)s letters from %(who)s"),
        ("a verb", "Open", ""),
        ("", "More", ""),
        ("", "Fewer", ""),
    }


def test_the_portals_own_strings_are_found() -> None:
    found = {key[1] for key in messages._keys(messages.extract())}
    assert {"Sign in", "Preferences"} <= found


def test_a_good_catalogue_has_no_problems(tree: Path) -> None:
    body = 'msgid "Sign in"\nmsgstr "Anmelden"\n'
    assert problems(tree, '_("Sign in")', body) == []


@pytest.mark.parametrize(
    ("source", "body", "expected"),
    [
        (
            '_("Sign in"); _("New")',
            'msgid "Sign in"\nmsgstr "Anmelden"\n',
            "not in the catalogue: 'New' (run `make messages`)",
        ),
        ("", 'msgid "Old"\nmsgstr "Alt"\n', "no longer in the source: 'Old' (run `make messages`)"),
        ('_("Sign in")', 'msgid "Sign in"\nmsgstr ""\n', "not translated: 'Sign in'"),
        ('_("Sign in")', '#, fuzzy\nmsgid "Sign in"\nmsgstr "Abmelden"\n', "marked fuzzy: 'Sign in'"),
        (
            '_("Hi %(name)s")',
            'msgid "Hi %(name)s"\nmsgstr "Hallo %(nam)s"\n',
            "placeholders that the source does not have: %(nam)s: 'Hi %(name)s'",
        ),
        ('_("Hi %(name)s")', 'msgid "Hi %(name)s"\nmsgstr "Hallo"\n', "placeholders lost: %(name)s: 'Hi %(name)s'"),
        (
            '_("%(n)s of 10%%")',
            'msgid "%(n)s of 10%%"\nmsgstr "%(n)s von 10 %"\n',
            "cannot be formatted: a stray % is written %%, a placeholder ends with a letter: '%(n)s of 10%%'",
        ),
        (
            'ngettext("%(n)s day", "%(n)s days", n)',
            'msgid "%(n)s day"\nmsgid_plural "%(n)s days"\nmsgstr[0] "Ein Tag"\nmsgstr[1] ""\n',
            "not translated: ('%(n)s day', '%(n)s days')",
        ),
    ],
)
def test_a_bad_catalogue_is_refused(tree: Path, source: str, body: str, expected: str) -> None:
    assert expected in problems(tree, source, body)


def test_wrong_plural_forms_are_refused(tree: Path) -> None:
    header = HEADER.replace("nplurals=2; plural=(n != 1)", "nplurals=1; plural=0")
    found = problems(tree, "", "", header)
    assert found == ["Plural-Forms says 1 forms, the language has 2"]


def test_broken_syntax_is_refused(tree: Path) -> None:
    assert problems(tree, "", 'msgid "open\nmsgstr "x"\n')


def test_only_a_catalogue_that_says_so_must_be_complete(tree: Path) -> None:
    header = HEADER.replace("# complete\n", "")
    assert problems(tree, '_("Sign in")', 'msgid "Sign in"\nmsgstr ""\n', header) == []


def test_update_keeps_translations_and_follows_the_source(tree: Path) -> None:
    path = write(tree, 'msgid "Sign in"\nmsgstr "Anmelden"\n\nmsgid "Old"\nmsgstr "Alt"\n')
    (tree / "portal" / "views.py").write_text('_("Sign in"); _("New")')
    messages.update(path, messages.extract(tree))
    text = path.read_text()
    assert 'msgstr "Anmelden"' in text
    assert 'msgid "New"' in text
    assert "Old" not in text
    assert "# complete\n" in text
    messages.update(path, messages.extract(tree))
    assert path.read_text() == text


def test_compiled_catalogues_are_what_gettext_reads(tree: Path) -> None:
    path = write(
        tree,
        'msgid "%(n)s day"\nmsgid_plural "%(n)s days"\nmsgstr[0] "Ein Tag"\nmsgstr[1] "%(n)s Tage"\n\n'
        'msgctxt "a verb"\nmsgid "Open"\nmsgstr "Öffnen"\n',
    )
    assert messages.compile_all(tree) == [path.with_suffix(".mo")]
    assert messages.compile_all(tree) == []
    translation = gettext.translation("django", tree / "locale", ["de"])
    assert translation.ngettext("%(n)s day", "%(n)s days", 3) == "%(n)s Tage"
    assert translation.pgettext("a verb", "Open") == "Öffnen"


def test_the_command_fails_and_says_where(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, 'msgid "Old"\nmsgstr "Alt"\n')
    assert messages.main(["check", "--root", str(tree)]) == 1
    assert "de/LC_MESSAGES/django.po: no longer in the source: 'Old'" in capsys.readouterr().out
    assert messages.main(["update", "--root", str(tree)]) == 0
    assert messages.main(["check", "--root", str(tree)]) == 0


@pytest.mark.parametrize("language", ["de", "ar"])
def test_german_and_arabic_are_complete(language: str) -> None:
    path = messages.ROOT / "locale" / language / "LC_MESSAGES" / "django.po"
    assert messages.COMPLETE in messages.read(path).header_comment.splitlines()
    assert messages.problems(path, messages.extract()) == []
