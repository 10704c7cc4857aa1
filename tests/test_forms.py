"""Every plausible form of the API's answers gives right rows, over real HTTP, without a change in code or settings."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from harness import assert_equal_to_source, run_tap

if TYPE_CHECKING:
    from tap_yoc.sandbox.server import Sandbox

FIRST = date(2026, 6, 1)
REPORT = {
    "name": "campaigns",
    "group_by": ["date", "country"],
    "data_fields": ["impressions", "is_publisher_campaign", "ctr_percent"],
}

ONE_FORM = [
    *({"envelope": form} for form in ("bare", "items", "results", "rows", "records", "nested", "other")),
    *(
        {"total": form}
        for form in (
            "none", "total_count", "count", "total_items", "pagination", "paging", "meta", "header", "page_count",
        )
    ),
    {"total_as_text": True},
    {"first_page": 0},
    *({"before_first": form} for form in ("first", "empty", "404")),
    *({"past_end": form} for form in ("204", "404", "last")),
    {"page_cap": 7},
    {"numbers": "text"},
    *({"dates": form} for form in ("datetime", "datetime_space", "datetime_z")),
    *({"missing": form} for form in ("empty", "absent")),
    *({"booleans": form} for form in ("int", "text_int", "text")),
    *({"types": form} for form in ("lower", "odd")),
    {"metadata_blanks": False},
    {"row_blanks": True},
    {"login_ends_sessions": True},
    {"stable_sort": True},
    # An empty list under a name that nobody knows is no evidence of anything.
    {"envelope": "other", "before_first": "empty"},
    {"envelope": "other", "before_first": "empty", "total": "none", "past_end": "404"},
    {"envelope": "other", "total": "none", "past_end": "empty"},
]  # fmt: skip

# Paging is where forms meet: no total, or a misleading one, with each end and each beginning.
MANY_FORMS = [
    {"total": total, "past_end": past_end, "first_page": first_page, "before_first": before_first, "page_cap": cap}
    for total in ("none", "page_count")
    for past_end in ("empty", "204", "404", "last")
    for first_page, before_first in ((1, "error"), (1, "first"), (0, "error"))
    for cap in (0, 13)
]

STRANGE = {
    "envelope": "nested", "total": "header", "total_as_text": True, "first_page": 0, "past_end": "last", "page_cap": 11,
    "numbers": "text", "dates": "datetime_z", "missing": "absent", "booleans": "text_int", "types": "odd",
    "row_blanks": True, "errors": "html", "expires_in_as": "text",
}  # fmt: skip


def named(form: dict[str, Any]) -> str:
    """Name a row of the table."""
    return ",".join(f"{name}={value}" for name, value in form.items())


@pytest.mark.parametrize(
    ("form", "concurrency"),
    [
        *((form, 8) for form in ({}, *ONE_FORM, *MANY_FORMS, STRANGE)),
        *((form, 1) for form in ({}, *MANY_FORMS, STRANGE)),
    ],
    ids=lambda value: named(value) if isinstance(value, dict) else f"{value} in flight",
)
def test_right_rows_in_every_form(
    sandbox: Sandbox, config: dict[str, Any], form: dict[str, Any], concurrency: int
) -> None:
    """Whatever form the answers have, the tables equal the source and nothing is warned of as missing."""
    sandbox.forms = sandbox.forms.but(form)
    settings = {"page_size": 40, "window_days": 6, "concurrency": concurrency, "reports": [REPORT]}
    run = run_tap({**config, **settings}, streams=["site_daily", "campaigns", "ad_units"])
    assert run.exit_code == 0, run.log
    assert_equal_to_source(run, "site_daily", sandbox, FIRST)
    assert_equal_to_source(run, "campaigns", sandbox, FIRST, figures=["impressions", "ctr_percent"])
    assert len(run.records("ad_units")) == len(run.table("ad_units")) == 40
    assert "once more" not in run.log
    assert "incomplete" not in run.log


@pytest.mark.parametrize("form", [{}, {"total": "none"}, {"total": "none", "past_end": "last"}], ids=named)
@pytest.mark.parametrize("rows_a_page", [1, 12, 14, 168])
def test_a_last_page_that_is_full_ends_the_report(
    sandbox: Sandbox, config: dict[str, Any], form: dict[str, Any], rows_a_page: int
) -> None:
    """Rows that fill their last page to the brim (12 sites, 14 days) are all there, and the paging ends."""
    sandbox.forms = sandbox.forms.but(form)
    run = run_tap({**config, "page_size": rows_a_page}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
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


def test_habits_are_learned_once(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """What the first report, that of the totals, shows of the server makes each later one cost only its pages."""
    run = run_tap({**config, "page_size": 20, "window_days": 7, "concurrency": 1}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    pages = [r.body["page"] for r in sandbox.requests if r.kind == "report" and "site_visx_id" in r.body["group_by"]]
    assert pages == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


def test_unexplained_types_are_told_once(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A type that the metadata does not explain becomes text, with one warning, and never a key."""
    sandbox.forms = sandbox.forms.but({"types": "odd"})
    run = run_tap(config, streams=["site_daily", "daily_totals"])
    assert run.log.count("types that this tap does not know; read as text: quality_band (BLOB7)") == 1
    assert run.schema("site_daily")["schema"]["properties"]["quality_band"]["type"] == ["string", "null"]
    assert "quality_band" not in run.schema("site_daily")["key_properties"]
