"""Static files under names that carry their hash, so that browsers may keep them for good."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # whitenoise has no types
    support_js_module_import_aggregation = True  # modules import each other by their hashed names too
