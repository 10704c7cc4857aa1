"""The text of `--about`: the SDK's lines, plus each setting's default and description."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from singer_sdk.about import TextFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.about import AboutInfo

WIDTH = 100


def about_text(info: AboutInfo) -> str:
    """Return the SDK's text about the tap, with the settings' descriptions and defaults."""
    required = info.settings.get("required", [])
    head = TextFormatter().format_about(replace(info, settings={}))
    settings = (
        "\n".join(_setting(name, schema, info.env_var_prefix, is_required=name in required))
        for name, schema in info.settings.get("properties", {}).items()
    )
    return head + "\n".join(settings)


def _setting(name: str, schema: dict[str, Any], env_var_prefix: str, *, is_required: bool) -> Iterator[str]:
    kinds = schema.get("type", [])
    words = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    words += [word for word, holds in (("required", is_required), ("secret", schema.get("secret"))) if holds]
    yield f"  - Name: {name}"
    yield f"    Type: {', '.join(words)}"
    if "enum" in schema:
        yield f"    Choices: {', '.join(map(str, schema['enum']))}"
    if (default := schema.get("default")) is not None:
        yield f"    Default: {default if isinstance(default, str) else json.dumps(default)}"
    yield f"    Environment Variable: {env_var_prefix}{name.upper()}"
    yield from textwrap.wrap(
        f"Description: {' '.join(schema.get('description', '').split())}",
        WIDTH,
        initial_indent=" " * 4,
        subsequent_indent=" " * 6,
        break_on_hyphens=False,
        break_long_words=False,
    )
