"""The plan for engines: which account reads which days, each day once, and what the runs come to together."""

from __future__ import annotations

import json
import subprocess
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from harness import TODAY, assert_equal_to_source, command, run_tap, settings_of
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.dates import Window
from tap_yoc.plan.command import NO_LOGIN, main
from tap_yoc.plan.fan_out import Account, calendar_windows, fan_out

if TYPE_CHECKING:
    from pathlib import Path

    from tap_yoc.plan.fan_out import FanOut, Length
    from tap_yoc.sandbox.server import Sandbox


def planned(*, length: Length = "month", today: date = TODAY, options: Any = (), **settings: Any) -> FanOut:  # noqa: ANN401 - settings of any kind
    """Return the plan of an account called north, on 15 June 2026 by default."""
    north = Account(name="north", config="accounts/north.json", settings=settings_of({**NO_LOGIN, **settings}))
    return fan_out(north, today=today, length=length, **dict(options))


def days_of(plan: FanOut) -> list[tuple[str, str, str]]:
    """Return window, first and last day of each run."""
    return [(run.window, run.first_day, run.last_day) for run in plan.runs]


@pytest.mark.parametrize(
    ("length", "start", "expected"),
    [
        pytest.param("day", "2026-06-13", ["2026-06-13", "2026-06-14"], id="day"),
        pytest.param("week", "2026-06-03", ["2026-06-01..2026-06-03", "2026-06-08"], id="weeks start on Monday"),
        pytest.param("month", "2026-04-30", ["2026-04-01..2026-04-30", "2026-05-01", "2026-06-01"], id="month"),
    ],
)
def test_windows_are_those_of_the_calendar(length: Length, start: str, expected: list[str]) -> None:
    """A run is named after its window's first day on the calendar, wherever the reading starts."""
    runs = [
        run.window if run.window == run.first_day else f"{run.window}..{run.first_day}"
        for run in planned(length=length, start_date=start).runs
    ]
    assert runs == expected


def test_a_run_passes_the_tap_its_days_and_nothing_else() -> None:
    """Account, days and variables; the state says that daily runs have read up to yesterday."""
    bookmark = {"replication_key": "date", "replication_key_value": "2026-06-14"}
    plan = planned(
        start_date="2026-06-10",
        standard_reports=["site_daily"],
        reports=[
            {"name": "hb_units", "group_by": [" date", "ad_unit_visx_id"]},
            {"name": "in_all", "group_by": ["country"]},
        ],
    )
    assert [run.as_json() for run in plan.runs] == [
        {
            "id": "north-2026-06-01",
            "account": "north",
            "config": "accounts/north.json",
            "window": "2026-06-01",
            "first_day": "2026-06-10",
            "last_day": "2026-06-14",
            "environment": {"TAP_YOC_BACKFILL_FROM": "2026-06-10", "TAP_YOC_BACKFILL_TO": "2026-06-14"},
            "state": {"bookmarks": {"site_daily": bookmark, "hb_units": bookmark}},
        }
    ]


def test_the_plan_keeps_within_what_yoc_serves() -> None:
    """Six months, one day inside, up to yesterday; days that were asked for and are gone are reported."""
    plan = planned(options={"first": date(2025, 11, 1), "last": date(2027, 1, 1)})
    assert days_of(plan)[0] == ("2025-12-01", "2025-12-16", "2025-12-31")
    assert days_of(plan)[-1] == ("2026-06-01", "2026-06-01", "2026-06-14")
    assert len(plan.runs) == 7
    assert plan.lost == Window(first=date(2025, 11, 1), last=date(2025, 12, 15))
    assert planned().lost is None
    assert days_of(planned()) == days_of(plan)


def test_days_asked_for_go_before_those_of_the_settings() -> None:
    """`--from` and `--to` replace `start_date` and `end_date`, as a backfill does."""
    settings: dict[str, Any] = {"start_date": "2026-06-05", "end_date": "2026-06-10"}
    assert days_of(planned(**settings)) == [("2026-06-01", "2026-06-05", "2026-06-10")]
    asked = {"first": date(2026, 6, 2), "last": date(2026, 6, 12)}
    assert days_of(planned(options=asked, **settings)) == [("2026-06-01", "2026-06-02", "2026-06-12")]
    assert planned(start_date="2026-06-15").runs == ()


