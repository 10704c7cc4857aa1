"""The example queries give what plain Python makes of the source's own facts, in DuckDB and in PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

import duckdb
import psycopg
import pytest
from harness import TODAY, YESTERDAY, needs
from pages import commands
from sql_expected import (
    EXPECTED,
    expected_month_by_account,
    expected_movers,
    expected_site_rates,
    load,
    rounded,
)
from two_mornings import added_up, into_postgres

from examples.sql import run as queries
from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres import PostgresServer
    from sql_expected import Loaded


pytestmark = pytest.mark.xdist_group("sql")

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "sql"
README = (FOLDER / "README.md").read_text("utf-8")
WEEK = timedelta(days=7)
TABLES = ("daily_totals", "account_daily", "publisher_daily", "country_daily", "site_daily", "ad_unit_daily")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Two mornings, between which an ad unit is taken out of the source."""
    with Sandbox(today=TODAY) as sandbox:
        return load(tmp_path_factory.mktemp("sql"), sandbox, sandbox, without_unit=6)


@pytest.fixture(scope="module")
def postgres_url(loaded: Loaded, postgres_server: PostgresServer) -> str:
    """The address of a PostgreSQL database with the same tables, in the schema into which Meltano has them loaded."""
    of = postgres_server.database()
    url = f"postgresql://{of.user}:{quote(of.password, safe='')}@{of.host}:{of.port}/{of.name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA tap_yoc")
        connection.execute("SET search_path = tap_yoc")
        into_postgres(connection, loaded.path, loaded.tables)
    return url


@pytest.fixture(params=["duckdb", "postgres"])
def database(request: pytest.FixtureRequest, loaded: Loaded) -> Iterator[queries.Database]:
    """A connection to one database or the other, with the temporary views as of 2026-06-14."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with closing(queries.connect(loaded.path, url, "tap_yoc" if url else None)) as connection:
        queries.prepare(connection, YESTERDAY)
        yield connection


@pytest.mark.parametrize("name", queries.QUERIES)
def test_each_query_gives_what_the_source_has(database: queries.Database, loaded: Loaded, name: str) -> None:
    """Every cell of every row, in both databases; rows that a revision took away are in none of them."""
    _, rows = queries.result(database, name)
    assert rows == EXPECTED[name](loaded)


# What is wrong, and what the queries make of it.

GAP, VANISHED = date(2026, 5, 31), date(2026, 6, 10)


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A warehouse with a gap, a day that vanished as a whole between two mornings, and no yesterday."""
    before = Sandbox(today=TODAY, gap_days=[GAP])
    after = Sandbox(today=TODAY, gap_days=[GAP, VANISHED, YESTERDAY])
    with before, after:
        return load(tmp_path_factory.mktemp("gaps"), before, after, start=date(2026, 5, 18))


@pytest.fixture(params=["duckdb", "postgres"])
def writable(request: pytest.FixtureRequest, loaded: Loaded, tmp_path: Path) -> Iterator[queries.Database]:
    """A database whose rows can be changed for one test."""
    if request.param == "duckdb":
        shutil.copy(loaded.path, tmp_path / "copy.duckdb")
        with duckdb.connect(str(tmp_path / "copy.duckdb")) as database:
            yield database
        return
    with psycopg.connect(request.getfixturevalue("postgres_url"), options="-c search_path=tap_yoc") as connection:
        yield connection
        connection.rollback()


def as_of(yesterday: date, setting: str = "", other: str = "") -> str:
    """Return metrics.sql as of a day, optionally with another setting."""
    text = (FOLDER / "metrics.sql").read_text("utf-8")
    assert setting in text
    return text.replace(queries.YESTERDAY, f"DATE '{yesterday}'").replace(setting, other)


def sentences(database: queries.Database) -> list[str]:
    """Return what the alarm says."""
    return [sentence for _, sentence in queries.result(database, "alarm")[1]]


def usual(loaded: Loaded, figure: str, currency: str | None = None) -> Decimal:
    """Return the median of the eight Sundays before 2026-06-14."""
    sundays = {YESTERDAY - WEEK * number for number in range(1, 9)}
    facts = [fact for fact in loaded.facts if fact["date"] in sundays and currency in {None, fact["currency"]}]
    return median(of[figure] for of in added_up(facts, "date").values())


