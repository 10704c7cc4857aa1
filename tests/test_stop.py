"""A stop ends a command within ten seconds, whatever hangs: an answer, or a look-up, which no signal interrupts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from harness import command, run_tap
from raw_server import RawServer, ok, sends

from tap_yoc.api.transport import Transport

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tap_yoc.sandbox.server import Sandbox

PROMISED_SECONDS = 10
RESOLVER = '''
"""Looks up hangs.localhost as a resolver does that nobody answers: in C, where no signal is looked at."""

import os
import socket

look_up = socket.getaddrinfo


def getaddrinfo(host, *args, **kwargs):
    if host == "hangs.localhost":
        os.system(os.environ["HANG"])
    return look_up(host, *args, **kwargs)


socket.getaddrinfo = getaddrinfo
'''
HANG = "exec >/dev/null 2>&1; echo >/dev/fd/{announces}; read line </dev/fd/{released}"


def stopped(process: subprocess.Popen[bytes]) -> bytes:
    """Stop a command, and return its log once it has ended, as soon as was promised."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.communicate(timeout=PROMISED_SECONDS)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@pytest.mark.parametrize("name", ["tap-yoc", "tap-yoc-doctor"])
@pytest.mark.parametrize("setting", ["auth_url", "api_url"])
def test_a_stop_while_a_name_is_looked_up(live: Sandbox, tmp_path: Path, name: str, setting: str) -> None:
    """It does not matter for which request: the login's, or the first one to the API."""
    (tmp_path / "sitecustomize.py").write_text(RESOLVER)
    (tmp_path / "config.json").write_text(json.dumps({**live.config, setting: "http://hangs.localhost:1"}))
    (hanging, announces), (released, releases) = os.pipe(), os.pipe()
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "HANG": HANG.format(announces=announces, released=released)}
    arguments = [str(command(name)), "--config", "config.json"]
    with (
        os.fdopen(releases, "wb"),
        os.fdopen(hanging, "rb", buffering=0) as lookups,
        subprocess.Popen(
            arguments,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=env,
            pass_fds=[announces, released],
        ) as process,
    ):
        os.close(announces)
        os.close(released)
        assert lookups.read(1)
        log = stopped(process)
    assert process.returncode == 128 + signal.SIGTERM, log


@pytest.mark.parametrize("name", ["tap-yoc", "tap-yoc-doctor"])
def test_a_stop_while_a_page_is_awaited(live: Sandbox, tmp_path: Path, name: str) -> None:
    """The process does not wait for the threads that wait for answers."""
    has_arrived = threading.Event()

    def hangs(_: socket.socket, closed: threading.Event) -> None:
        has_arrived.set()
        closed.wait(100)

    columns = {"group_by": [{"name": "date", "type": "STRING"}], "data_fields": [{"name": "clicks", "type": "INTEGER"}]}
    with RawServer(sends(ok(json.dumps(columns).encode())), hangs) as server:
        config = {**live.config, "api_url": server.url, "request_timeout": 90}
        (tmp_path / "config.json").write_text(json.dumps(config))
        arguments = [str(command(name)), "--config", "config.json"]
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=tmp_path) as process:
            assert has_arrived.wait(60)
            log = stopped(process)
        assert process.returncode == 128 + signal.SIGTERM, log


@pytest.mark.parametrize(
    "forms",
    [{}, {"page_cap": 100, "cap_steps": "asked", "total": "none"}, {"first_page": 0, "past_end": "404"}],
    ids=["usual", "pages of another size", "past the end"],
)
def test_no_request_leaves_from_the_main_thread(sandbox: Sandbox, forms: dict[str, Any]) -> None:
    """Signals are handled in the main thread alone, and not while that one is in C."""
    sandbox.forms = sandbox.forms.but(forms)
    threads = set()

    def send(self: Transport, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        threads.add(threading.current_thread())
        return original(self, *args, **kwargs)

    original = Transport.send
    with patch.object(Transport, "send", send):
        run_tap(sandbox.config)
    assert threads
    assert threading.main_thread() not in threads