@pytest.mark.parametrize(
    ("today", "settings", "expected"),
    [
        pytest.param("2026-06-08", {}, ["2026-05-01", "2026-06-01"], id="the lookback reaches into May"),
        pytest.param("2026-06-09", {}, ["2026-06-01"], id="31 May was last read the day before"),
        pytest.param("2026-06-01", {}, ["2026-05-01"], id="June has no day yet"),
        pytest.param("2026-06-09", {"lookback_days": 8}, ["2026-05-01", "2026-06-01"], id="longer lookback"),
        pytest.param("2026-06-02", {"lookback_days": 0}, ["2026-06-01"], id="no lookback"),
        pytest.param(
            "2026-06-09",
            {"reports": [{"name": "slow", "group_by": ["date"], "lookback_days": 30}]},
            ["2026-05-01", "2026-06-01"],
            id="the longest lookback of a report",
        ),
    ],
)
def test_recent_windows_hold_what_a_daily_run_reads(today: str, settings: dict[str, Any], expected: list[str]) -> None:
    """Yesterday and the lookback before it; whole windows, so that a run replaces what it read before."""
    plan = planned(today=date.fromisoformat(today), options={"only_recent": True}, **settings)
    assert [run.window for run in plan.runs] == expected
    assert all(run.first_day == run.window for run in plan.runs)


