"""The setting `stream_maps`: checked before any request, and applied to the selected streams."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tap_yoc.errors import SettingsError
from tap_yoc.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from singer_sdk.mapper import PluginMapper
    from singer_sdk.singerlib import Catalog


def check_stream_maps(maps: Mapping[str, Any], streams: Collection[str]) -> None:
    """Check that the streams of the maps exist, and that the packages for their expressions are installed.

    Raises:
        SettingsError: A map has no stream, or needs a package that is missing.
    """
    for name, definition in maps.items():
        is_mapping = isinstance(definition, dict)
        source = str(definition.get("__source__", name)) if is_mapping else name
        if not name.startswith("__") and not any(fnmatch(stream, source) for stream in streams):
            raise SettingsError(f"Setting stream_maps: there is no stream {source}{did_you_mean(source, streams)}.")
        if is_mapping and not find_spec("faker") and "fake" in _names_in(definition):
            raise SettingsError("Setting stream_maps: fake needs another package: pip install faker.")


def _names_in(definition: Mapping[str, Any]) -> Iterator[str]:
    for expression in definition.values():
        try:
            tree = ast.parse(str(expression))
        except (SyntaxError, ValueError, RecursionError):  # the SDK reports what is wrong
            continue
        yield from (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def register(mapper: PluginMapper, catalog: Catalog) -> None:
    """Register the streams of a catalog; only selected ones get their maps, because the others have no columns."""
    maps = mapper.stream_maps_dict
    for is_selected in (True, False):
        mapper.stream_maps_dict = maps if is_selected else {}
        mapper.register_raw_streams_from_catalog(
            type(catalog)(
                (name, entry)
                for name, entry in catalog.items()
                if bool(entry.metadata.resolve_selection()[()]) is is_selected
            )
        )
    mapper.stream_maps_dict = maps
