"""Runs side by side: several processes on one token cache, and none of them fails."""

from __future__ import annotations

import json
import multiprocessing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from harness import MORNING, VirtualClock, settings_of
from timeouts import SECONDS

from tap_yoc.engine.run import Run
from tap_yoc.redaction import Redactor
from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 50


def ask(config: dict[str, Any], rounds: int, failures: Any) -> None:  # noqa: ANN401 - a queue of another process
    """Ask for the metadata in some runs, an hour apart, so that each has to renew or find the pair renewed."""
    try:
        for hour in range(1, rounds + 1):
            run = Run(settings_of(config), VirtualClock(MORNING + timedelta(hours=hour)), Redactor())
            run.client.columns()
            run.close()
    except Exception as error:  # noqa: BLE001 - told to the test
        failures.put(repr(error))


def test_two_processes_share_one_cache_for_fifty_rounds(tmp_path: Path) -> None:
    """With a refresh token alone and strict rotation, one use too many would revoke everything."""
    with Sandbox(clock=MORNING.timestamp) as sandbox:
        first = Run(settings_of(sandbox.config), VirtualClock(), Redactor())
        first.client.columns()
        pair = first.tokens.store.pair
        first.close()
        assert pair
        without_password = {
            name: value for name, value in sandbox.config.items() if name not in {"username", "password"}
        }
        cache = str(tmp_path / "token.json")
        config = {**without_password, "refresh_token": pair.refresh_token, "token_cache": cache}
        context = multiprocessing.get_context("spawn")
        failures = context.Queue()
        processes = [context.Process(target=ask, args=(config, ROUNDS, failures)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(SECONDS)
        assert [process.exitcode for process in processes] == [0, 0]
        assert failures.empty(), failures.get()
        tokens = [request for request in sandbox.requests if request.kind == "token"]
        assert all(request.status == 200 for request in tokens)
        assert {request.grant for request in tokens[1:]} == {"refresh_token"}
        assert len(tokens) > ROUNDS
    assert json.loads((tmp_path / "token.json").read_text())
