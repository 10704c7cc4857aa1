"""Every plausible form of the API's answers gives right rows, over real HTTP, without a change in code or settings."""

from __future__ import annotations

from datetime import date
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from harness import assert_equal_to_source, run_tap
from pairwise import pairwise

if TYPE_CHECKING:
    from tap_yoc.sandbox.server import Sandbox

FIRST = date(2026, 6, 1)
REPORT = {
    "name": "campaigns",
    "group_by": ["date", "country"],
    "data_fields": ["impressions", "is_publisher_campaign", "ctr_percent"],
}

# Every two of these meet in a run. Paging alone, in all combinations, is what `test_pagination.py` is about.
CHOICES: dict[str, tuple[dict[str, Any], ...]] = {
    "envelope": tuple(
        {"envelope": form} for form in ("data", "bare", "items", "results", "rows", "records", "nested", "other")
    ),
    "total": ({}, {"total": "none"}, {"total": "page_count"}, {"total": "elsewhere"}),
    "total as text": ({}, {"total_as_text": True}),
    "first page": ({}, {"first_page": 0}, *({"before_first": form} for form in ("first", "empty", "404"))),
    "past end": ({}, *({"past_end": form} for form in ("204", "404", "last"))),
    "cap": ({}, {"page_cap": 7}, {"page_cap": 13}),
    "numbers": ({}, {"numbers": "text"}),
    "dates": ({}, *({"dates": form} for form in ("datetime", "datetime_space", "datetime_z"))),
    "missing": ({}, *({"missing": form} for form in ("empty", "absent"))),
    "booleans": ({}, *({"booleans": form} for form in ("int", "text_int", "text"))),
    "types": ({}, *({"types": form} for form in ("lower", "odd"))),
    "blanks": ({}, {"metadata_blanks": False}, {"row_blanks": True}),
    "sessions": ({}, {"login_ends_sessions": True}),
    "sort": ({}, {"stable_sort": True}),
    "errors": ({}, {"errors": "html"}, {"errors": "empty"}),
    "lifetime": ({}, {"expires_in_as": "text"}, {"expires_in_as": "absent"}),
    "compression": ({}, {"compression": "none"}),
    "concurrency": ({"concurrency": 8}, {"concurrency": 1}),
}
ELSEWHERE = ("total_count", "count", "total_items", "pagination", "paging", "meta", "header")
"""Where a total may also be, each of these in a run of its own."""


def runs() -> list[dict[str, Any]]:
    """Return the forms of each run."""
    table = [{name: value for choice in row.values() for name, value in choice.items()} for row in pairwise(CHOICES)]
    elsewhere = [row for row in table if row.get("total") == "elsewhere"]
    assert len(elsewhere) >= len(ELSEWHERE)
    for row, place in zip(elsewhere, cycle(ELSEWHERE), strict=False):
        row["total"] = place
    # An empty list under an unknown name is no evidence of anything.
    return [
        *table,
        {"envelope": "other", "before_first": "empty", "total": "none", "past_end": "404"},
        {"envelope": "other", "before_first": "empty"},
    ]


def named(form: dict[str, Any]) -> str:
    """Name a row of the table."""
    return ",".join(f"{name}={value}" for name, value in form.items())


@pytest.mark.parametrize("form", runs(), ids=named)
def test_right_rows_in_every_form(sandbox: Sandbox, config: dict[str, Any], form: dict[str, Any]) -> None:
    """Whatever form the answers have, the tables equal the source and nothing is warned of as missing."""
    settings = {"page_size": 40, "window_days": 6, "concurrency": form.get("concurrency", 8), "reports": [REPORT]}
    sandbox.forms = sandbox.forms.but({name: value for name, value in form.items() if name not in settings})
    run = run_tap({**config, **settings}, streams=["site_daily", "campaigns", "ad_units"])
    assert run.exit_code == 0, run.log
    assert_equal_to_source(run, "site_daily", sandbox, FIRST)
    assert_equal_to_source(run, "campaigns", sandbox, FIRST, figures=["impressions", "ctr_percent"])
    assert len(run.records("ad_units")) == len(run.table("ad_units")) == 40
    assert "once more" not in run.log
    assert "incomplete" not in run.log


@pytest.mark.parametrize("form", [{}, {"total": "none"}, {"total": "none", "past_end": "last"}], ids=named)
@pytest.mark.parametrize("rows_a_page", [12, 168])
def test_a_last_page_that_is_full_ends_the_report(
    sandbox: Sandbox, config: dict[str, Any], form: dict[str, Any], rows_a_page: int
) -> None:
    """Rows that fill their last page to the brim (12 sites, 14 days) are all there, and the paging ends."""
    sandbox.forms = sandbox.forms.but(form)
    run = run_tap({**config, "page_size": rows_a_page}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert_equal_to_source(run, "site_daily", sandbox, FIRST)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("before_first", ["error", "empty"])
def test_an_empty_page_1_of_a_server_that_starts_at_0(
    sandbox: Sandbox, config: dict[str, Any], before_first: str, concurrency: int
) -> None:
    """A small account has only page 0; page 1 beside it, empty under an unknown name, is read once page 0 was."""
    sandbox.forms = sandbox.forms.but({"envelope": "other", "first_page": 0, "before_first": before_first})
    run = run_tap({**config, "page_size": 500, "concurrency": concurrency}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert "cannot be read" not in run.log
    assert_equal_to_source(run, "site_daily", sandbox, FIRST)


@pytest.mark.parametrize("total", ["total", "none", "page_count"])
def test_a_cap_that_leaves_rows_out_is_found(sandbox: Sandbox, config: dict[str, Any], total: str) -> None:
    """A server that gives seven rows a page, and counts its pages by the forty asked for, is asked for seven."""
    sandbox.forms = sandbox.forms.but({"page_cap": 7, "cap_steps": "asked", "total": total})
    run = run_tap({**config, "page_size": 40}, streams=["site_daily", "publisher_daily"])
    assert run.exit_code == 0, run.log
    assert run.log.count("once more") == 1
    for stream in ("site_daily", "publisher_daily"):
        assert_equal_to_source(run, stream, sandbox, FIRST)


def test_the_servers_behaviour_is_learned_once(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """What the first report, that of the totals, shows of the server makes each later one cost only its pages."""
    run = run_tap({**config, "page_size": 20, "window_days": 7, "concurrency": 1}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    pages = [r.body["page"] for r in sandbox.requests if r.kind == "report" and "site_visx_id" in r.body["group_by"]]
    assert pages == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


def test_unknown_types_are_reported_once(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A type that the metadata does not explain becomes text, with one warning, and never a key."""
    sandbox.forms = sandbox.forms.but({"types": "odd"})
    run = run_tap(config, streams=["site_daily", "daily_totals"])
    assert run.log.count("types that this tap does not know; read as text: quality_band (BLOB7)") == 1
    assert run.schema("site_daily")["schema"]["properties"]["quality_band"]["type"] == ["string", "null"]
    assert "quality_band" not in run.schema("site_daily")["key_properties"]
