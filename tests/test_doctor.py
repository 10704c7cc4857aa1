"""The doctor against the sandbox: what it says of each fault, what it learns of each form, and what it never shows."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import preloaded
import pytest
from doctor_cases import CASES, PAGE, doctor, with_blocks
from filelock import FileLock
from harness import FIGURES, TODAY, VirtualClock, run_tap

from tap_yoc.doctor.checks import examine
from tap_yoc.doctor.findings import State
from tap_yoc.doctor.observed_tap import ObservedTap
from tap_yoc.doctor.recording_transport import REPORT, RecordedAnswer
from tap_yoc.doctor.text import as_json, as_text, command_of
from tap_yoc.doctor.value_formats import DAYS, cell_traits
from tap_yoc.errors import RunStopped
from tap_yoc.reports.columns import Column, Kind, Role
from tap_yoc.sandbox import exchange
from tap_yoc.sandbox.faults import Fault
from tap_yoc.sandbox.inventory import ACCOUNTS, COMPANIES, PUBLISHERS, SITES, ad_units
from tap_yoc.sandbox.server import Forms, Sandbox

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from doctor_cases import Case

    from tap_yoc.doctor.findings import Findings


def step_of(found: Findings, name: str) -> tuple[State, str]:
    """Return how a step ended, and what it says."""
    (step,) = [step for step in found.steps if step.name == name]
    return step.state, step.says


def grants(sandbox: Sandbox) -> list[tuple[str | None, int]]:
    """Return the requests to the token endpoint, with their status."""
    return [(request.grant, request.status) for request in sandbox.requests if request.kind == "token"]


def assert_shows_nothing_private(text: str, sandbox: Sandbox) -> None:
    """Fail where a credential, a token, a name out of the reports, or a figure stands in what was printed."""
    tokens = [*sandbox.world.tokens._access, *sandbox.world.tokens._refresh]  # noqa: SLF001 - nobody else may see them
    names = [name.strip() for site in SITES for name in site.names]
    names += [name.strip() for unit in ad_units() for name in unit.names]
    names += [name for _, name, _ in (*COMPANIES, *ACCOUNTS, *PUBLISHERS)]
    logins = [value for name, value in sandbox.config.items() if not name.endswith("_url")]
    for value in (*tokens, *names, *logins):
        assert value not in text
    # Smaller ones may be a count.
    rows = sandbox.truth(group_by=["date"], data_fields=FIGURES, start=TODAY.replace(day=8))
    figures = {str(row[name]) for row in rows for name in FIGURES}
    assert not {word.strip(".,;:()") for word in text.split()} & {figure for figure in figures if len(figure) > 4}


async def waits_on(clock: VirtualClock, seconds: float) -> None:
    """Let the sandbox be slow without keeping anybody waiting."""
    clock.sleep(seconds, threading.Event())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_fault_has_its_sentence_and_what_to_do(
    sandbox: Sandbox, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """The step that finds it says what happened and what to do, with the tap's exit code, and nothing private."""
    monkeypatch.chdir(tmp_path)
    sandbox.forms = sandbox.forms.but(case.forms)
    sandbox.clock = lambda: clock.now().timestamp() + case.server_is_ahead_seconds
    monkeypatch.setattr(exchange, "asyncio", SimpleNamespace(sleep=partial(waits_on, clock)))
    monkeypatch.setattr(sandbox.world, "options", replace(sandbox.world.options, gap_days=case.gap_days))
    for fault in case.faults:
        sandbox.add_fault(Fault(**fault))
    address = sandbox.url.partition("//")[2]
    settings = {**sandbox.config, **case.settings}
    for name in ("api_url", "auth_url"):
        settings[name] = settings[name].replace("URL", address)
    found = doctor(settings, clock)
    (step,) = [step for step in found.steps if step.name == case.step]
    assert (step.says.replace(address, "127.0.0.1:8098"), step.do) == (case.says, case.do)
    assert step.state is (State.FAILED if case.code else State.NOTE)
    assert found.exit_code == case.code
    troubled = [each.name for each in found.steps if each.state in {State.FAILED, State.NOTE}]
    assert troubled == [case.step], "one thing is wrong, and nothing else is blamed"
    assert case.step in found.verdict
    for text in (as_text(found, "1.0"), as_json(found, "1.0")):
        assert_shows_nothing_private(text.replace(address, ""), sandbox)


