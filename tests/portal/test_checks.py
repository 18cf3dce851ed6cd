from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from portal import checks
from portal.conf import BaseUrl, Environment, Problem


def test_this_tree_has_nothing_to_complain_of() -> None:
    assert [found for found in run_checks() if not found.is_silenced()] == []


def test_a_wrong_setting_is_an_error_with_name_and_cure(settings) -> None:
    settings.CONFIG = Environment({}, problems=[Problem("PORT", "write a number.")])
    (found,) = checks.settings_are_readable(None)
    assert (found.id, found.msg, found.hint, found.is_serious()) == (
        "portal.E001",
        "PORT is wrong.",
        "write a number.",
        True,
    )
    with pytest.raises(SystemExit, match="PORT: write a number"):
        checks.require_valid_settings()


def test_apps_that_contradict_each_other_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def contradiction() -> None:
        raise ImproperlyConfigured("The block id 'x' is claimed by both one and two.")

    monkeypatch.setattr("portal.registry.get_registry", contradiction)
    (found,) = checks.apps_register(None)
    assert found.id == "portal.E002"
    assert "both one and two" in found.msg


@pytest.mark.parametrize(
    ("host", "proxies", "origin", "warned"),
    [
        ("127.0.0.1", [], "", False),
        ("0.0.0.0", [], "", True),
        ("127.0.0.1", ["10.0.0.1"], "", True),
        ("0.0.0.0", ["10.0.0.1"], "https://mail.example.org", False),
    ],
)
def test_a_site_beyond_this_machine_needs_its_address(
    settings, host: str, proxies: list[str], origin: str, warned: bool
) -> None:
    settings.HOST, settings.TRUSTED_PROXIES, settings.BASE_URL = host, proxies, BaseUrl(origin=origin)
    assert [found.id for found in checks.site_address_is_known(None)] == (["portal.W001"] if warned else [])


@pytest.mark.django_db
def test_the_database_of_the_tests_tells_logins_apart() -> None:
    assert checks.database_tells_logins_apart(None, databases=["default"]) == []
