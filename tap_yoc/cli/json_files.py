"""Reading users' JSON files (config, catalog, state), including those written by Windows tools."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tap_yoc.errors import SettingsError


def read_json_file(path: str, what: str) -> dict[str, Any]:
    """Return the JSON object of a file.

    Raises:
        SettingsError: The file cannot be read, or contains something else.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"{what} {path} cannot be read ({error.strerror}).") from error
    return load_json_object(content, f"{what} {path}")


def load_json_object(content: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in a file, in UTF-8, or in UTF-16 or UTF-32, as PowerShell's `>` writes it.

    Raises:
        SettingsError: It is not a JSON object; names the file and the place, but does not quote it.
    """
    try:
        text = content.decode(json.detect_encoding(content)).lstrip("\ufeff")
        value = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        if not text.strip():
            raise SettingsError(f"{what} is empty; it must be a JSON object.") from None
        raise SettingsError(f"{what} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{what} must be text in UTF-8.") from None
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        value = None
    if not isinstance(value, dict):
        raise SettingsError(f"{what} must be a JSON object.")
    return value
