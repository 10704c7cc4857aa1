"""Two local YOCs that stand for two accounts, up while a command runs.

`python -m pipeline.sandboxes FOLDER COMMAND…` writes their settings into the folder.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType
    from typing import IO

SEEDS = {"north": 7, "south": 11}
STOP_SECONDS = 10
ANSWER_SECONDS = 30
KILLED = 128


@contextmanager
def sandboxes(accounts: Path) -> Iterator[None]:
    """Serve an account for each seed and write its settings into the folder, until the block ends."""
    accounts.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for name, seed in SEEDS.items():
            options = ["--seed", str(seed), "--write-config", str(accounts / f"{name}.json")]
            stack.enter_context(serving("tap-yoc-sandbox", *options))
        yield


@contextmanager
def serving(*command: str, log: IO[str] | int = subprocess.DEVNULL) -> Iterator[dict[str, str]]:
    """Serve a local YOC on a free port by this command, and yield the settings that reach it.

    Raises:
        RuntimeError: It does not start.
    """
    process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        printed = ""
        for line in process.stdout or ():
            printed += line
            if line.startswith("}"):  # its settings are printed once it answers
                break
        else:
            raise RuntimeError("The sandbox did not start.")
        yield json.loads(printed)
    finally:
        _stop(process)


def ask(accounts: Path, account: str, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
    """Ask a control endpoint of an account's sandbox: for a fault, or for the truth."""
    return answer_of(json.loads((accounts / f"{account}.json").read_text("utf-8")), "POST", path, body)


def answer_of(config: dict[str, str], method: str, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
    """Ask a control endpoint of the sandbox with these settings, past any proxy; money keeps all its digits."""
    request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
        f"{config['api_url']}/_sandbox/{path}",
        method=method,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=ANSWER_SECONDS) as answer:
        return json.load(answer, parse_float=Decimal)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _on_a_stop(handle: Callable[[int, FrameType | None], object]) -> None:
    """Let Ctrl-C and `kill` do this from now on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def main(arguments: Sequence[str]) -> int:
    """Run a command beside the sandboxes and return its exit code; they stop after it, however it is stopped."""
    folder, *command = arguments
    _on_a_stop(lambda number, _: sys.exit(KILLED + number))
    with sandboxes(Path(folder)):
        early: list[int] = []
        _on_a_stop(lambda number, _: early.append(number))  # until the command has started
        # In a session of its own, so that Ctrl-C reaches an engine once and not each of its processes as well.
        with subprocess.Popen(command, start_new_session=True) as process:

            def stop(number: int, _: object = None) -> None:
                process.send_signal(number)
                _on_a_stop(lambda *_: os.killpg(process.pid, signal.SIGKILL))  # who asks twice does not want to wait

            _on_a_stop(stop)
            for number in early[:1]:
                stop(number)
            code = process.wait()
    return code if code >= 0 else KILLED - code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RuntimeError as error:
        sys.exit(str(error))
