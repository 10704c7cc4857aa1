"""Who is right: the rows that came out beside those that are there; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.measure import ENDLESS
from benchmarks.work import COUNTRIES, DIMENSIONS, METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.measure import Run
    from benchmarks.work import Work

RIGHT = "right"
FAILS = "fails, and says so"
NUMBERS = [name for name, kind in {**DIMENSIONS, **METRICS}.items() if kind in {"INTEGER", "FLOAT", "DECIMAL"}]


def judge(work: Work, run: Run, rows: Iterable[dict[str, Any]]) -> str:
    """Return in words how a contender fared.

    What comes again under its key counts once, the last time, as targets have it.
    """
    if run.stopped:
        return "never ends" if run.stopped == ENDLESS else "does not come to an end in time"
    if run.exit_code:
        return FAILS
    found: dict[tuple[str, int, str], int] = {}
    are_text = False
    for row in rows:
        are_text = are_text or any(isinstance(row[name], str) for name in NUMBERS)
        found[str(row["date"])[:10], int(row["ad_unit_visx_id"]), row["country"]] = int(row["impressions"])
    expected = dict(_expected(work))
    if missing := len(expected.keys() - found.keys()):
        return f"**loses {missing:,} of {work.rows:,} rows**, in silence"
    if found != expected:
        return "**other rows than there are**, in silence"
    return "numbers stay text" if are_text else RIGHT


def _expected(work: Work) -> Iterator[tuple[tuple[str, int, str], int]]:
    for day in work.within(work.first, work.last):
        for number, figures in enumerate(work.figures):
            unit, country = divmod(number, len(COUNTRIES))
            yield (day.isoformat(), 300_000 + unit, COUNTRIES[country]), figures["impressions"]
