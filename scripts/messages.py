"""The message catalogues, without gettext's binaries: extraction, update, check, compilation.

    python -m scripts.messages update    bring every locale/*/LC_MESSAGES/django.po up to date with the source
    python -m scripts.messages check     fail when a catalogue is outdated, broken or, where it says so, incomplete
    python -m scripts.messages compile   write the .mo files that Django reads

Strings come from Python (gettext and its relatives) and from templates (``{% translate %}``, ``{% blocktranslate %}``,
``_("...")`` in an expression), read by Django's own template converter. A catalogue that begins with the comment
``# complete`` must be complete: German and Arabic are, and stay so.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import django
from babel.core import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract as extract_from
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import PoFileError, read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("portal", "apps", "templates")
COMPLETE = "# complete"
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (1,)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
_PLACEHOLDER = re.compile(r"%\((?P<name>\w+)\)(?:\.\d+)?[sdif]|%[sd]|\{\w*\}")
Key = tuple[str, str, str]  # context, singular, plural


def source_files(root: Path) -> Iterator[Path]:
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            inner = path.relative_to(root).parts
            if path.suffix in {".py", ".html", ".txt"} and not {"migrations", "static", "locale"} & set(inner):
                yield path


def extract(root: Path = ROOT) -> Catalog:
    """Every marked string of the source, in the order of the files."""
    catalog = Catalog(project="Yurt", charset="utf-8")
    for path in source_files(root):
        name = path.relative_to(root).as_posix()
        for line, ids, comments, context in extract_from("python", _as_python(path), KEYWORDS, ["Translators:"]):
            catalog.add(ids, None, [(name, line)], auto_comments=comments, context=context)
    return catalog


def _as_python(path: Path) -> io.BytesIO:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # What stands around the strings is blotted out but keeps its indentation, which is no Python.
        text = "\n".join(line.lstrip() for line in templatize(text, origin=path.name).splitlines())
    return io.BytesIO(text.encode())


def catalogues(root: Path = ROOT) -> list[Path]:
    return sorted((root / "locale").glob("*/LC_MESSAGES/django.po"))


def read(path: Path) -> Catalog:
    """Raises `PoFileError` where the file is not one."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, abort_invalid=True)


def update(path: Path, template: Catalog) -> None:
    """New strings come in untranslated, vanished ones go; existing translations stay as they are."""
    language = path.parent.parent.name
    catalog = read(path) if path.exists() else Catalog(locale=language, header_comment=f"# Yurt in {language}")
    catalog.fuzzy = False
    catalog.project, catalog.version, catalog.language_team = "Yurt", "1", language
    catalog.last_translator = catalog.msgid_bugs_address = ""
    catalog.update(template, no_fuzzy_matching=True, update_creation_date=False, update_header_comment=False)
    catalog.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, include_lineno=False, ignore_obsolete=True, width=120)


def problems(path: Path, template: Catalog) -> list[str]:
    """What is wrong with one catalogue, a sentence each."""
    try:
        catalog = read(path)
    except PoFileError as error:
        return [f"{path}: {error}"]
    language = path.parent.parent.name
    found = [f"{path}: {text}" for text in _header_problems(catalog, language)]
    wanted, present = _keys(template), _keys(catalog)
    found += [f"{path}: not in the catalogue: {key[1]!r} (run `make messages`)" for key in wanted - present]
    found += [f"{path}: no longer in the source: {key[1]!r} (run `make messages`)" for key in present - wanted]
    complete = COMPLETE in catalog.header_comment.splitlines()
    for message in catalog:
        if message.id:
            found += [f"{path}: {text}: {message.id!r}" for text in _message_problems(message, catalog, complete)]
    return sorted(found)


def _header_problems(catalog: Catalog, language: str) -> Iterator[str]:
    if catalog.fuzzy:
        yield "the header is marked fuzzy, so gettext tools would leave the file out"
    expected = get_plural(Locale.parse(language))
    if catalog.num_plurals != expected.num_plurals:
        yield f"Plural-Forms says {catalog.num_plurals} forms, the language has {expected.num_plurals}"


def _message_problems(message: Message, catalog: Catalog, complete: bool) -> Iterator[str]:
    plural = isinstance(message.id, (list, tuple))
    ids = list(message.id) if plural else [str(message.id)]
    strings = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
    texts = [text or "" for text in strings]
    if message.fuzzy:
        yield "marked fuzzy"
    if plural and len(texts) != catalog.num_plurals:
        yield f"has {len(texts)} plural forms instead of {catalog.num_plurals}"
    if not all(texts):
        if complete or any(texts):
            yield "not translated"
        return
    allowed = set().union(*(_placeholders(i) for i in ids))
    for number, text in enumerate(texts):
        used = _placeholders(text)
        if used - allowed:
            yield f"placeholders that the source does not have: {', '.join(sorted(used - allowed))}"
        if "%(" in text and not _formats(text):
            yield "cannot be formatted: a stray % is written %%, a placeholder ends with a letter"
        # "One message" may leave the number out; the last form, for any other number, may not.
        lost = _placeholders(ids[-1]) - used
        if lost and number == len(texts) - 1:
            yield f"placeholders lost: {', '.join(sorted(lost))}"
        if text.startswith("\n") != ids[0].startswith("\n") or text.endswith("\n") != ids[0].endswith("\n"):
            yield "begins or ends with a line break where the source does not, or the other way round"


def _placeholders(text: str) -> set[str]:
    return {match[0] for match in _PLACEHOLDER.finditer(text)}


def _formats(text: str) -> bool:
    """Whether a text with ``%(name)s`` in it survives being formatted: no stray ``%``, no lost letter at the end."""
    try:
        text % {match["name"]: 0 for match in _PLACEHOLDER.finditer(text) if match["name"]}
    except (ValueError, TypeError, KeyError):
        return False
    return True


def _keys(catalog: Catalog) -> set[Key]:
    return {
        (message.context or "", *(message.id if isinstance(message.id, (list, tuple)) else (message.id, "")))
        for message in catalog
        if message.id
    }


def compile_all(root: Path = ROOT) -> list[Path]:
    """Write the .mo files that are older than their source; safe beside a running portal. Returns what was written."""
    written = []
    for path in catalogues(root):
        target = path.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= path.stat().st_mtime_ns:
            continue
        draft = target.with_suffix(f".{os.getpid()}")
        with draft.open("wb") as file:
            write_mo(file, read(path))
        draft.replace(target)
        written.append(target)
    return written


def main(words: Iterable[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("update", "check", "compile"))
    parser.add_argument("--root", type=Path, default=ROOT, help="another tree than this repository (an app of its own)")
    options = parser.parse_args(list(words))
    if options.action == "compile":
        compile_all(options.root)
        return 0
    if not settings.configured:
        settings.configure(INSTALLED_APPS=[], USE_I18N=False)
        django.setup()
    template = extract(options.root)
    if options.action == "update":
        for path in catalogues(options.root):
            update(path, template)
        return 0
    found = [line for path in catalogues(options.root) for line in problems(path, template)]
    print("\n".join(found) or f"{len(_keys(template))} messages, {len(catalogues(options.root))} catalogues in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
