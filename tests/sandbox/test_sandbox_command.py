"""The command, and the control endpoints that steer a sandbox from another process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests
from timeouts import SECONDS

from tap_yoc.sandbox.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_yoc.sandbox.server import Sandbox

COMMAND = [sys.executable, "-m", "tap_yoc.sandbox"]
TOKEN = "/api/v2/oauth/token"


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Yield a running command and the settings that it printed."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        text = ""
        try:
            while not text.endswith("}\n"):
                line = process.stdout.readline()
                assert line, "the command ended early"
                text += line
            yield process, json.loads(text)
        finally:
            process.kill()


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
def test_serves_until_stopped(tmp_path: Path, signal_name: str) -> None:
    """The printed settings reach the server, the file holds the same, and a signal ends it with 0."""
    path = tmp_path / "config.json"
    arguments = ["--today", "2026-06-15", "--form", "expires_in=77", "--gap-day", "2026-06-03"]
    with serving(*arguments, "--write-config", str(path)) as (process, config):
        assert json.loads(path.read_text(encoding="utf-8")) == config
        assert set(config) == {"client_id", "client_secret", "username", "password", "api_url", "auth_url"}
        answer = requests.post(config["auth_url"] + TOKEN, json={**config, "grant_type": "password"}, timeout=10)
        assert answer.json()["expires_in"] == 77
        state = requests.get(config["api_url"] + "/_sandbox/state", timeout=10).json()
        assert (state["today"], state["gap_days"]) == ("2026-06-15", ["2026-06-03"])
        process.send_signal(signal.Signals[signal_name])
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert errors.splitlines() == [
            f"The sandbox is running; open {config['api_url']}/. Stop it with Ctrl-C or `kill {process.pid}`."
        ]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--form", "envelope=list"], "envelope takes one of data, bare"),
        (["--form", "colour=red"], "Unknown form colour"),
        (["--scale", "0"], "scale"),
        (["--today", "yesterday"], "--today"),
    ],
)
def test_wrong_arguments(arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong arguments end with 2 and a sentence."""
    try:
        code: object = main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert part in capsys.readouterr().err


@pytest.mark.parametrize(
    "held",
    [
        json.dumps({"client_id": "mine", "api_url": "https://api.yoc.com"}),
        json.dumps({"client_id": "mine", "api_url": None}),
        json.dumps({"client_id": "mine"}),
        json.dumps(["mine"]),
        "mine",
    ],
)
def test_settings_of_a_real_login_are_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], held: str
) -> None:
    """What may be somebody's login stays as it is, and the command ends with 2 and one sentence."""
    path = tmp_path / "config.json"
    path.write_text(held, encoding="utf-8")
    assert main(["--port", "0", "--write-config", str(path)]) == 2
    assert capsys.readouterr() == ("", f"{path} contains settings that are not a sandbox's; choose another file.\n")
    assert path.read_text(encoding="utf-8") == held


@pytest.mark.parametrize("held", ["", '{"api_url": "http://127.0.0.1:9"}', '{"api_url": "http://localhost:9"}'])
def test_settings_of_an_earlier_sandbox_are_overwritten(tmp_path: Path, held: str) -> None:
    """Starting the sandbox again in the same folder needs no tidying."""
    path = tmp_path / "config.json"
    path.write_text(held, encoding="utf-8")
    with serving("--write-config", str(path)) as (_, config):
        assert json.loads(path.read_text(encoding="utf-8")) == config


def test_taken_port() -> None:
    """A port in use ends with 1 and a sentence."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Cannot listen on 127.0.0.1:{port}: ")
    assert len(done.stderr.splitlines()) == 1


def test_missing_extra() -> None:
    """Without the extra's packages the command says how to install them."""
    code = (
        "import sys; sys.modules['duckdb'] = None; import importlib.util as u; find = u.find_spec;"
        "u.find_spec = lambda name, *rest: None if name == 'duckdb' else find(name, *rest);"
        "from tap_yoc.sandbox.__main__ import main; sys.exit(main([]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 2
    assert done.stderr == "The sandbox needs more packages: pip install 'tap-yoc[sandbox]'\n"


def test_control_endpoints(sandbox: Sandbox) -> None:
    """All that the Python object can do, another process can do over HTTP."""
    control = sandbox.url + "/_sandbox"

    def call(method: str, path: str, body: object = None, status: int = 200) -> object:
        answer = requests.request(method, control + path, json=body, timeout=10)
        assert answer.status_code == status, answer.text
        return answer.json()

    call("PUT", "/today", {"today": "2026-06-16"})
    assert sandbox.today.day == 16
    call("PUT", "/forms", {"envelope": "bare", "page_cap": 7})
    call("PATCH", "/forms", {"page_cap": 8})
    assert (sandbox.forms.envelope, sandbox.forms.page_cap) == ("bare", 8)
    call("PUT", "/forms", {})
    assert sandbox.forms.envelope == "data"
    call("PUT", "/forms", {"colour": "red"}, 422)

    call("POST", "/faults", {"kind": "status", "where": "token", "status": 500}, 201)
    call("POST", "/faults", {"kind": "meteor"}, 422)
    login = {**sandbox.config, "grant_type": "password"}
    assert requests.post(sandbox.url + TOKEN, json=login, timeout=10).status_code == 500
    call("POST", "/faults", {"kind": "slow", "where": "token"}, 201)
    assert call("DELETE", "/faults") == call("GET", "/faults") == []
    assert requests.post(sandbox.url + TOKEN, json=login, timeout=10).status_code == 200
    logged = call("GET", "/requests")
    assert isinstance(logged, list)
    assert [(one["kind"], one["grant"], one["status"]) for one in logged] == [
        ("token", None, 500),
        ("token", "password", 200),
    ]
    call("DELETE", "/requests")
    assert sandbox.requests == []

    truth = call("POST", "/truth", {"group_by": ["date"], "data_fields": ["clicks"], "start": "2026-06-14"})
    expected = sandbox.truth(group_by=["date"], data_fields=["clicks"], start=sandbox.today.replace(day=14))
    assert truth == [{**row, "date": row["date"].isoformat()} for row in expected]
    call("POST", "/truth", {"group_by": ["day"]}, 422)
    call("POST", "/tokens/expire")
    call("POST", "/reset")
    state = call("GET", "/state")
    assert isinstance(state, dict)
    assert (state["today"], state["earliest"], state["latest"]) == ("2026-06-15", "2025-12-15", "2026-06-14")
