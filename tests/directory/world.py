"""A site with a staff directory (``slapd``)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from apps.directory.lookup.person import Person
from apps.directory.portal import BOOKS, PARTS, SOURCES
from apps.directory.services import outlines, people
from apps.directory.services.directories import clients
from portal.ldap.presets import PRESETS
from portal.ldap.sources import Source
from portal.registry import PortalApp
from portal.testing import with_apps
from scripts.servers.base import Workdir
from scripts.servers.slapd import ADMIN, ADMIN_PASSWORD, BASE
from scripts.servers.staff import Staff
from tests.support.servers import need

needs = [pytest.mark.needs_app("directory"), pytest.mark.slapd]


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Staff]:
    need(Staff)
    workdir = Workdir.create()
    server = Staff(workdir, **options)
    try:
        server.configure()
        server.start()
        yield server
    finally:
        server.stop()
        workdir.remove()


def source(server: Staff, name: str = "staff", **other: Any) -> Source:
    preset = PRESETS[server.layout]
    found = Source(
        name=name,
        title="Institute",
        url=server.tls_url,
        base=BASE,
        ca_file=str(server.ca_file),
        bind_dn=ADMIN,
        bind_password=ADMIN_PASSWORD,
        preset=preset,
        person_filter=preset.person_filter,
        attributes=preset.attributes,
        group_base=BASE,
        group_filter=preset.group_filter,
    )
    return replace(found, **other)


def use(settings: Any, *sources: Source) -> None:
    """These are the site's directories, and nothing is known of them yet."""
    for client in clients().values():
        client.close()
    people.forget()
    settings.DIRECTORIES = sources


@pytest.fixture
def site(settings: Any, staff: Staff) -> Staff:
    """One directory, whose outline has been read."""
    use(settings, source(staff))
    for client in clients().values():
        assert outlines.current(client, wait=60) is not None
    return staff


def one(query: str) -> Person:
    """The one person of these words."""
    found = people.search(people.Question(query=query))
    assert found.notes == ()
    [person] = [each for values in found.values.values() for each in values]
    return person


@pytest.fixture
def offered() -> Iterator[None]:
    """What the portal has of the app where a site has named a directory: this one has been started without."""
    with with_apps(PortalApp(id="named", title="", address_books=BOOKS, card_sources=SOURCES, person_parts=PARTS)):
        yield
