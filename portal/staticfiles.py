"""Static files under names that carry their hash, so that browsers may keep them for good: few of them, and small.

The style sheets of the apps, which every page has, are one with that of the frame, and a script is one with what it
imports (``portal.bundles``). In DEBUG all are served as they were written.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.conf import settings
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from portal.bundles import UnknownForm, bundle
from portal.registry import get_registry
from portal.squeeze import squeezed_css, squeezed_script

FRAME_SHEET = "portal/css/yurt.css"
_FIRST = re.compile(r"@(?:import|charset|namespace)\b")  # means something at the beginning of a sheet only
_ADDRESS = re.compile(r"""url\((?P<quote>["']?)(?!["'/#]|[\w+.-]+:)(?P<path>[^"')]+)(?P=quote)\)""")


class _Written(NamedTuple):
    """What Django takes for the storage of a file that it collects."""

    text: str

    def open(self, _path: str) -> ContentFile[bytes]:
        return ContentFile(self.text.encode())


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # whitenoise has no types
    support_js_module_import_aggregation = True  # what is still imported is so by its hashed name

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._urls: dict[str, str] = {}  # a page names some twenty files, and their names never change in a process

    def url(self, name: str, force: bool = False) -> str:
        if (known := self._urls.get(name)) is None or settings.DEBUG:
            known = self._urls[name] = super().url(name, force)
        return known

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        if not dry_run:
            files = _Files(paths)
            sheets = [FRAME_SHEET, *(path for app in get_registry().apps for path in app.stylesheets)]
            self._joined = [name for name in sheets if name in paths and not _FIRST.search(files.read(name))]
            paths = paths | {name: (_Written(text), name) for name, text in files.made(self._joined)}
        yield from super().post_process(paths, dry_run, **options)

    def save_manifest(self) -> None:
        self.hashed_files |= dict.fromkeys(self._joined, self.hashed_files[FRAME_SHEET])
        super().save_manifest()


class _Files:
    """The files as their authors wrote them."""

    def __init__(self, paths: dict[str, Any]) -> None:
        self._paths = paths

    def read(self, name: str) -> str:
        storage, path = self._paths[name]
        with storage.open(path) as file:
            text: str = file.read().decode("utf-8")
        return text

    def made(self, joined: list[str]) -> Iterator[tuple[str, str]]:
        """Name and text of what is served in another form."""
        for name in self._paths:
            if name == FRAME_SHEET:
                yield name, "".join(squeezed_css(self._moved(sheet)) for sheet in joined)
            elif name.endswith(".css"):
                yield name, squeezed_css(self.read(name))
            elif name.endswith(".js"):
                yield name, self._script(name)

    def _moved(self, sheet: str) -> str:
        """A sheet whose addresses hold from the place of the frame's."""

        def moved(found: re.Match[str]) -> str:
            name = posixpath.join(posixpath.dirname(sheet), found["path"])
            return f'url("{posixpath.relpath(name, posixpath.dirname(FRAME_SHEET))}")'

        return _ADDRESS.sub(moved, self.read(sheet))

    def _script(self, name: str) -> str:
        script = self.read(name)
        if not re.search(r"^(?:import|export)\b", script, re.MULTILINE):
            return squeezed_script(name, script)  # no module
        try:
            return bundle(name, self.read)
        except (UnknownForm, KeyError):  # KeyError: there is no such file, and Django will say so
            return squeezed_script(name, script)
