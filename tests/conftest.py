"""Settings of the property tests: how long an example takes is no promise, and a slow machine fails no test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("promises", deadline=None)
settings.load_profile("promises")
