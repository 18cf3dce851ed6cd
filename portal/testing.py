"""For the tests of the portal and of apps that stand in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portal import registry
from portal.registry import PortalApp, Registry


@contextmanager
def override_registry(*apps: PortalApp) -> Iterator[Registry]:
    """Within the block, the portal consists of exactly these apps."""
    registry._override.append(Registry(apps))
    try:
        yield registry.get_registry()
    finally:
        registry._override.pop()


@contextmanager
def with_apps(*apps: PortalApp) -> Iterator[Registry]:
    """Within the block, these apps are there as well."""
    with override_registry(*registry.get_registry().apps, *apps) as changed:
        yield changed
