"""Reading the JSON files that users hand over: config, catalog, state."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tap_yoc.errors import SettingsError


def read_json_file(path: str, what: str) -> dict[str, Any]:
    """Return the JSON object of a file.

    Raises:
        SettingsError: The file cannot be read, or holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{what} {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError:
        text = ""
    return load_json_text(text, f"{what} {path}")


def load_json_text(text: str, what: str) -> dict[str, Any]:
    """Return the JSON object that a text is.

    Raises:
        SettingsError: It is no JSON object; names the text's role, and not its content.
    """
    try:
        content = json.loads(text, parse_float=Decimal)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise SettingsError(f"{what} must be a JSON object.")
    return content
