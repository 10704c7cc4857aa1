"""The state of earlier runs: its format, and states of other taps."""

from __future__ import annotations

from typing import Any

from tap_yoc.errors import SettingsError


def check_state(state: Any) -> None:  # noqa: ANN401 - any JSON
    """Check that a state has this tap's format.

    Raises:
        SettingsError: It does not.
    """
    bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
    is_foreign = bool(state) and "bookmarks" not in state
    if is_foreign or not isinstance(bookmarks, dict) or not all(isinstance(mark, dict) for mark in bookmarks.values()):
        raise SettingsError(
            'The state must look like {"bookmarks": {"site_daily": {…}}}: the value of the last STATE message.'
        )
    for stream, mark in bookmarks.items():
        # The SDK reads both, but only other taps write them.
        if mark.get("partitions", []) != [] or not isinstance(mark.get("progress_markers", {}), dict):
            raise SettingsError(
                f"The state of stream {stream} belongs to another tap; remove the stream's entry to read it from the "
                f"start."
            )
