"""What the doctor finds: a table of what is wrong, what it says and what to do; and the page made of it.

`make docs` writes the table and the samples of docs/doctor.md; the tests hold both against the
doctor.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import TODAY, YESTERDAY, VirtualClock

from tap_yoc.doctor.checks import examine
from tap_yoc.doctor.observed_tap import ObservedTap
from tap_yoc.doctor.text import as_text
from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from datetime import date

    from tap_yoc.doctor.findings import Findings

FOREVER = -1
ASK = "Ask YOC's account manager to enable the Reporting API for this login. hub.yoc.com shows what it can see."
FIX = "Fix it in your configuration and run the doctor again. docs/settings.md lists all settings."
REPORT = "Report this to the maintainers, with the whole output: the tap does not know this form of an answer."
CLOSED = "http://127.0.0.1:9"
"""The port of a service that nobody runs."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something that is wrong."""

    what: str
    step: str
    """Which step finds it."""
    says: str
    do: str
    code: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    """`URL` in a value stands for the sandbox's address, without its scheme."""
    forms: dict[str, Any] = field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()
    gap_days: tuple[date, ...] = ()
    server_is_ahead_seconds: float = 0


def forever(where: str, kind: str = "status", **options: Any) -> tuple[dict[str, Any], ...]:  # noqa: ANN401 - of faults
    """Return a fault that stays."""
    return ({"kind": kind, "where": where, "times": FOREVER, **options},)


def last_days(number: int) -> tuple[date, ...]:
    """Return some days up to yesterday."""
    return tuple(TODAY - timedelta(days=n + 1) for n in range(number))


