"""Rules for the whole suite: real servers, no network beyond loopback, and no quiet skips in CI."""

from __future__ import annotations

pytest_plugins = ["tests.support.servers"]
