"""The fault matrix: what goes wrong, what the tap does, what the user sees; a table, and the page made of it.

`make docs` writes docs/faults.md; the tests hold every row against a run, and the page against the
table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOREVER = -1
SITES = '"site_visx_id"'
"""Only the reports of one stream are spoilt, so that the others show whether they suffer."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the matrix."""

    what: str
    faults: tuple[dict[str, Any], ...]
    does: str
    code: int = 0
    sees: str = ""
    """A piece of the log."""
    bookmark: str | None = "2026-06-14"
    """Where the spoilt stream's bookmark stands afterwards; None for none."""
    others_finish: bool = True
    server_is_ahead_seconds: float = 0
    forms: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def report(kind: str, times: int = 1, **options: Any) -> tuple[dict[str, Any], ...]:  # noqa: ANN401 - fault options
    """Return a fault of the spoilt stream's reports."""
    return ({"kind": kind, "times": times, "match": SITES, **options},)


WAITS = "waits, retries the request and goes on"
REREADS = "reads the window once more"
FAILS_WINDOW = "reads the window once more, then fails the stream; its bookmark stays before the window"
GIVES_UP = "retries the request for `max_wait_minutes`, then fails the stream"
ONCE_MORE = "reading it once more."

CASES = {
    # Retries
    "429 with seconds": Case(
        what="429 with `Retry-After: 7`, twice",
        faults=report("status", 2, status=429, retry_after="7"),
        does="waits as long as requested, then sends fewer requests at a time",
        sees="HTTP 429; waiting 7.0 seconds.",
    ),
    "429 with a date": Case(
        what="429 with `Retry-After` as a date",
        faults=report("status", status=429, retry_after="Mon, 15 Jun 2026 06:01:00 GMT"),
        does="waits until then",
        sees="HTTP 429; waiting 60.0 seconds.",
    ),
    "429 with a date by another clock": Case(
        what="the same, with this machine's clock two hours behind the server's",
        faults=report("status", status=429, retry_after="Mon, 15 Jun 2026 08:01:00 GMT"),
        does="counts from the answer's own `Date`",
        sees="HTTP 429; waiting 60.0 seconds.",
        server_is_ahead_seconds=7200,
    ),
    "429 without a word": Case(
        what="429 without `Retry-After`, three times",
        faults=report("status", 3, status=429),
        does=f"{WAITS}; the waits grow",
        sees="HTTP 429; waiting",
    ),
    "429 with an absurd wait": Case(
        what="429 with `Retry-After: 864000`",
        faults=report("status", status=429, retry_after="864000"),
        does="waits ten minutes, then retries",
        sees="HTTP 429; waiting 600.0 seconds.",
    ),
    "429 with nonsense": Case(
        what="429 with `Retry-After: soon`",
        faults=report("status", status=429, retry_after="soon"),
        does=WAITS,
        sees="HTTP 429; waiting",
    ),
    "503": Case(
        what="503 with `Retry-After: 30`",
        faults=report("status", status=503, retry_after="30"),
        does="waits as long as requested",
        sees="HTTP 503; waiting 30.0 seconds.",
    ),
    "500 for a while": Case(
        what="500, five times", faults=report("status", 5, status=500), does=WAITS, sees="HTTP 500; waiting"
    ),
    "502 with HTML": Case(
        what="502 with an HTML page", faults=report("status", status=502), forms={"errors": "html"}, does=WAITS,
        sees="HTTP 502; waiting",
    ),
    "connection reset before the answer": Case(
        what="the connection breaks before the answer", faults=report("reset_before", 3), does=WAITS, sees="waiting"
    ),
    "connection reset within the answer": Case(
        what="the connection breaks during the answer", faults=report("reset_after_headers", 2), does=WAITS,
        sees="waiting",
    ),
    "body cut": Case(
        what="a body shorter than announced", faults=report("cut_body", 2), does=WAITS,
        sees="the answer was cut off",
    ),
    "JSON cut": Case(
        what="JSON that stops in the middle", faults=report("cut_json", 2), does=WAITS,
        sees="the answer is not JSON",
    ),
    "HTML with status 200": Case(
        what="an HTML page with status 200", faults=report("html_200", 2), does=WAITS, sees="the answer is not JSON"
    ),
    "metadata fails for a while": Case(
        what="the metadata fails three times",
        faults=({"kind": "status", "where": "metadata", "status": 500, "times": 3},),
        does=WAITS, sees="The metadata: HTTP 500; waiting",
    ),
    "404 for a page that is there": Case(
        what="404 for a page that exists, and there is no total",
        faults=report("status", status=404, page=2), forms={"total": "none"},
        does="requests the page again before it treats the report as finished", sees="Done:",
    ),
    "404 for every page for a while": Case(
        what="404 for every report for a while, as from a proxy in front of a server that is down",
        faults=({"kind": "status", "status": 404, "where": "report", "after": 3, "times": 12},),
        forms={"total": "none"}, sees="HTTP 404 for a page that existed before; waiting",
        does="waits until a page that existed before is back, then retries",
    ),
    "404 for the first page": Case(
        what="404 for the first page", faults=report("status", status=404, page=1), forms={"total": "none"},
        does="requests the page again before it treats the report as empty", sees="Done:",
    ),
    "404 every time": Case(
        what="404 for every report",
        faults=({"kind": "status", "status": 404, "times": FOREVER},),
        does="does not treat it as empty reports unless a report has had rows; fails", code=4, bookmark=None,
        others_finish=False, sees="YOC answers 404 to the first report",
    ),
    "429 every time": Case(
        what="429 every time", faults=report("status", FOREVER, status=429), does=GIVES_UP, code=5, bookmark=None,
        sees="longer than max_wait_minutes allows (HTTP 429); run again later.",
    ),
    "500 every time": Case(
        what="500 every time", faults=report("status", FOREVER, status=500), does=GIVES_UP, code=5, bookmark=None,
        sees="longer than max_wait_minutes allows (HTTP 500); run again later.",
    ),
    "HTML every time": Case(
        what="an HTML page with status 200 every time", faults=report("html_200", FOREVER), does=GIVES_UP, code=5,
        bookmark=None, sees="the answer is not JSON (text/html",
    ),
    "500 after the first window": Case(
        what="500 every time from the second window on",
        faults=report("status", FOREVER, status=500, after=3),
        does=f"{GIVES_UP}; the windows before it are kept",
        code=5, bookmark="2026-06-07", sees="longer than max_wait_minutes allows", settings={"window_days": 7},
    ),
    # Tokens
    "token dies": Case(
        what="YOC rejects an expired token with 401", faults=report("expire_access"),
        does="renews the token once and repeats the request", sees="Done:",
    ),
    "family revoked": Case(
        what="YOC revoked all tokens of the login",
        faults=(*report("expire_access"), {"kind": "revoke_family", "after": 1}),
        does="logs in with the password", sees="Logging in with the password again.",
    ),
    "refresh lost": Case(
        what="the answer to a refresh is lost",
        faults=(*report("expire_access"), {"kind": "lost_rotation", "after": 1}),
        does="does not retry the refresh; logs in with the password", sees="Logging in with the password again.",
    ),
    "401 every time": Case(
        what="401 every time", faults=report("status", FOREVER, status=401),
        does="renews the token once, then stops the run",
        code=3, bookmark=None, others_finish=False, sees="YOC rejects a token that it has just issued",
    ),
    "login refused": Case(
        what="the login is refused", faults=({"kind": "status", "where": "token", "status": 401, "times": FOREVER},),
        does="stops at once and does not retry the login", code=3, bookmark=None, others_finish=False,
        sees="YOC refuses the login",
    ),
    "forbidden": Case(
        what="403 for one report", faults=report("status", FOREVER, status=403),
        does="fails the stream", code=3, bookmark=None, sees="YOC does not let this account see",
    ),
    # Rows that do not add up
    "row twice, once": Case(
        what="a row appears twice", faults=report("duplicate_row"), does=REREADS, sees=ONCE_MORE,
    ),
    "row twice": Case(
        what="a row appears twice, every time", faults=report("duplicate_row", FOREVER), does=FAILS_WINDOW, code=4,
        bookmark=None, sees="appeared twice, twice; the bookmark stays before it",
    ),
    "page twice, once": Case(
        what="a page appears twice", faults=report("repeat_page", page=2), does=REREADS, sees=ONCE_MORE,
    ),
    "page twice": Case(
        what="a page appears twice, every time", faults=report("repeat_page", FOREVER, page=2), does=FAILS_WINDOW,
        code=4, bookmark=None, sees="the bookmark stays before it",
    ),
    "page twice, no total": Case(
        what="a page appears twice, and there is no total", faults=report("repeat_page", FOREVER, page=2),
        forms={"total": "none"}, does=FAILS_WINDOW, code=4, bookmark=None, sees="page 2 repeats page 1",
    ),
    "foreign day, once": Case(
        what="a row belongs to another day", faults=report("foreign_day"), does=REREADS, sees=ONCE_MORE,
    ),
    "foreign day": Case(
        what="a row belongs to another day, every time", faults=report("foreign_day", FOREVER), does=FAILS_WINDOW,
        code=4, bookmark=None, sees="outside the requested days",
    ),
    "order lost, once": Case(
        what="rows are out of order", faults=report("shuffle"), does=REREADS, sees=ONCE_MORE,
    ),
    "order lost": Case(
        what="rows are out of order, every time", faults=report("shuffle", FOREVER), does=FAILS_WINDOW, code=4,
        bookmark=None, sees="the rows are not in the order of",
    ),
    "row lost, once": Case(
        what="a row is missing", faults=report("drop_row"), does=REREADS, sees=ONCE_MORE,
    ),
    "row lost": Case(
        what="a row is missing, every time", faults=report("drop_row", FOREVER), does=FAILS_WINDOW, code=4,
        bookmark=None, sees="the server counts 168 rows but sent 167", settings={"page_size": 500},
    ),
    "row lost, no total": Case(
        what="a row is missing, and there is no total",
        faults=report("drop_row", FOREVER), forms={"total": "none"}, settings={"page_size": 500},
        does="notices by the account's totals that a day is incomplete, reads it once more and warns",
        sees="; the day may be incomplete.",
    ),
    "row lost, no total, fail": Case(
        what="the same with `on_incomplete_day: fail`",
        faults=report("drop_row", FOREVER), forms={"total": "none"},
        settings={"on_incomplete_day": "fail", "page_size": 500},
        does=FAILS_WINDOW, code=4, bookmark=None, sees="the account's total is",
    ),
    "wrong total": Case(
        what="a total that the rows never reach", faults=report("wrong_total", FOREVER), does=FAILS_WINDOW, code=4,
        bookmark=None, sees="the server counts 169 rows but sent 168",
    ),
    "figures revised between pages": Case(
        what="figures are revised during a window",
        faults=report("revise", page=2, match='"ad_unit_visx_id"'),
        does=REREADS, sees=ONCE_MORE,
    ),
    # Answers that cannot be read
    "no rows in the answer": Case(
        what="an answer without any list of rows", faults=report("no_rows_key", FOREVER), does="fails the stream",
        code=4, bookmark=None, sees="has no single list of rows (found: ['status'])",
    ),
    "a number for an answer": Case(
        what="an answer that is a number", faults=report("json_scalar", FOREVER), does="fails the stream", code=4,
        bookmark=None, sees="has no single list of rows (found: int)",
    ),
    "a body without bounds": Case(
        what="300 kB of gzip that decompress to 300 MB", faults=report("zip_bomb", FOREVER), code=4, bookmark=None,
        does="reads 64 MiB at most, and fails the stream", sees="is too large (more than 64 MiB decompressed)",
    ),
    "a deep body": Case(
        what="JSON that is nested 100,000 deep", faults=report("deep_json", FOREVER), code=4, bookmark=None,
        does="fails the stream at once", sees="nested deeper than 32 levels",
    ),
    "a total without bounds": Case(
        what="a total of 5,000 digits", faults=report("huge_total", FOREVER), code=4, bookmark=None,
        does="fails the stream at once", sees="counts the rows of a report with more than 18 digits",
    ),
    "an answer compressed as br": Case(
        what="an answer compressed as br, which the tap did not request", faults=report("odd_packing", FOREVER), code=2,
        does="fails the stream at once", bookmark=None, sees="compressed as 'br', which the tap did not request",
    ),
    "a status told in a 200": Case(
        what='200 with `{"status": 500, "data": []}`, twice', faults=report("body_status", 2), does=WAITS,
        sees="HTTP 500, in the body of an answer; waiting",
    ),
    "a quota told in a 200": Case(
        what='200 with `{"code": 429, "data": []}` and `Retry-After: 7`',
        faults=report("body_code", retry_after="7"), does="waits as long as requested",
        sees="HTTP 429, in the body of an answer; waiting 7.0 seconds.",
    ),
    "a status in a body every time": Case(
        what='200 with `{"status": 500, "data": []}` every time', faults=report("body_status", FOREVER), does=GIVES_UP,
        code=5, bookmark=None, sees="max_wait_minutes allows (HTTP 500, in the body of an answer)",
    ),
    "another code told in a 200": Case(
        what='200 with `{"code": 403, "data": []}`', faults=report("body_code", FOREVER, status=403),
        does="fails the stream", code=4, bookmark=None, sees="success but an error in the body (`code`: 403)",
    ),
    "no success told in a 200": Case(
        what='200 with `{"success": "false", "data": []}`', faults=report("body_flag", FOREVER),
        does="fails the stream", code=4, bookmark=None, sees="success but an error in the body (`success`: false)",
    ),
    "an error told beside no rows": Case(
        what='200 with `{"data": {"error": "boom", "rows": []}}`', faults=report("nested_error", FOREVER),
        does="fails the stream", code=4, bookmark=None, sees="success but an error in the body (`error`: boom)",
    ),
    "an error told beside rows": Case(
        what='rows with `"error": "partial"` next to them', faults=report("error_beside_rows", FOREVER),
        does="fails the stream", code=4, bookmark=None, sees="success but an error in the body (`error`: partial)",
    ),
    "the metadata fails in a 200": Case(
        what='200 with `{"code": 503}` for the metadata and for the login, twice',
        faults=(
            {"kind": "body_code", "where": "metadata", "status": 503, "times": 2},
            {"kind": "body_code", "where": "token", "status": 503, "times": 2},
        ),
        does=WAITS, sees="The login: HTTP 503, in the body of an answer; waiting",
    ),
    "text in a number": Case(
        what="`n/a` in a number", faults=report("garbage_cell", FOREVER, column="impressions"),
        does="fails the stream, naming column and day", code=4, bookmark=None,
        sees="Stream site_daily: column impressions of 2026-06-01 contains a value that is not a number",
    ),
    "NaN": Case(
        what="NaN in a number", faults=report("nan_cell", FOREVER, column="impressions"),
        does="fails the stream, naming column and day", code=4, bookmark=None,
        sees="column impressions of 2026-06-01 contains a value that is not a number",
    ),
    "no day": Case(
        what="a row without its day", faults=report("null_date", FOREVER), does="fails the stream", code=4,
        bookmark=None, sees="column date contains a value that is missing, but every row needs a day",
    ),
    "bad request": Case(
        what="400 that repeats the request with all its secrets",
        faults=report("echo_secrets", FOREVER), code=4,
        does="fails the stream; the message is shortened and contains no secret",
        bookmark=None, sees="YOC refuses Page",
    ),
    "redirect": Case(
        what="a redirect to another host",
        faults=report("redirect", FOREVER, location="http://127.0.0.2:9/elsewhere"),
        does="does not follow it, because it would send credentials there; fails the stream", code=2, bookmark=None,
        sees="redirects elsewhere, and the tap sends no credentials there",
    ),
    "redirect to nowhere": Case(
        what="a redirect without a location", faults=report("status", FOREVER, status=302),
        does="fails the stream at once", code=2, bookmark=None, sees="redirects to nowhere (HTTP 302)",
    ),
}  # fmt: skip


