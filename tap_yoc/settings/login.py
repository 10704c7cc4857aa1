"""The login: which settings it needs, and where to set them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from tap_yoc.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLIENT = ("client_id", "client_secret")
USER = ("username", "password")
PLACEHOLDERS = {
    "client_id": "your-client-id",
    "client_secret": "your-client-secret",
    "username": "reporting@publisher.example",
    "password": "your-password",
}
"""The placeholders in sample_config.json and .env.example."""
UNFILLED = r"\$\{\w+\}|\{\{.*\}\}"
"""Placeholders of templates."""


def check_login(config: Mapping[str, Any]) -> None:
    """Check that there is a login, before anything is sent.

    Raises:
        SettingsError: A setting is missing, or is still a placeholder.
    """
    if config.get("refresh_token") and not config.get("token_cache"):
        raise SettingsError("Setting refresh_token needs token_cache too, because the token changes with every use.")
    if missing := missing_of(config):
        raise missing_settings(missing)
    examples = [
        name
        for name in (*CLIENT, *USER, "refresh_token")
        if (value := config.get(name)) and (value == PLACEHOLDERS.get(name) or re.fullmatch(UNFILLED, str(value)))
    ]
    if examples:
        raise SettingsError(f"Not filled in: {', '.join(examples)}; replace the example's login with your own.")


def missing_of(config: Mapping[str, Any]) -> list[str]:
    """Return the settings that are missing for a login."""
    wanted = CLIENT if config.get("refresh_token") else (*CLIENT, *USER)
    return [name for name in wanted if not config.get(name)]


def missing_settings(names: Sequence[str]) -> SettingsError:
    """Return the error that names all missing settings and says where to set them, with or without Meltano."""
    listed, first = ", ".join(names), names[0].upper()
    if plugin := os.environ.get("MELTANO_EXTRACTOR_NAME"):
        variable = f"{plugin.replace('-', '_').upper()}_{first}"
        return SettingsError(
            f"Missing: {listed}; set the login in the project's .env ({variable} and so on), or use: "
            f"meltano config set --interactive {plugin}"
        )
    return SettingsError(
        f"Missing: {listed}; set the login in the --config file, or with --config=ENV in TAP_YOC_{first} and so on."
    )