CASES = {
    "misspelt setting": Case(
        what="a setting is misspelt",
        settings={"pasword": "x"},
        step="settings",
        code=2,
        says="There is no setting pasword (did you mean password?).",
        do=FIX,
    ),
    "http": Case(
        what="an address is http",
        settings={"api_url": "http://api.yoc.example"},
        step="settings",
        code=2,
        says="Setting api_url must start with https; plain http is only for addresses of this machine.",
        do=FIX,
    ),
    "wrong password": Case(
        what="the password is wrong",
        settings={"password": "not-the-password"},
        step="login",
        code=3,
        says="YOC refuses the login (HTTP 400: invalid_grant The username or the password is wrong.).",
        do=(
            "Log in at hub.yoc.com with the same username and password. If that works, check client_id and "
            "client_secret. The doctor tried only once, because repeated failures may lock a login."
        ),
    ),
    "wrong client": Case(
        what="the client's secret is wrong",
        settings={"client_secret": "not-the-secret"},
        step="login",
        code=3,
        says="YOC refuses the login (HTTP 401: invalid_client The client's id or secret is missing or wrong.).",
        do=(
            "Compare client_id and client_secret with those from YOC's account manager, including blanks. If they"
            " match, set client_auth to basic, or back to body."
        ),
    ),
    "wrong login address": Case(
        what="auth_url is not YOC's login",
        faults=forever("token", status=404),
        step="login",
        code=3,
        says="YOC refuses the login (HTTP 404: not_found As ordered.).",
        do="Check auth_url: the server there is not YOC's login. The default is https://oauth.yoc.com.",
    ),
    "login format": Case(
        what="YOC does not take the login's format",
        faults=forever("token", status=415),
        step="login",
        code=3,
        says="YOC refuses the login (HTTP 415: server_error As ordered.).",
        do="Set auth_format to form, or back to json.",
    ),
    "used refresh token": Case(
        what="the refresh token was used before, and there is no password",
        settings={"refresh_token": "used-before", "token_cache": "token.json", "username": "", "password": ""},
        step="login",
        code=3,
        says="The refresh token is, or may be, used up or revoked, and there is no password to fall back to.",
        do=(
            "Set username and password, or get a new refresh_token. Each works only once, so all runs of this "
            "login must share one token_cache."
        ),
    ),
    "used refresh token, password": Case(
        what="the refresh token was used before, and there is a password",
        settings={"refresh_token": "used-before", "token_cache": "token.json"},
        step="login",
        says="The refresh token was rejected; logged in with the password.",
        do="Nothing, if no other program uses the same refresh token: each works only once.",
    ),
    "cache": Case(
        what="token_cache is a folder",
        settings={"token_cache": "."},
        step="login",
        code=2,
        says="Setting token_cache: cannot read *** (Is a directory).",
        do="Name a file in a folder that this user can write to and that persists until the next run.",
    ),
    "short life": Case(
        what="a token lives only two minutes",
        forms={"expires_in": 120},
        step="login",
        says="Logged in with the password; the token is valid for only 120 seconds.",
        do="Nothing: the tap renews it in time. YOC's tokens are usually valid for an hour.",
    ),
    "refresh lost": Case(
        what="the answer to a refresh is lost",
        faults=({"kind": "lost_rotation", "after": 1},),
        step="refresh",
        says="The refresh token was rejected; the tap logged in with the password again.",
        do=(
            "Nothing, as long as a password is set. If the problem persists, report it: runs renew their tokens "
            "in this way."
        ),
    ),
    "unreachable": Case(
        what="nothing listens at the address",
        settings={"auth_url": CLOSED},
        step="login",
        code=5,
        says="YOC gives no usable answer: no connection to 127.0.0.1:9 (connection refused).",
        do=(
            "Check api_url and auth_url, the firewall, and whether this network needs a proxy (HTTPS_PROXY). The "
            "default URLs are https://api.yoc.com and https://oauth.yoc.com."
        ),
    ),
    "no TLS": Case(
        what="https to a port without TLS",
        settings={"auth_url": "https://URL"},
        step="login",
        code=2,
        says="https://127.0.0.1:8098/api/v2/oauth/token does not use TLS.",
        do=(
            "The URL says https, but the server there does not use TLS. Check host and port in api_url and "
            "auth_url, and whether this network needs a proxy (HTTPS_PROXY)."
        ),
    ),
    "redirect": Case(
        what="the address redirects",
        faults=forever("metadata", "redirect", location="http://127.0.0.2:9/"),
        step="columns",
        code=2,
        says=(
            "http://127.0.0.1:8098/api/v1/reporting/publishers redirects elsewhere, and the tap sends no "
            "credentials there."
        ),
        do=(
            "Set api_url and auth_url to YOC's real URLs. The defaults are https://api.yoc.com and "
            "https://oauth.yoc.com. The tap never sends credentials to another address."
        ),
    ),
    "proxy": Case(
        what="a proxy answers with a web page",
        faults=forever("metadata", "html_200"),
        step="columns",
        code=5,
        says="YOC gives no usable answer: the answer is not JSON (text/html; charset=utf-8, 112 bytes).",
        do=(
            "The answer is a web page, from a proxy, a firewall's login or maintenance. Open the URL in a browser"
            " on this machine. Set HTTPS_PROXY if this network needs a proxy."
        ),
    ),
    "quota": Case(
        what="the quota is used up, 429",
        faults=forever("report", status=429, retry_after="3600"),
        step="days",
        code=5,
        says="YOC gives no usable answer: HTTP 429. It asks to wait 600 seconds or more.",
        do=(
            "Wait, then run again. If the problem persists, let fewer jobs use this login at a time, and ask "
            "YOC's account manager about the quota."
        ),
    ),
    "503": Case(
        what="YOC is down, 503",
        faults=forever("metadata", status=503),
        step="columns",
        code=5,
        says="YOC gives no usable answer: HTTP 503.",
        do=(
            "YOC is failing or overloaded: run again later. A scheduler that retries on exit code 5 does so by itself."
        ),
    ),
    "401": Case(
        what="YOC does not take its own token, 401",
        faults=forever("metadata", status=401),
        step="columns",
        code=3,
        says="YOC rejects a token that it has just issued (HTTP 401: unauthorized As ordered.).",
        do="Let all runs of this login share one token_cache. If there is no other run, ask YOC's account manager "
        "whether the account may use the API.",
    ),
    "no columns": Case(
        what="the account has no columns",
        forms={"account": "none"},
        step="columns",
        code=3,
        says="The login works, but YOC offers it no columns.",
        do=ASK,
    ),
    "403": Case(
        what="the login may not read reports, 403",
        faults=forever("report", status=403),
        step="days",
        code=3,
        says=(
            "YOC does not let this account see Page 1 of date for 2026-06-08 to 2026-06-14 (HTTP 403: "
            "forbidden As ordered.)."
        ),
        do=ASK,
    ),
    "envelope": Case(
        what="an answer without a list of rows",
        faults=forever("report", "no_rows_key"),
        step="days",
        code=4,
        says="YOC's answer to a report has no single list of rows (found: ['status']).",
        do=REPORT,
    ),
    "cell": Case(
        what="`n/a` in a number",
        faults=forever("report", "garbage_cell", column="impressions"),
        step="days",
        code=4,
        says="Column impressions of 2026-06-08 contains a value that is not a number (declared INTEGER).",
        do=REPORT,
    ),
    "row twice": Case(
        what="a row appears twice",
        faults=forever("report", "duplicate_row", match="ad_unit_name"),
        step="pages",
        code=4,
        says=(
            "The report by date, publisher_visx_id, site_visx_id, ad_unit_visx_id, ad_unit_name: a row appeared "
            "twice, twice."
        ),
        do=(
            "Run the doctor again in a few minutes, because YOC may be revising figures. If the problem persists,"
            " report it."
        ),
    ),
    "page cap": Case(
        what="YOC cuts pages in silence",
        forms={"page_cap": 100},
        step="pages",
        says="YOC sends 100 rows per page instead of the 500 requested, and does not say so.",
        do="Nothing: the tap notices. Set page_size to 100 to save it finding out in every run.",
    ),
    "page cap that loses": Case(
        what="it cuts them, and rows get lost between two",
        forms={"page_cap": 100, "cap_steps": "asked"},
        step="pages",
        says="YOC sends 100 rows per page instead of the 500 requested, and does not say so.",
        do="Nothing: the tap notices. Set page_size to 100 to save it finding out in every run.",
    ),
    "no yesterday": Case(
        what="yesterday is not there yet",
        gap_days=last_days(1),
        step="days",
        says="Yesterday, 2026-06-14, has no rows yet; the newest day is 2026-06-13.",
        do=(
            "Run later in the day. The bookmark waits, so nothing is lost. If the problem persists, ask YOC's "
            "account manager."
        ),
    ),
    "gap": Case(
        what="a day in between has no rows",
        gap_days=(YESTERDAY - timedelta(days=3),),
        step="days",
        says="The newest day, 2026-06-14, has rows, but 2026-06-11 has none.",
        do="Compare with hub.yoc.com. If it has figures for those days, ask YOC's account manager.",
    ),
    "no rows for days": Case(
        what="no rows for ten days",
        gap_days=last_days(10),
        step="days",
        says="No day of 2026-06-08 to 2026-06-14 has a row; the newest day with rows is 2026-06-04.",
        do="Compare with hub.yoc.com. If it has figures, ask YOC's account manager what this login can see.",
    ),
    "no rows": Case(
        what="no rows at all",
        gap_days=last_days(200),
        step="days",
        says="No day of 2025-12-16 to 2026-06-14 has a row.",
        do="Compare with hub.yoc.com. If it has figures, ask YOC's account manager what this login can see.",
    ),
    "narrow": Case(
        what="the account lacks dimensions",
        forms={"account": "narrow"},
        step="streams",
        says=(
            "8 streams; turned off by standard_reports: ad_unit_country_daily; 4 left out because columns are "
            "missing (see below)."
        ),
        do=(
            "Nothing, if the account is not meant to see more. Otherwise ask YOC's account manager for these "
            "dimensions."
        ),
    ),
    "custom report": Case(
        what="a custom report names a column that is not there",
        settings={"reports": [{"name": "mine", "group_by": ["contry"]}]},
        step="streams",
        code=2,
        says="Setting reports[0] (mine).group_by: the account has no column contry (did you mean country?).",
        do=FIX,
    ),
    "standard report": Case(
        what="a standard report is misspelt",
        settings={"standard_reports": ["site_dayly"]},
        step="streams",
        code=2,
        says=(
            "Setting standard_reports names site_dayly, which is not a standard report (did you mean "
            "site_daily?); choose from daily_totals, account_daily, publisher_daily, country_daily, "
            "site_daily, ad_unit_daily, ad_unit_country_daily."
        ),
        do=FIX,
    ),
    "odd types": Case(
        what="the metadata has a type that is not known",
        forms={"types": "odd"},
        step="columns",
        says="12 dimensions and 15 metrics; of unknown type: quality_band (BLOB7).",
        do="Nothing for now: the tap reads them as text. Report it, so that they get their type.",
    ),
    "start date": Case(
        what="start_date is older than what YOC serves",
        settings={"start_date": "2024-01-01"},
        step="settings",
        says=(
            "Valid; a run reads 2025-12-16 to 2026-06-14; days end at midnight in Europe/Berlin. The URLs are not"
            " YOC's. YOC no longer serves the days before that, from start_date (2024-01-01) on."
        ),
        do="Those days are lost. Run daily from now on.",
    ),
    "first day refused": Case(
        what="YOC refuses the first day",
        faults=forever("report", status=422, match="2025-12-16"),
        step="history",
        code=4,
        says="YOC refuses Page 1 of date for 2025-12-16 (HTTP 422: invalid_request As ordered.).",
        do=(
            "Report the whole output. If only the step history fails, set start_date a few days later until YOC "
            "accepts it."
        ),
    ),
    "clock": Case(
        what="this machine's clock is wrong",
        server_is_ahead_seconds=600,
        step="clock",
        says="This machine's clock is 10 minutes behind the server's.",
        do=(
            "Set this machine's clock (NTP). Otherwise runs near midnight read the wrong day and waits after a "
            "429 are wrong."
        ),
    ),
    "slow": Case(
        what="YOC takes 20 seconds for each report",
        faults=forever("report", "slow", seconds=20),
        step="speed",
        says="17 of 20 requests took longer than 10 seconds, the slowest 20.",
        do=(
            "Run at another hour. If the problem persists, lower window_days to make requests smaller, or raise "
            "request_timeout (now 60 seconds)."
        ),
    ),
    "some faults": Case(
        what="YOC fails now and then",
        faults=({"kind": "status", "status": 503, "times": 2}, {"kind": "reset_before"}),
        step="repeats",
        says="3 of 23 requests had to be retried (a broken connection, HTTP 503).",
        do="Nothing: the tap waits and retries. If the problem persists, run at another hour or lower concurrency.",
    ),
    "reread": Case(
        what="a row appears twice, once",
        faults=({"kind": "duplicate_row"},),
        step="rereads",
        says="The tap read something twice. The report by date: a row appeared twice; reading it once more.",
        do="Nothing, if it is rare: YOC revises figures. If the problem persists, report it.",
    ),
}