def test_a_missing_yesterday_is_an_alarm(gaps: Loaded) -> None:
    """One sentence, and none about figures that cannot be there."""
    with closing(queries.connect(gaps.path, None, None)) as database:
        queries.prepare(database, YESTERDAY)
        assert sentences(database) == ["No figures for 2026-06-14; the newest day is 2026-06-13."]
        assert f"`{sentences(database)[0]}`" in README
        queries.prepare(database, date(2026, 6, 13))
        assert sentences(database) == []


def test_an_empty_warehouse_is_an_alarm(writable: queries.Database) -> None:
    """Nothing at all is no reason to keep silent, and no query fails on it."""
    for table in TABLES:
        writable.execute(f"DELETE FROM {table}")  # noqa: S608 - named above
    writable.execute(as_of(YESTERDAY))
    assert sentences(writable) == ["No figures for 2026-06-14; there are none at all."]
    assert [name for name in queries.QUERIES if queries.result(writable, name)[1]] == ["alarm"]


def test_an_abnormal_yesterday_is_an_alarm(writable: queries.Database, loaded: Loaded) -> None:
    """Too few impressions fire; what stays as it was is not named."""
    writable.execute("UPDATE daily_totals SET impressions = 5000 WHERE date = DATE '2026-06-14'")
    writable.execute(as_of(YESTERDAY))
    normal = usual(loaded, "impressions")
    sentence = (
        f"Impressions on 2026-06-14: 10000, {rounded(100 - 1000000 / normal, 0)} % below {rounded(normal, 0)}, "
        f"the median of this weekday in the weeks before (8 of them)."
    )
    assert sentences(writable) == [sentence]
    assert f"`{sentence}`" in README


def test_money_is_judged_by_currency(writable: queries.Database, loaded: Loaded) -> None:
    """A currency that is gone is an alarm of its own, unless it is too small to be judged."""
    writable.execute("DELETE FROM daily_totals WHERE date = DATE '2026-06-14' AND currency = 'CHF'")
    writable.execute("UPDATE daily_totals SET revenue = 2 * revenue WHERE date = DATE '2026-06-14'")
    euro = added_up(loaded.last(1), "currency")["EUR",]["revenue"] * 2
    normal = {currency: usual(loaded, "revenue", currency) for currency in ("CHF", "EUR")}
    more = rounded(100 * euro / normal["EUR"] - 100, 0)
    end = "the median of this weekday in the weeks before (8 of them)."
    doubled = f"Revenue in EUR on 2026-06-14: {euro:.0f}, {more} % above {normal['EUR']:.0f}, {end}"
    writable.execute(as_of(YESTERDAY))
    assert sentences(writable) == [doubled]
    writable.execute(as_of(YESTERDAY, "10 AS alarm_least", "1 AS alarm_least"))
    gone = f"Revenue in CHF on 2026-06-14: 0, 100 % below {normal['CHF']:.0f}, {end}"
    assert sentences(writable) == [gone, doubled]


def test_too_short_a_history_gives_no_alarm(writable: queries.Database) -> None:
    """Two weeks are too few to say what is normal."""
    writable.execute("UPDATE daily_totals SET impressions = 1 WHERE date IN (DATE '2026-04-20', DATE '2026-04-29')")
    writable.execute(as_of(date(2026, 4, 20)))
    assert sentences(writable) == []
    writable.execute(as_of(date(2026, 4, 29)))
    assert [sentence[:24] for sentence in sentences(writable)] == ["Impressions on 2026-04-2"]


def test_a_day_that_vanished_is_left_out(gaps: Loaded) -> None:
    """All rows of a day were taken away: the tables still have them, the views do not."""
    with closing(queries.connect(gaps.path, None, None)) as database:
        queries.prepare(database, YESTERDAY)
        rows = "SELECT count(*) FROM {} WHERE date = DATE '2026-06-10'"
        assert database.execute(rows.format("daily_totals")).fetchone() == (2,)
        assert database.execute(rows.format("newest_daily_totals")).fetchone() == (0,)
        assert queries.result(database, "reconcile")[1] == []
        assert queries.result(database, "site_rates")[1] == expected_site_rates(gaps)


