"""One page or the metadata: what a refusal tells whoever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from harness import MORNING, run_tap, settings_of

from tap_yoc.api.query import Query
from tap_yoc.engine.run import Run
from tap_yoc.errors import ExitCode, RequestRefusedError
from tap_yoc.redaction import Redactor

if TYPE_CHECKING:
    from harness import VirtualClock

    from tap_yoc.sandbox.server import Sandbox


@pytest.mark.parametrize("status", [202, 205, 206, 207, 226])
def test_a_status_that_promises_less_than_a_whole_answer(sandbox: Sandbox, config: dict[str, Any], status: int) -> None:
    """An answer that was only accepted is requested again; a part is an error, however it looks."""
    sandbox.add_fault("status", status=status, times=1 if status == 202 else -1)
    run = run_tap(config, streams=["daily_totals"])
    if status == 202:
        assert run.exit_code == 0, run.log
        assert "HTTP 202; waiting" in run.log
    else:
        assert run.exit_code == ExitCode.INCOMPLETE, run.log
        assert f"with HTTP {status}, which is not a complete answer" in run.log


def test_a_failure_in_the_answer_to_a_refresh_costs_no_refresh_token(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A quota that is in the body turns the request away as a status does."""
    sandbox.add_fault("expire_access", where="report")
    sandbox.add_fault("body_code", where="token", after=1, times=2)
    run = run_tap(config, streams=["daily_totals"])
    assert run.exit_code == 0, run.log
    assert "Refreshing the token: HTTP 429, in the body of an answer; waiting" in run.log
    assert "with the password again" not in run.log


def test_a_login_refused_in_a_200_is_refused(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """It is reported correctly, once."""
    sandbox.add_fault("body_code", where="token", status=401, times=-1)
    run = run_tap(config, streams=["daily_totals"])
    assert run.exit_code == ExitCode.ACCESS, run.log
    assert "YOC refuses the login (HTTP 200: quota); check username and password" in run.log
    assert [request.kind for request in sandbox.requests] == ["token"]


def test_a_refusal_has_status_and_the_servers_clock(
    sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock
) -> None:
    """Whoever asked for a day can see whether it was over where the server is."""
    sandbox.clock = lambda: MORNING.timestamp() - 7200
    sandbox.add_fault("status", status=422)
    query = Query(group_by=["date"], data_fields=["clicks"], sort=["date"], window=None, page_size=1)
    run = Run(settings_of(config), clock, Redactor())
    try:
        with pytest.raises(RequestRefusedError) as caught:
            run.client.page(query, 1, Mock())
    finally:
        run.close()
    assert caught.value.status == 422
    assert caught.value.server_date
    assert caught.value.server_date.isoformat() == "2026-06-15T04:00:00+00:00"
