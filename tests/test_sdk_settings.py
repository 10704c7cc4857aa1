"""The settings that the SDK adds: what it would pass over or trip over later ends the run before anything is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness import run_tap

if TYPE_CHECKING:
    from tap_yoc.sandbox.server import Sandbox

ENCODING = {"format": "jsonl", "compression": "gzip"}
STORAGE = {"root": "file:///nowhere"}
BATCH = {"encoding": ENCODING, "storage": STORAGE}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("batch_config", {**BATCH, "batchsize": 5}, " has an unknown entry batchsize (did you mean batch_size?)."),
        ("batch_config", {**BATCH, "batch_size": "many"}, ".batch_size must be a whole number of 1 or more."),
        ("batch_config", {**BATCH, "batch_size": 0}, ".batch_size must be a whole number of 1 or more."),
        ("batch_config", {"storage": STORAGE}, ".encoding.format is missing; it is required."),
        ("batch_config", {"encoding": ENCODING}, ".storage.root is missing; it is required."),
        (
            "batch_config",
            {**BATCH, "encoding": {**ENCODING, "compressionn": "gzip"}},
            ".encoding has an unknown entry compressionn (did you mean compression?).",
        ),
        (
            "batch_config",
            {**BATCH, "storage": {**STORAGE, "prefx": "a"}},
            ".storage has an unknown entry prefx (did you mean prefix?).",
        ),
        ("faker_config", {"sed": 5}, " has an unknown entry sed (did you mean seed?)."),
        ("stream_maps", {"__els__": None}, " has an unknown entry __els__ (did you mean __else__?)."),
        (
            "stream_maps",
            {"site_daily": {"__fliter__": "clicks > 0"}},
            ".site_daily has an unknown entry __fliter__ (did you mean __filter__?).",
        ),
        ("stream_maps", {"site_dayly": None}, ": there is no stream site_dayly (did you mean site_daily?)."),
    ],
)
def test_what_is_misspelt_within_a_setting_is_reported(
    sandbox: Sandbox, config: dict[str, Any], name: str, value: object, says: str
) -> None:
    """One sentence with what was meant, and no request."""
    run = run_tap({**config, name: value})
    assert run.exit_code == 2
    assert str(run.error) == f"Setting {name}{says}"
    assert sandbox.requests == []