def test_days_without_figures_are_gaps_and_no_zeros(gaps: Loaded) -> None:
    """Empty days are shown, what lies a week behind one is compared with nothing, and movers skip both."""
    with closing(queries.connect(gaps.path, None, None)) as database:
        queries.prepare(database, YESTERDAY)
        rows = queries.result(database, "week_over_week")[1]
        assert len(rows) == 14
        assert [row[0] for row in rows if row[3] is None] == [VANISHED] * 2 + [YESTERDAY] * 2
        assert all(row[4] and row[5] is None and row[8] is None for row in rows if row[3] is None)
        assert queries.result(database, "movers")[1] == expected_movers(gaps)
        queries.prepare(database, GAP + WEEK)
        assert queries.result(database, "movers")[1] == expected_movers(gaps, GAP + WEEK)
        behind = queries.result(database, "week_over_week")[1][-2:]
        assert [row[0] for row in behind] == [GAP + WEEK] * 2
        assert all(row[3] and row[4] is None and row[5] is None for row in behind)


def test_a_difference_between_tables_is_named(writable: queries.Database) -> None:
    """A row that is lost in one table, and a day that is in no other: table, day, currency and by how much."""
    lost = "FROM ad_unit_daily WHERE date = DATE '2026-06-03' AND ad_unit_visx_id = 191407"
    taken = writable.execute(f"SELECT currency, -ad_requests, -impressions, -revenue {lost}").fetchone()
    writable.execute(f"DELETE {lost}")
    writable.execute("DELETE FROM daily_totals WHERE date = DATE '2026-05-02' AND currency = 'CHF'")
    one_site = "site_visx_id = 8012 AND date = DATE '2026-04-30'"
    writable.execute(f"UPDATE site_daily SET revenue = revenue + 0.000001 WHERE {one_site}")  # noqa: S608 - above
    writable.execute(as_of(YESTERDAY))
    rows = queries.result(writable, "reconcile")[1]
    assert taken
    assert rows[0] == ("ad_unit_daily", date(2026, 6, 3), *taken)
    names = ["account_daily", "ad_unit_daily", "country_daily", "publisher_daily", "site_daily"]
    assert [row[:3] for row in rows[1:-1]] == [(name, date(2026, 5, 2), "CHF") for name in names]
    assert rows[-1] == ("site_daily", date(2026, 4, 30), "CHF", 0, 0, Decimal("0.000001"))
    off = {row[-1] for row in queries.result(writable, "month_by_account")[1] if row[0] == date(2026, 5, 1)}
    assert off == {Decimal(0), rows[1][-1]}


def test_rows_without_requests_are_silence(writable: queries.Database) -> None:
    """An ad unit that still has rows, and no requests in them, is silent since its last request."""
    unit = "ad_unit_visx_id = 191407 AND date > DATE '2026-06-11'"
    writable.execute(f"UPDATE ad_unit_daily SET ad_requests = 0 WHERE {unit}")  # noqa: S608 - written above
    writable.execute(as_of(YESTERDAY))
    silent = queries.result(writable, "silent_ad_units")[1]
    assert [row[2:4] for row in silent] == [(date(2026, 6, 11), 3), (date(2026, 6, 6), 8)]


def test_a_site_without_requests_has_no_rates(writable: queries.Database) -> None:
    """Nothing is divided by zero: a rate without its base is empty."""
    nothing = ", ".join(f"{name} = 0" for name in ("ad_requests", "impressions", "vtr_imps", "ctr_imps"))
    writable.execute(f"UPDATE site_daily SET {nothing} WHERE site_visx_id = 8012")  # noqa: S608 - written above
    writable.execute(as_of(YESTERDAY))
    site = queries.result(writable, "site_rates")[1][-1]
    assert site[:7] == ("Météo 'Cime'", "CHF", 0, 0, None, None, None)
    assert site[8] is None


