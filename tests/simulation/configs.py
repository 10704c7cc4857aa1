"""The settings of a life, as a user may have them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_yoc.sandbox.world import CREDENTIALS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from datetime import date

    from simulation.streams import Stream

OWN = "own"
DAYS_SERVED = 180
"""So many at least: an account with a longer history shows where the days served begin."""


def drawn_config(
    rng: random.Random,
    *,
    url: str,
    zone: str,
    streams: Sequence[Stream],
    lookback_days: int,
    first_morning: date,
    history_days: int,
    is_long: bool,
    folder: str,
    bought_refresh_token: Callable[[], str],
) -> dict[str, Any]:
    """Return settings for some streams; `is_long` keeps the pages of a life of many days few."""
    config: dict[str, Any] = {
        **CREDENTIALS,
        "api_url": url,
        "auth_url": url,
        "standard_reports": [stream.name for stream in streams if stream.name != OWN],
        "lookback_days": lookback_days,
        "timezone": zone,
        "page_size": rng.choice(
            [80, 200] if is_long else [12, 30, 80, 200] if history_days > 25 else [3, 3, 5, 12, 80]
        ),
        "window_days": rng.choice([1, 2, 3, 7, 31]),
        "concurrency": rng.choice([1, 1, 2, 4]),
        "on_incomplete_day": rng.choice(["warn", "fail", "fail"]),
        "client_auth": rng.choice(["body", "basic"]),
        "auth_format": rng.choice(["json", "form"]),
    }
    if history_days <= 25 and any(stream.query for stream in streams):
        config["page_size"] = 3  # nothing but its pages shows whether a filtered report is complete
    # The days that a run warns of are all in the last line as JSON only.
    config["summary_format"] = "json" if config["on_incomplete_day"] == "warn" else rng.choice(["json", "text"])
    if rng.random() < (0.8 if history_days > DAYS_SERVED else 0.2):
        config["window_days"] = 31  # over six months, most of them empty
    else:
        config["start_date"] = str(first_morning - timedelta(days=rng.randrange(1, history_days + 5)))
    config["reports"] = [_own_report(stream) for stream in streams if stream.name == OWN]
    if rng.random() < 0.6:
        config["token_cache"] = str(Path(folder) / "tokens.json")
        if rng.random() < 0.5:
            del config["username"], config["password"]
            config["refresh_token"] = bought_refresh_token()
    return config


def _own_report(stream: Stream) -> dict[str, Any]:
    report: dict[str, Any] = {
        "name": stream.name,
        "group_by": list(stream.group_by),
        "data_fields": [*stream.figures, *stream.splitting],
        "lookback_days": stream.lookback_days,
    }
    return {**report, "query": stream.query} if stream.query else report
