"""How a life's server answers: forms of the sandbox, drawn at random and changed now and then."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tap_yoc.sandbox.forms import Forms

if TYPE_CHECKING:
    import random

DRAWN_APART = {
    "max_in_flight": (0,),
    "latency_ms": (0,),  # would really wait
    "page_cap": (0, 0, 0, 7, 13),
    "expires_in": (3600, 3600, 300, 45),
    "rate_limit_retry_after": ("",),
    # Where nobody counts, the end of a report has to be proven.
    "total": ("total", "none", "none", "page_count", "header", "count", "pagination", "meta"),
    "past_end": ("empty", "204", "404", "last"),
}
KEPT_FOR_LIFE = ("account", "columns", "types", "rotation")
"""What changes the columns changes at an event of its own."""
SHARE_ODD = 0.4


def drawn_forms(rng: random.Random, before: Forms | None = None) -> Forms:
    """Return forms, each of them odd with some probability; what belongs to the account stays as it was."""
    changes: dict[str, object] = {}
    for item in fields(Forms):
        if before is not None and item.name in KEPT_FOR_LIFE:
            changes[item.name] = getattr(before, item.name)
        elif item.name in DRAWN_APART:
            changes[item.name] = rng.choice(DRAWN_APART[item.name])
        elif rng.random() < SHARE_ODD:
            changes[item.name] = rng.choice(item.metadata.get("choices") or (False, True))
    if changes.get("account") == "none" or (before is None and changes.get("account") != "full"):
        changes["account"] = "narrow" if rng.random() < 0.3 else "full"
    if changes.get("columns") == "old" and before is None:
        changes["columns"] = rng.choice(["old", "current"])
    return Forms(**changes)  # type: ignore[arg-type]  # values are checked when built
