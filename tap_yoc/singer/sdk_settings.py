"""Checks of the settings that the SDK adds, before any request: the SDK checks them late, or not at all."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fsspec import get_filesystem_class
from fsspec.utils import get_protocol

from tap_yoc.errors import SettingsError
from tap_yoc.singer.stream_maps import check_stream_maps
from tap_yoc.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAP_OPTIONS = ("__alias__", "__else__", "__filter__", "__key_properties__", "__source__")
PARTS = {"encoding": ("format", "compression"), "storage": ("root", "prefix", "params")}
REQUIRED = {"encoding": "format", "storage": "root"}


def check_sdk_settings(config: Mapping[str, Any], streams: Collection[str]) -> None:
    """Check the settings for batches, stream maps and fake values, given the names of all streams.

    Raises:
        SettingsError: A name is unknown, something is missing, or a package is.
    """
    if batch := config.get("batch_config"):
        _check_batch_config(batch)
    _check_entries("faker_config", config.get("faker_config") or {}, ("seed", "locale"))
    maps = config.get("stream_maps") or {}
    _check_entries("stream_maps", [name for name in maps if name.startswith("__")], ("__else__",))
    for name, definition in maps.items():
        options = [key for key in definition if key.startswith("__")] if isinstance(definition, dict) else []
        _check_entries(f"stream_maps.{name}", options, MAP_OPTIONS)
    check_stream_maps(maps, streams)


def _check_batch_config(batch: Mapping[str, Any]) -> None:
    _check_entries("batch_config", batch, (*PARTS, "batch_size"))
    for part, known in PARTS.items():
        _check_entries(f"batch_config.{part}", batch.get(part) or {}, known)
        if not (batch.get(part) or {}).get(REQUIRED[part]):
            raise SettingsError(f"Setting batch_config.{part}.{REQUIRED[part]} is missing; it is required.")
    size = batch.get("batch_size")
    if size is not None and (not isinstance(size, int) or size < 1):
        raise SettingsError("Setting batch_config.batch_size must be a whole number of 1 or more.")
    if batch["encoding"]["format"] == "parquet" and not find_spec("pyarrow"):
        raise SettingsError("Setting batch_config: parquet needs another package: pip install pyarrow.")
    try:
        get_filesystem_class(get_protocol(batch["storage"]["root"]))
    except (ImportError, ValueError) as error:
        raise SettingsError(f"Setting batch_config.storage.root: {str(error).rstrip('.')}.") from error


def _check_entries(setting: str, given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise SettingsError(f"Setting {setting} has an unknown entry {name}{did_you_mean(name, known)}.")