@pytest.mark.parametrize("case", ["wrong password", "wrong client", "used refresh token", "login format", "401"])
def test_a_login_that_was_refused_is_not_tried_again(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """One refusal is one request; the steps behind it are not tried."""
    monkeypatch.chdir(tmp_path)
    for fault in CASES[case].faults:
        sandbox.add_fault(Fault(**fault))
    found = doctor({**sandbox.config, **CASES[case].settings})
    refused = [status for _, status in grants(sandbox) if status != 200]
    assert len(refused) == (0 if case == "401" else 1)
    assert not [request for request in sandbox.requests if request.kind == "report"]
    assert [step.state for step in found.steps if step.missing] == [State.SKIPPED] * (5 if case == "401" else 7)


FORMS: list[dict[str, Any]] = [
    {},
    {"envelope": "bare", "total": "header", "past_end": "404", "numbers": "text", "missing": "empty"},
    {"envelope": "items", "total": "none", "first_page": 0, "dates": "datetime", "booleans": "int", "types": "lower"},
    {"envelope": "nested", "total": "meta", "total_as_text": True, "page_cap": 30, "before_first": "first"},
    {"envelope": "other", "total": "count", "before_first": "404", "dates": "datetime_z", "account": "narrow"},
    {"envelope": "rows", "total": "page_count", "past_end": "last", "rotation": "keep", "missing": "absent"},
    {"envelope": "results", "total": "paging", "page_cap": 40, "cap_steps": "asked", "columns": "old"},
    {"envelope": "records", "total": "total_items", "before_first": "empty", "expires_in_as": "text"},
    {"total": "total_count", "row_blanks": True, "booleans": "text_int", "errors": "html", "expires_in_as": "absent"},
    {"total": "none", "past_end": "204"},
    {"total": "none", "past_end": "404", "first_page": 0, "dates": "datetime_space", "booleans": "text"},
    {"total": "none", "past_end": "last", "page_cap": 2, "metadata_blanks": False, "compression": "none"},
    {"total": "pagination", "errors": "empty", "types": "odd", "numbers": "text", "expires_in": 600},
]  # fmt: skip


@pytest.mark.parametrize("forms", FORMS, ids=lambda forms: ",".join(f"{k}={v}" for k, v in forms.items()) or "healthy")
def test_the_forms_it_prints_make_a_sandbox_that_it_cannot_tell_apart(sandbox: Sandbox, forms: dict[str, Any]) -> None:
    """The server's behaviour is found out, and the command for the maintainers replays them all."""
    sandbox.forms = Forms().but(forms)
    found = doctor(sandbox.config)
    assert found.exit_code == 0, as_text(found, "1.0")
    assert found.forms.items() >= forms.items(), "every form was found out"
    assert [trait.name for trait in found.traits if not trait.forms] == []
    program, *options = " ".join(command_of(found)).split()
    assert (program, set(options[::2])) == ("tap-yoc-sandbox", {"--form"})
    with Sandbox(today=TODAY, forms=Forms().but_text(options[1::2]), clock=sandbox.clock) as new:
        again = doctor(new.config)
    assert as_text(again, "1.0") == as_text(found, "1.0")
    assert as_json(again, "1.0") == as_json(found, "1.0")


def test_behaviour_without_a_form_is_reported_too(sandbox: Sandbox) -> None:
    """An envelope that the tap cannot read is shown as keys and kinds; a Retry-After as its kind."""
    sandbox.add_fault("status", status=429, retry_after="Mon, 15 Jun 2026 06:00:05 GMT", where="metadata")
    sandbox.add_fault("no_rows_key", times=-1)
    told = json.loads(as_json(doctor(sandbox.config), "1.0"))
    assert told["server"]["unknown_shape"] == "{status: text}"
    assert told["server"]["retry_after"] == ["a date"]
    assert {"unknown_shape", "retry_after"} <= set(told["without_form"])
    assert "rows" not in told["server"]


def test_the_tap_agrees_with_what_the_doctor_says(sandbox: Sandbox) -> None:
    """The streams that it promises are those of discovery, in the same order, and the newest day is the bookmark's."""
    sandbox.forms = sandbox.forms.but({"account": "narrow"})
    settings = {**sandbox.config, "start_date": "2026-06-01", "reports": [{"name": "mine", "group_by": ["country"]}]}
    told = json.loads(as_json(doctor(settings), "1.0"))["account"]
    run = run_tap(settings, streams=["site_daily"])
    discovered = [message["stream"] for message in run.messages if message["type"] == "SCHEMA"]
    assert discovered == ["site_daily"]
    assert run.bookmark("site_daily") == told["newest_day"] == told["period"][-10:]
    assert told["streams"] == [
        "daily_totals", "publisher_daily", "country_daily", "site_daily", "ad_unit_daily", "mine", "sites", "ad_units",
        "report_fields",
    ]  # fmt: skip
    assert [sentence.split()[1] for sentence in told["left_out"]] == [
        "account_daily",
        "companies",
        "accounts",
        "publishers",
    ]
    assert told["off"] == ["ad_unit_country_daily"]
    assert told["sees"] == {"publishers": 5, "sites": 12, "ad_units": 40, "countries": 6}


def test_json_has_the_names_of_the_page(sandbox: Sandbox) -> None:
    """Every name in the JSON is on the page, and says the same as the text."""
    found = doctor(sandbox.config)
    told = json.loads(as_json(found, "1.0"))
    page = PAGE.read_text("utf-8").partition("## JSON output")[2]
    for name in [*told, *told["steps"][0], *told["account"]]:
        assert f"`{name}" in page or f".{name}`" in page, name
    text = " ".join(as_text(found, "1.0").split())
    assert told["verdict"] in text
    for step in told["steps"]:
        assert step["says"] in text


def test_a_web_page_instead_of_the_metadata_shows_nothing_of_the_account(sandbox: Sandbox) -> None:
    """A sandbox made after such an answer would have an account that nobody has."""
    sandbox.add_fault("html_200", where="metadata", times=-1)
    told = json.loads(as_json(doctor(sandbox.config), "1.0"))
    assert told["exit_code"] == 5
    assert not {"account", "types", "metadata_blanks"} & set(told["forms"])


def test_the_page_shows_what_the_doctor_says(sandbox: Sandbox) -> None:
    """Table and samples of the page are as the doctor is today."""
    page = PAGE.read_text("utf-8")
    assert with_blocks(page, sandbox) == page, "run: make docs"


def test_the_token_cache_keeps_what_the_doctor_renewed(sandbox: Sandbox, tmp_path: Path) -> None:
    """The pair that a refresh brought is the one that the next run finds; nobody has to log in again."""
    settings = {**sandbox.config, "token_cache": str(tmp_path / "token.json")}
    assert step_of(doctor(settings), "login")[1] == "Logged in with the password; the token is valid for 60 minutes."
    assert grants(sandbox) == [("password", 200), ("refresh_token", 200)]
    assert step_of(doctor(settings), "login")[1] == "The token_cache has a valid token."
    sandbox.expire_access_tokens()
    run = run_tap({**settings, "start_date": "2026-06-10"}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert [grant for grant, _ in grants(sandbox)] == ["password", *["refresh_token"] * 3]
    assert {status for _, status in grants(sandbox)} == {200}


def test_the_only_way_in_is_not_risked(sandbox: Sandbox, tmp_path: Path) -> None:
    """Without a password, a token that is still good is not renewed; one that has expired is, once."""
    given: Any = sandbox.world.tokens.login(sandbox.forms)
    settings = {**sandbox.config, "refresh_token": given["refresh_token"], "token_cache": str(tmp_path / "token.json")}
    del settings["password"], settings["username"]
    first, second = doctor(settings), doctor(settings)
    assert step_of(first, "refresh") == (State.OK, "The login was already a refresh.")
    state, says = step_of(second, "refresh")
    assert (state, says[:8]) == (State.SKIPPED, "Skipped:")
    assert grants(sandbox) == [("refresh_token", 200)]
    assert first.exit_code == second.exit_code == 0
    assert second.newest_day == "2026-06-14"


def test_another_run_holds_the_tokens(sandbox: Sandbox, tmp_path: Path) -> None:
    """The doctor waits for the lock as a run does, and asks for no token while another one may."""
    with FileLock(tmp_path / "token.json.lock"):
        settings = {**sandbox.config, "token_cache": str(tmp_path / "token.json"), "max_wait_minutes": 0.005}
        found = doctor(settings)
    assert found.exit_code == 5
    assert step_of(found, "login") == (State.FAILED, "Another run has held the token_cache for too long.")
    assert sandbox.requests == []


def test_it_gives_up_after_half_a_minute(
    sandbox: Sandbox, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person waits for the doctor, so `max_wait_minutes` is not used up."""
    # Waits of their full length: a long one that chance draws early would end the run after few seconds.
    monkeypatch.setattr("tap_yoc.api.retry.backoff.full_jitter", lambda longest: longest)
    sandbox.add_fault("status", status=503, times=-1, where="metadata")
    assert doctor({**sandbox.config, "max_wait_minutes": 600}, clock).exit_code == 5
    assert 10 < sum(clock.slept) <= 30


def test_a_mistake_of_its_own_does_not_hide_what_it_found(sandbox: Sandbox) -> None:
    """What nobody foresaw is reported by its place in the code, not by its text, and the exit code is 1."""

    class Broken(VirtualClock):
        def monotonic(self) -> float:
            if len(sandbox.requests) > 3:
                raise RuntimeError(sandbox.config["password"])
            return super().monotonic()

    found = doctor(sandbox.config, Broken())
    assert found.exit_code == 1
    state, says = step_of(found, "days")
    assert state is State.FAILED
    assert says.startswith("This failed unexpectedly (RuntimeError in ")
    assert found.columns
    assert_shows_nothing_private(as_text(found, "1.0"), sandbox)


def test_the_first_failure_gives_the_exit_code(sandbox: Sandbox) -> None:
    """Of a wrong setting and a row that comes twice, the one that was found first says what to do first."""
    sandbox.add_fault("duplicate_row", times=-1, match="ad_unit_name")
    found = doctor({**sandbox.config, "reports": [{"name": "mine", "group_by": ["contry"]}]})
    assert [step.name for step in found.steps if step.state is State.FAILED] == ["streams", "pages"]
    assert found.exit_code == 2


@pytest.mark.parametrize(
    ("fault", "dead", "others"),
    [
        pytest.param(
            {"where": "metadata"}, "columns", ["streams", "days", "history", "pages", "account"], id="columns"
        ),
        pytest.param({"where": "report", "match": "2025-12-16"}, "history", ["pages", "account"], id="history"),
    ],
)
def test_a_server_that_is_down_is_not_asked_further(
    sandbox: Sandbox, fault: dict[str, str], dead: str, others: list[str]
) -> None:
    """After the step that waited in vain nothing is asked, be that step one that the others do not need."""
    sandbox.add_fault("status", status=503, times=-1, **fault)
    found = doctor(sandbox.config)
    assert found.exit_code == 5
    assert step_of(found, dead)[0] is State.FAILED
    assert [step.name for step in found.steps if step.missing == dead] == others
    assert sandbox.requests[-1].status == 503
    assert sandbox.requests[-1].kind == fault["where"]


def observed_with_retries(settings: dict[str, Any]) -> ObservedTap:
    """Return a observed that is not examined yet, on a virtual clock."""
    clocked: type[ObservedTap] = type("ObservedTap", (ObservedTap,), {"clock": VirtualClock()})
    return clocked(config=dict(settings))


def assert_lets_go(observed: ObservedTap) -> None:
    """Fail where a thread of the observed's run could still take up work, or a request be sent."""
    with pytest.raises(RuntimeError, match="after shutdown"):
        vars(observed.run)["_pool"].submit(int)
    with pytest.raises(RunStopped):
        observed.run.client.columns()


@pytest.mark.parametrize("settings", [{}, {"password": "not-the-password"}], ids=["to its end", "refused"])
def test_after_the_examination_nothing_goes_on(sandbox: Sandbox, settings: dict[str, str]) -> None:
    """Threads and connections are let go, however far the examination came."""
    observed = observed_with_retries({**sandbox.config, **settings})
    examine(lambda: observed)
    assert_lets_go(observed)


def test_after_an_interruption_nothing_goes_on(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever interrupts the examination gets the interruption, and no thread stays."""

    def interrupted(_: ObservedTap) -> list[RecordedAnswer]:
        raise KeyboardInterrupt

    monkeypatch.setattr(ObservedTap, "grants", interrupted)
    observed = observed_with_retries(sandbox.config)
    with pytest.raises(KeyboardInterrupt):
        examine(lambda: observed)
    assert_lets_go(observed)


def test_no_token_is_kept(sandbox: Sandbox) -> None:
    """Of an answer that gives tokens its traits are kept, and not what it holds."""
    observed = observed_with_retries(sandbox.config)
    examine(lambda: observed)
    tokens = [*sandbox.world.tokens._access, *sandbox.world.tokens._refresh]  # noqa: SLF001 - nobody else may see them
    assert len(tokens) == 4
    assert [(bool(answer.tokens), answer.content) for answer in observed.grants()] == [(True, b""), (True, b"")]
    for answer in observed.recorded:
        assert not any(token in f"{answer} {answer.content!r}" for token in tokens)


def test_what_a_refused_login_says_is_kept(sandbox: Sandbox) -> None:
    """An answer without tokens is kept as it came, since it says why."""
    observed = observed_with_retries({**sandbox.config, "password": "not-the-password"})
    examine(lambda: observed)
    (answer,) = observed.grants()
    assert answer.tokens is None
    assert b"invalid_grant" in answer.content


@pytest.mark.parametrize(
    ("day", "spelling", "is_a_form"),
    [
        pytest.param("2026-06-14", "day", True, id="a-day"),
        pytest.param("2026-06-14T00:00:00Z", "datetime_z", True, id="midnight"),
        pytest.param("2026-06-14T23:45:07+02:00", "9999-99-99T99:99:99+99:99", False, id="an-odd-time"),
        pytest.param("14.06.2026", "99.99.9999", False, id="another-order"),
        pytest.param(20260614, "99999999", False, id="a-number"),
    ],
)
def test_a_day_that_no_form_has_is_shown_without_its_digits(day: str | int, spelling: str, *, is_a_form: bool) -> None:
    """How a day is spelled is reported, and never which day or time it is."""
    column = Column(name="date", role=Role.GROUP_BY, declared="DATE", kind=Kind.DATE)
    answer = RecordedAnswer(place=REPORT, asked={"group_by": ["date"], "data_fields": []}, status=200)
    (trait,) = cell_traits([(answer, [{"date": day}])], [column])
    assert (trait.name, trait.value) == ("dates", [spelling])
    assert trait.says == (DAYS[spelling] if is_a_form else spelling)
    assert trait.forms == ({"dates": spelling} if is_a_form else {})


def run_doctor(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return preloaded.run("tap-yoc-doctor", *arguments, cwd=cwd, env={**os.environ, **variables})


def test_the_command_takes_a_file_or_the_environment(today: Sandbox, tmp_path: Path) -> None:
    """Text by default, one JSON object with `--json`, nothing else on stdout and nothing on stderr."""
    (tmp_path / "config.json").write_text(json.dumps(today.config), encoding="utf-8")
    plain = run_doctor("--config", "config.json", cwd=tmp_path)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert plain.stdout.startswith("All is well: ")
    assert run_doctor("--config", "config.json", "--text", cwd=tmp_path).stdout == plain.stdout
    variables = {f"TAP_YOC_{name.upper()}": str(value) for name, value in today.config.items()}
    machine = run_doctor("--config=ENV", "--json", cwd=tmp_path, **variables)
    assert (machine.returncode, machine.stderr) == (0, "")
    told = json.loads(machine.stdout)
    assert told["doctor"] == 1
    assert told["verdict"] == plain.stdout.splitlines()[0]
    assert f"tap-yoc {told['version']}, " in plain.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--version"], 0, "tap-yoc-doctor v"),
        (["--config", "nowhere.json"], 2, "The config nowhere.json cannot be read (No such file or directory)."),
        ([], 2, "Missing: client_id, client_secret, username, password; set the login in"),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_command_says_without_settings(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    """A missing file or setting is a finding like any other, on stdout, with the tap's exit code."""
    done = run_doctor(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (code, "")
    assert says in done.stdout
