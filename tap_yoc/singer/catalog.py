"""The catalog that selects streams and columns: its format, and its differences from the account."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import Catalog

from tap_yoc.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from singer_sdk import Stream


def read_catalog(content: Mapping[str, Any]) -> Catalog:
    """Return the catalog in a file.

    Raises:
        SettingsError: It is not a catalog, or a `selected` is neither true nor false.
    """
    try:
        _ = content["streams"]
        catalog = Catalog.from_dict(dict(content))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SettingsError("The catalog does not come from --discover; run --discover again.") from None
    for entry in catalog.streams:
        # Any text would count as selected, even "false".
        if not all(isinstance(metadata.selected, (bool, NoneType)) for metadata in entry.metadata.values()):
            raise SettingsError(
                f"In the catalog, selected of stream {entry.tap_stream_id} must be true or false, without quotes."
            )
    return catalog


def warn_of_differences(catalog: Catalog | None, streams: Mapping[str, Stream], warn: Callable[[str], object]) -> None:
    """Warn about selected streams that do not exist, and about the account's columns that the catalog lacks."""
    if catalog is None:
        return
    lacking: dict[str, list[str]] = {}
    for entry in catalog.streams:
        stream = streams.get(entry.tap_stream_id)
        if stream is None:
            if entry.metadata.root.selected:
                warn(f"The catalog selects {entry.tap_stream_id}, which does not exist; it is left out.")
        elif stream.selected:
            for column in stream.schema["properties"].keys() - (entry.schema.properties or {}).keys():
                lacking.setdefault(column, []).append(stream.name)
    if lacking:
        columns = "; ".join(f"{column} ({', '.join(names)})" for column, names in sorted(lacking.items()))
        warn(f"The catalog lacks columns that the account has: {columns}. Run --discover again to read them.")
