"""The raw configuration: converts text to each setting's type, fills in defaults, and checks the schema.

Pure; `parsing.py` checks what the values mean.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from tap_yoc.errors import SettingsError
from tap_yoc.exact_json import refuse_constant
from tap_yoc.settings.login import missing_of, missing_settings
from tap_yoc.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator


def coerced_config(raw: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with every setting in its type, and with defaults for missing settings.

    Environment variables contain everything as text: `"7"`, `"[{…}]"`. Empty optional settings count as missing.

    Raises:
        SettingsError: A setting is unknown, missing or of the wrong type; names the setting, never its value.
    """
    config = _tidied(raw, schema)
    _fill_in_and_check(config, schema)
    return config


def _tidied(raw: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with text converted to each setting's type, without empty optional settings."""
    tidy: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in schema["properties"]:
            raise SettingsError(f"There is no setting {name}{did_you_mean(name, schema['properties'])}.")
        if isinstance(value, str) and not _is_unicode(value):
            raise SettingsError(f"Setting {name} must be text in UTF-8.")
        kinds = _kinds(schema["properties"].get(name, {}))
        if value is None or (value == "" and name not in schema.get("required", ())):
            continue
        tidy[name] = value
        if isinstance(value, str) and "string" not in kinds and kinds:
            try:
                read = json.loads(
                    value.strip().lower() if "boolean" in kinds else value, parse_constant=refuse_constant
                )
                tidy[name] = _nested(read) if "object" in kinds and isinstance(read, dict) else read
            except ValueError:
                raise SettingsError(f"Setting {name} must be {_wanted(schema['properties'][name])}.") from None
    return tidy


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Undo how Meltano flattens a mapping in a variable: `{"a.b": 1}` becomes `{"a": {"b": 1}}`.

    Raises:
        ValueError: A name is both a value and a mapping.
    """
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *outer, name = path.split(".")
        place = nested
        for step in outer:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise ValueError(path)  # noqa: TRY004 - it is the text that is wrong
        if name in place:
            raise ValueError(path)
        place[name] = value
    return nested


def _is_unicode(text: str) -> bool:
    """Return whether text can be encoded; bytes of a variable that are not UTF-8 become lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _with_defaults(
    validator: Validator,
    properties: Mapping[str, Any],
    instance: object,
    schema: dict[str, Any],
) -> Iterator[ValidationError]:
    """Check the properties of a mapping as JSON Schema does, after filling in defaults."""
    if isinstance(instance, dict):
        for name, wanted in properties.items():
            if "default" in wanted:
                instance.setdefault(name, wanted["default"])
    yield from Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)


_Validator = extend(Draft202012Validator, {"properties": _with_defaults})  # type: ignore[no-untyped-call] # the stubs have no types for it


def _fill_in_and_check(config: dict[str, Any], schema: dict[str, Any]) -> None:
    """Fill in the defaults, and turn the first error of the JSON Schema validator into a sentence."""
    for error in _Validator(schema).iter_errors(config):
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            if place := ".".join(map(str, error.path)):
                raise SettingsError(f"Setting {place}.{missing[0]} is missing; it is required.")
            raise missing_settings(missing_of(config))
        name = str(error.path[0]) if error.path else "?"
        place = ".".join(map(str, error.path)) or name
        wanted = _wanted(error.schema if isinstance(error.schema, dict) else {})
        raise SettingsError(f"Setting {place} must be {wanted}.")


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    kinds = schema.get("type", ())
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _wanted(schema: Mapping[str, Any]) -> str:
    """Return in words what a JSON Schema requires."""
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    kinds = _kinds(schema)
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list",
        "object": "a mapping",
        "string": "text",
    }
    kind = next((word for name, word in words.items() if name in kinds), "of another kind")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    if schema.get("exclusiveMinimum") is not None:
        return f"{kind} above {schema['exclusiveMinimum']}"
    return f"{kind} of {low} or more" if low is not None else kind
