"""Rules for the whole suite: no network beyond loopback, no quiet skips in CI, no tests for apps that are not there."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from scripts.messages import compile_all
from tests.support import sample, zones

pytest_plugins = ["tests.support.servers", "tests.support.site", "tests.support.people"]

TESTS = Path(__file__).parent
collect_ignore = ["dummyapp"]  # a package with tests of its own; tests/portal/test_dummyapp.py runs them
#: The reasons for which a test may be skipped in CI. The corpora are too large, and not ours, to be kept here.
#: Where root itself gets no network namespaces, no package helps; where the kernel gives them, their tests run.
ALLOWED_SKIPS = {"shared corpora absent", zones.REFUSED}
SERVER_FIXTURES = {
    "dovecot": {"dovecot", "own_dovecot"},
    "cyrus": {"cyrus"},
    "submission": {"submission"},
    "mariadb": {"mariadb"},
    "redis": {"redis"},
    "slapd": {"slapd", "own_slapd", "staff"},
    "browser": {"browser"},
    "database": {"db", "transactional_db", "django_db_setup"},
}


def pytest_configure() -> None:
    compile_all()
    sys.addaudithook(_stay_on_this_machine)


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Answer the way a machine without network does."""
    if event == "socket.getaddrinfo" and not _is_here(arguments[0]) and not _is_address(arguments[0]):
        raise socket.gaierror(socket.EAI_NONAME, f"tests do not resolve {arguments[0]!r}")
    if event in {"socket.connect", "socket.sendto"}:
        connection, address = arguments
        if connection.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            raise OSError(101, f"tests do not connect to {address!r}")


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not name or name == "localhost" or name.endswith(".localhost") or name == socket.gethostname():
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_address(host: str | bytes) -> bool:
    """Whether there is nothing to resolve."""
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return True


@pytest.fixture(autouse=True, scope="session")
def registry_as_started() -> None:
    """Apps register once, at the start: never while a test has other settings."""
    from portal.registry import get_registry

    get_registry()


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    """No test knows what another one has left there: wrong passwords count by address. What the site asks once in a
    minute, each knows from its start: else who comes first would pay a query more."""
    from django.core.cache import cache

    from portal.notices import ANY_URGENT

    cache.clear()
    cache.set(ANY_URGENT, False, None)


def absent_apps() -> set[str]:
    """Apps of this repository that the settings matrix has left out."""
    from django.conf import settings

    ours = {path.parent.name for path in (TESTS.parent / "apps").glob("*/__init__.py")}
    return {name for name in ours if f"apps.{name}" not in settings.INSTALLED_APPS}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """The tests of an app that is not installed are not even imported: its models could not be."""
    return True if collection_path.parent == TESTS and collection_path.name in absent_apps() else None


def _on_dovecot(name: str) -> str:
    return name.replace("pymap_server", "dovecot")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = absent_apps()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    ids = {item.nodeid for item in items}
    both = {_on_dovecot(name) for name in ids if "pymap_server" in name} & ids
    for item in items:
        on_dovecot = _on_dovecot(item.nodeid)
        if (item.nodeid != on_dovecot and on_dovecot in both) or (
            "cyrus" in item.nodeid and item.nodeid.replace("cyrus", "dovecot") in ids
        ):
            item.add_marker("again")
        fixtures = set(getattr(item, "fixturenames", ()))
        for marker, names in SERVER_FIXTURES.items():
            if fixtures & names:
                item.add_marker(marker)
        if item.get_closest_marker("django_db"):
            item.add_marker("database")
        needed = {name for marker in item.iter_markers("needs_app") for name in marker.args}
        server = "dovecot" if item.nodeid == on_dovecot else "pymap_server"
        in_browser = item.get_closest_marker("browser") is not None
        other_server = in_browser and on_dovecot in both and not sample.runs_before(server, on_dovecot)
        long_form = item.get_closest_marker("soak") and "soak" not in config.option.markexpr
        other_third = not sample.holds(item.nodeid.partition("::")[0].removeprefix("tests/"))
        (left_out if needed & absent or long_form or other_third or other_server else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _forbidden_skip(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why this report must not stand in CI; empty when it may."""
    if os.environ.get("CI") != "true" or not report.skipped:
        return ""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    return "" if reason in ALLOWED_SKIPS else f"skipped in CI, where nothing may be: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if why := _forbidden_skip(report):
        report.outcome, report.longrepr = "failed", why
        report.__dict__.pop("wasxfail", None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if why := _forbidden_skip(report):
        report.outcome, report.longrepr = "failed", why
    return report