def test_other_names_are_changed_in_one_file(writable: queries.Database, loaded: Loaded) -> None:
    """An account whose money has another name, and no currency, needs two replacements in metrics.sql."""
    for table in TABLES:
        writable.execute(f"CREATE TABLE other AS SELECT * FROM {table} WHERE currency = 'EUR'")  # noqa: S608 - named above
        writable.execute(f"DROP TABLE {table}")
        writable.execute("ALTER TABLE other DROP COLUMN currency")
        writable.execute("ALTER TABLE other RENAME COLUMN revenue TO net_earnings")
        writable.execute(f"ALTER TABLE other RENAME TO {table}")
    renamed = as_of(YESTERDAY, "revenue AS revenue", "net_earnings AS revenue")
    writable.execute(renamed.replace("currency AS currency", "'EUR' AS currency"))
    for name in queries.QUERIES:
        queries.result(writable, name)
    expected = [row for row in expected_month_by_account(loaded) if row[4] == "EUR"]
    assert queries.result(writable, "month_by_account")[1] == expected


# The runner, and the page.


def test_yesterday_is_berlins(loaded: Loaded) -> None:
    """The day before the one it is in Berlin, wherever the database's clock stands."""
    with closing(queries.connect(loaded.path, None, None)) as database:
        database.execute("SET TimeZone = 'Pacific/Kiritimati'")
        days = [datetime.now(ZoneInfo("Europe/Berlin")).date()]
        queries.prepare(database)
        found = database.execute("SELECT yesterday + 1 FROM yoc_settings").fetchone()
        days.append(datetime.now(ZoneInfo("Europe/Berlin")).date())  # midnight may have passed
    assert found in {(day,) for day in days}