def page() -> str:
    """Return the documentation page."""
    lines = [
        "# Faults, and what the tap does",
        "",
        "Each row is a test: the sandbox causes the fault over a real connection, and the run must end as described.",
        "This page is generated from the same table (`make docs`). Exit codes: 0 complete, 2 settings,",
        "3 login or permission, 4 incomplete data, 5 unavailable.",
        "",
        "| Fault | What the tap does | Exit code | What the log says |",
        "|---|---|---|---|",
    ]
    lines += [f"| {case.what} | {case.does} | {case.code} | {case.sees} |" for case in CASES.values()]
    return "\n".join([*lines, "", *TOKENS]) + "\n"


TOKENS = [
    "## A refresh token is used once",
    "",
    "Using a refresh token twice may end the login's whole session. So before the first byte of a refresh is sent,",
    "the tap stores that the token is being used (on disk with `token_cache`). A test kills runs at every point of a",
    "refresh.",
    "",
    "| What happens during a refresh | What the tap does |",
    "|---|---|",
    "| no connection: name, port, TLS handshake, refused by a proxy | retries; nothing was sent or used up |",
    "| 429 or 503 | retries; assumed: YOC has not looked at the token |",
    "| 404, 405, 406, 410, 415, 422 or `invalid_client` | keeps the token; logs in with the password |",
    "| any other 4xx | drops the token; logs in with the password |",
    "| the answer is lost, or is a 5xx, or no token pair | does not repeat the refresh; logs in with the password |",
    "| SIGKILL, power loss, or a full disk after sending | the next run logs in with the password |",
    "| a full disk before sending | sends nothing; exit code 2 |",
    "| SIGTERM or SIGINT | waits 5 s at most for the answer, then ends; the next run knows |",
    "| any of these without a password, if the token may be used up | tries the token one last time, with a warning |",
    "",
    "A damaged cache only costs a login. If the cache cannot be read or written, the run ends with exit code 2.",
]

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"

if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
