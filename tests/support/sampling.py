"""How many made-up cases a test tries: the same ones in every run, and many more by night."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("TAP_YOC_EXAMPLES", "1"))
"""How many times as many cases as usual: set by the nightly run."""

settings.register_profile(
    "tests",
    max_examples=100 * TIMES,
    deadline=None,  # a busy machine is no failure
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def examples(count: int) -> settings:
    """Return the settings of a test that takes so many cases, by night more."""
    return settings(settings.get_profile("tests"), max_examples=count * TIMES)


def seeds(count: int) -> range:
    """Return so many seeds, by night more."""
    return range(count * TIMES)