def test_the_alarms_have_an_exit_code(
    loaded: Loaded, gaps: Loaded, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A schedule sees from the code whether somebody has to look."""
    day = ["--alarms", "--yesterday", "2026-06-14"]
    assert queries.main([*day, "--duckdb", str(loaded.path)]) == 0
    assert queries.main([*day, "--postgres", postgres_url, "--schema", "tap_yoc"]) == 0
    assert capsys.readouterr().out.count("(no rows)") == 4
    assert queries.main([*day, "--duckdb", str(gaps.path)]) == 1
    assert "No figures for 2026-06-14; the newest day is 2026-06-13." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--duckdb", "nowhere.duckdb"], "there is no database nowhere.duckdb; `make demo` makes one"),
        (["alarms"], "there is no query alarms; there are alarm, reconcile, "),
    ],
    ids=["no database", "no query"],
)
def test_what_is_wrong_is_said(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and exit code 2, instead of a traceback."""
    with pytest.raises(SystemExit, match="2"):
        queries.main(arguments)
    assert sentence in capsys.readouterr().err


def said_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the sentence with which the runner gives up."""
    with pytest.raises(SystemExit, match="2"):
        queries.main(arguments)
    return capsys.readouterr().err.partition("error: ")[2]


def test_tables_elsewhere_are_said(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --schema PostgreSQL looks into `public`: a sentence says where the tables are, instead of a traceback."""
    assert said_of(["--postgres", postgres_url], capsys) == (
        "there is no table daily_totals here: there is one in tap_yoc; give --schema, such as tap_yoc\n"
    )
    nowhere = postgres_url.rpartition("/")[0] + "/postgres"
    assert said_of(["--postgres", nowhere], capsys) == (
        "there is no table daily_totals here: metrics.sql says what to do without it\n"
    )
    assert said_of(["--postgres", f"{nowhere}_2"], capsys).startswith("the database cannot be opened: ")


def test_other_tables_are_said(loaded: Loaded, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables in a schema of DuckDB, one that was not loaded, and money of another name."""
    copy = tmp_path / "copy.duckdb"
    shutil.copy(loaded.path, copy)
    given = ["--duckdb", str(copy)]
    with duckdb.connect(str(copy)) as database:
        database.execute("ALTER TABLE site_daily RENAME COLUMN revenue TO net_earnings")
    assert re.match(r"metrics\.sql does not fit these tables: .*\brevenue\b[^\n]*\n$", said_of(given, capsys))
    with duckdb.connect(str(copy)) as database:
        database.execute("DROP TABLE site_daily")
    assert said_of(given, capsys) == "there is no table site_daily here: metrics.sql says what to do without it\n"
    with duckdb.connect(str(copy)) as database:
        database.execute(f"ATTACH '{loaded.path}' AS original (READ_ONLY)")
        database.execute("CREATE SCHEMA tap_yoc")
        for table in TABLES:
            database.execute(f"CREATE TABLE tap_yoc.{table} AS FROM original.{table}")
            database.execute(f"DROP TABLE IF EXISTS main.{table}")
    assert "there is one in tap_yoc; give --schema, such as tap_yoc" in said_of(given, capsys)
    assert queries.main([*given, "--schema", "tap_yoc", "--alarms", "--yesterday", "2026-06-14"]) == 0


def test_a_database_that_has_grown_old_says_so(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Empty weeks are no riddle: one line names the day that the database ends with, and what renews the demo's."""
    old = "The database ends with 2026-06-14, and the queries look at 2026-06-16; "
    day = ["--yesterday", "2026-06-16", "silent_ad_units"]
    queries.main(["--duckdb", str(loaded.path), *day])
    assert capsys.readouterr().out.startswith(f"{old}`--yesterday` looks at an earlier day.\n")
    demo = tmp_path / "yoc.duckdb"
    shutil.copy(loaded.path, demo)
    monkeypatch.setattr(queries, "DEMO", demo)
    queries.main(["--duckdb", str(demo), *day])
    assert capsys.readouterr().out.startswith(
        f"{old}`make demo` renews it, and `--yesterday` looks at an earlier day.\n"
    )
    queries.main(["--duckdb", str(demo), "--yesterday", "2026-06-14", "silent_ad_units"])
    assert capsys.readouterr().out.startswith("silent_ad_units.sql: ")


def test_files_run_as_they_stand_in_psql(postgres_url: str) -> None:
    """Without Python: the page's command finds Meltano's tables, and nothing of it stays in the database."""
    needs(
        None if shutil.which("psql") else "psql is not installed (Debian and Ubuntu: apt-get install postgresql-client)"
    )
    (line,) = [line for line in commands("examples/sql/README.md") if "psql" in line]
    done = subprocess.run(
        ["bash", "-c", line.replace("postgresql://me@host/warehouse", '"$URL" --no-psqlrc -v ON_ERROR_STOP=1')],
        cwd=ROOT,
        env={**os.environ, "URL": postgres_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "No figures for" in done.stdout, "the alarm of the real yesterday, long after the newest day"
    with closing(queries.connect(Path(), postgres_url, "tap_yoc")) as database:
        assert database.execute("SELECT count(*) FROM pg_views WHERE schemaname = 'tap_yoc'").fetchone() == (0,)


def test_the_page_shows_what_the_queries_give(loaded: Loaded, request: pytest.FixtureRequest) -> None:
    """Every query is on the page, with its line and its real result; --snapshot-update writes them again."""
    page = README
    with closing(queries.connect(loaded.path, None, None)) as database:
        queries.prepare(database, YESTERDAY)
        for name in queries.QUERIES:
            pattern = rf"(### {name}\.sql\n\n).*?(\n\n(?:(?!###).)*?```text\n).*?(\n```)"
            text = queries.shown(*queries.result(database, name), 8)
            line = queries.about(name)
            page, found = re.subn(pattern, lambda m: m[1] + line + m[2] + text + m[3], page, flags=re.DOTALL)  # noqa: B023 - called at once
            assert found == 1, name
    if request.config.option.update_snapshots:
        (FOLDER / "README.md").write_text(page, encoding="utf-8")
        return
    assert page == README


def test_every_file_is_run_and_listed() -> None:
    """A file that nothing runs would be a promise nobody keeps."""
    assert {path.stem for path in FOLDER.glob("*.sql")} == {*queries.QUERIES, "metrics"}
    assert set(EXPECTED) == set(queries.QUERIES)
    assert re.findall(r"^### (\w+)\.sql$", README, re.MULTILINE) == list(queries.QUERIES)