def doctor(settings: dict[str, Any], clock: VirtualClock | None = None) -> Findings:
    """Return what the doctor finds, on a virtual clock."""
    clocked: type[ObservedTap] = type("ObservedTap", (ObservedTap,), {"clock": clock or VirtualClock()})
    return examine(lambda: clocked(config=dict(settings)))


def table() -> str:
    """Return the page's table."""
    lines = ["| What is wrong | Step | What the doctor says | What to do | Exit |", "|---|---|---|---|---|"]
    lines += [f"| {case.what} | {case.step} | {case.says} | {case.do} | {case.code} |" for case in CASES.values()]
    return "\n".join(lines) + "\n"


def sample(sandbox: Sandbox, **settings: Any) -> str:  # noqa: ANN401 - settings of any kind
    """Return what the doctor prints, without what differs between machines."""
    return as_text(doctor({**sandbox.config, **settings}), "1.0").replace(_PYTHON, "Python 3.13.0") + "\n"


_PYTHON = f"Python {sys.version.split()[0]}"
PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


def with_blocks(page: str, sandbox: Sandbox) -> str:
    """Return the page with its table and its samples as they should be."""
    samples = iter((sample(sandbox), sample(sandbox, password="not-the-password")))
    page = re.sub(r"```text\n.*?```\n", lambda _: f"```text\n{next(samples)}```\n", page, flags=re.DOTALL)
    return re.sub(r"^\| What is wrong.*?\n(?=\n)", lambda _: table(), page, flags=re.DOTALL | re.MULTILINE)


if __name__ == "__main__":
    clock = VirtualClock()
    with Sandbox(today=TODAY, clock=lambda: clock.now().timestamp()) as served:
        PAGE.write_text(with_blocks(PAGE.read_text(encoding="utf-8"), served), encoding="utf-8")
