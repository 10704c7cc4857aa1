"""The settings in environment variables, and variables that look like settings but are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_yoc.errors import SettingsError
from tap_yoc.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "TAP_YOC_"
LOG_LEVEL = f"{PREFIX}LOGLEVEL"
OF_AN_ACCOUNT = ("CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD", "REFRESH_TOKEN", "TOKEN_CACHE", "API_URL")


def environment_config(schema: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings in the environment, as text.

    Raises:
        SettingsError: A variable looks like a setting but is not; names it, but not its value.
    """
    variables = {f"{PREFIX}{name.upper()}": name for name in schema["properties"]}
    known = [*variables, LOG_LEVEL]
    objects = [
        variable for variable, name in variables.items() if "object" in schema["properties"][name].get("type", ())
    ]
    # Meltano also sets variables of its own, such as TAP_YOC__SELECT, and the parts of a setting that is an object.
    others = (*_other_accounts(environ, known), *(f"{variable}_" for variable in objects if variable in environ))
    for variable in environ:
        if not variable.upper().startswith(PREFIX) or variable in known or variable.startswith(others):
            continue
        if "__" not in variable or variable.replace("__", "_") in known:
            raise SettingsError(f"There is no variable {variable}{did_you_mean(variable.upper(), known)}.")
    return {name: environ[variable] for variable, name in variables.items() if variable in environ}


def _other_accounts(environ: Mapping[str, str], known: list[str]) -> tuple[str, ...]:
    """Return the prefixes of other accounts' variables, such as `TAP_YOC_SOUTH_`, if they contain a login."""
    begins = {name.removesuffix(part) for name in environ for part in OF_AN_ACCOUNT if name.endswith(f"_{part}")}
    return tuple(
        begin
        for begin in begins
        if begin.startswith(PREFIX)
        and not begin.endswith("__")
        and not any(variable.startswith(begin) for variable in known)
    )