@given(
    first=st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 12, 31)),
    days=st.integers(min_value=0, max_value=400),
    length=st.sampled_from(["day", "week", "month"]),
)
def test_each_day_lies_in_one_window_whenever_the_plan_is_made(first: date, days: int, length: Length) -> None:
    """No day twice, none left out, and a later or longer plan puts it into the same window."""
    whole = Window(first=first, last=first + timedelta(days=days))
    later = Window(first=first + timedelta(days=days // 2), last=whole.last + timedelta(days=40))

    def window_of(range_of_days: Window) -> dict[date, date]:
        pairs = [(day, start) for start, window in calendar_windows(range_of_days, length) for day in window.days()]
        assert [day for day, _ in pairs] == list(range_of_days.days())
        return dict(pairs)

    mine, others = window_of(whole), window_of(later)
    assert {day: mine[day] for day in mine if day in others} == {day: others[day] for day in mine if day in others}


def test_the_runs_together_are_one_clean_run(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Every figure of every day once, flags and names included, and the state fit for a daily run to go on from."""
    settings = {**config, "start_date": "2026-05-20"}
    clean = run_tap(settings)
    plan = planned(length="week", start_date="2026-05-20")
    outcomes = [
        run_tap(
            {
                **settings,
                "backfill_from": run.environment["TAP_YOC_BACKFILL_FROM"],
                "backfill_to": run.environment["TAP_YOC_BACKFILL_TO"],
            },
            state=json.loads(json.dumps(run.state)),
        )
        for run in reversed(plan.runs)
    ]
    assert [outcome.exit_code for outcome in outcomes] == [0, 0, 0, 0]
    assert_equal_to_source(outcomes[-1], "site_daily", sandbox, date(2026, 5, 20), date(2026, 5, 24))
    for stream in ("daily_totals", "ad_unit_daily", "country_daily"):
        rows = [row for outcome in outcomes for row in outcome.records(stream)]
        for row in [*rows, *clean.records(stream)]:
            row.pop("fetched_at")
        assert sorted(rows, key=repr) == sorted(clean.records(stream), key=repr)
        assert {row["date"] for row in rows if not row["is_final"]} == {f"2026-06-{day:02}" for day in range(8, 15)}
    assert all(outcome.table("ad_units") == clean.table("ad_units") for outcome in outcomes)
    for outcome in [*outcomes, clean]:
        bookmarks = {name: bookmark for name, bookmark in outcome.state["bookmarks"].items() if bookmark}
        assert {"bookmarks": bookmarks} == plan.runs[0].state
    going_on = run_tap(settings, state=json.loads(json.dumps(plan.runs[0].state)), streams=["site_daily"])
    assert going_on.days("site_daily") == [f"2026-06-{day:02}" for day in range(8, 15)]


def write(folder: Path, name: str, **settings: Any) -> str:  # noqa: ANN401 - settings of any kind
    """Write an account's config and return its path."""
    path = folder / name
    path.write_text(json.dumps(settings), encoding="utf-8")
    return str(path)


def test_the_installed_command_prints_accounts_times_windows(tmp_path: Path) -> None:
    """JSON on stdout alone, an id for each run, the account named after its file, the same every time."""
    write(tmp_path, "north.json", start_date="2026-05-03", client_id="id", password="not-in-the-plan")
    write(tmp_path, "south.json", lookback_days=3)
    arguments = [str(command("tap-yoc-plan")), "north.json", "south.json", "--today=2026-06-15", "--from=2026-05-02"]
    done = [subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True) for _ in range(2)]
    assert done[0].stderr == ""
    assert done[0].stdout == done[1].stdout
    assert "not-in-the-plan" not in done[0].stdout
    assert [(run["id"], run["account"], run["config"], run["first_day"]) for run in json.loads(done[0].stdout)] == [
        ("north-2026-05-01", "north", "north.json", "2026-05-02"),
        ("north-2026-06-01", "north", "north.json", "2026-06-01"),
        ("south-2026-05-01", "south", "south.json", "2026-05-02"),
        ("south-2026-06-01", "south", "south.json", "2026-06-01"),
    ]


def test_each_account_has_its_own_today(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Yesterday depends on the account's zone: half a day apart, one of two is ahead whatever the hour."""
    east = write(tmp_path, "east.json", timezone="Pacific/Kiritimati")
    west = write(tmp_path, "west.json", timezone="Pacific/Pago_Pago")
    assert main([east, west, "--recent", "--window=day"]) == 0
    runs = json.loads(capsys.readouterr().out)
    newest = {name: max(run["last_day"] for run in runs if run["account"] == name) for name in ("east", "west")}
    assert newest["east"] > newest["west"]


@pytest.mark.parametrize(
    ("names", "settings", "sentence"),
    [
        (["north.json"], {"lookback": 3}, "Account north: There is no setting lookback (did you mean lookback_days?)."),
        (["north.json"], {"start_date": "2026-02-30"}, "Account north: Setting start_date must be a valid date"),
        (["no rth.json"], {}, "is not named after an account: use letters, digits, dots, dashes, underscores."),
        (["a.json", "a.txt"], {}, "Two accounts are called a; give their config files different names."),
    ],
)
def test_what_cannot_be_planned_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str], settings: dict[str, Any], sentence: str
) -> None:
    """Exit 2, one sentence, and nothing on stdout that an engine might take for a plan."""
    assert main([write(tmp_path, name, **settings) for name in names]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_days_that_are_gone_are_reported_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan stays plain JSON; what it leaves out is on stderr."""
    north = write(tmp_path, "north.json", start_date="2025-12-01")
    assert main([north, "--today=2026-06-15"]) == 0
    said = capsys.readouterr()
    assert len(json.loads(said.out)) == 7
    assert said.err == "Account north: YOC no longer serves 2025-12-01 to 2025-12-15; these days are left out.\n"
    assert main([north, "--today=2026-06-15", "--from=2026-06-15"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == []
    assert said.err == "Account north: there is nothing to read; YOC serves none of the requested days.\n"


def test_a_range_the_wrong_way_round_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Swapped days would plan nothing, in silence."""
    with pytest.raises(SystemExit) as stop:
        main([write(tmp_path, "north.json"), "--from=2026-06-02", "--to=2026-06-01"])
    assert stop.value.code == 2
    assert "--from is after --to; swap them" in capsys.readouterr().err


@pytest.mark.parametrize(
    "login",
    [
        pytest.param({"client_secret": ["not text"]}, id="client-secret-of-the-wrong-kind"),
        pytest.param({"password": 5}, id="password-of-the-wrong-kind"),
        pytest.param({"refresh_token": 7}, id="refresh-token-of-the-wrong-kind"),
        pytest.param({"refresh_token": "without-a-token-cache"}, id="refresh-token-without-its-cache"),
        pytest.param({"username": ""}, id="no-username"),
        pytest.param({"username": None, "password": None}, id="null"),
        pytest.param({"client_id": "", "client_secret": ""}, id="no-client"),
    ],
)
def test_a_plan_needs_no_login(tmp_path: Path, capsys: pytest.CaptureFixture[str], login: dict[str, Any]) -> None:
    """Whatever the file has or lacks of the login, which may lie elsewhere, the days can be planned."""
    assert main([write(tmp_path, "north.json", start_date="2026-06-10", **login), "--today=2026-06-15"]) == 0
    said = capsys.readouterr()
    assert [run["id"] for run in json.loads(said.out)] == ["north-2026-06-01"]
    assert said.err == ""


@pytest.mark.parametrize(("lookback", "day"), [(7, "2026-06-03"), (0, "2026-06-02")])
def test_the_state_of_a_plan_that_ends_early_names_its_last_day(lookback: int, day: str) -> None:
    """A daily run that goes on from it reads what lies behind the plan, too."""
    (run,) = planned(
        start_date="2026-06-01",
        standard_reports=["site_daily"],
        lookback_days=lookback,
        options={"last": date(2026, 6, 3)}.items(),
    ).runs
    assert run.state["bookmarks"]["site_daily"]["replication_key_value"] == day
