"""A refresh token is used once, whatever dies: a connection, a process, a disk."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import Killed, VirtualClock, command, run_tap, settings_of
from hypothesis import given
from hypothesis import strategies as st
from raw_server import RawServer, ok, sends
from sampling import examples
from timeouts import SECONDS

from tap_yoc.api.deadline import DeadlineAdapter
from tap_yoc.api.transport import Transport
from tap_yoc.engine.run import Run
from tap_yoc.errors import LoginError, SettingsError, YOCError
from tap_yoc.redaction import Redactor

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tap_yoc.sandbox.server import Sandbox

NO_PASSWORD = {"username": None, "password": None}
LAST_TRY = "the token is tried one last time"


def run_of(sandbox: Sandbox, cache: Path, **changed: Any) -> Run:  # noqa: ANN401 - settings of any kind
    """Return a run on a token cache."""
    return Run(settings_of({**sandbox.config, "token_cache": str(cache), **changed}), VirtualClock(), Redactor())


def sent_tokens(sandbox: Sandbox) -> Counter[str]:
    """Return how often each refresh token reached the server, and was looked at."""
    looked_at = [request for request in sandbox.requests if request.status not in {404, 415, 429, 503}]
    sent = [request.body.get("refresh_token") for request in looked_at if request.kind == "token"]
    return Counter(token for token in sent if token)


def seed_of(sandbox: Sandbox) -> str:
    """Return a refresh token that was not used yet."""
    return str(sandbox.world.tokens.login(sandbox.forms)["refresh_token"])


class Instants:
    """Everything that a renewal does to disk and wire, step by step; from one step on, it fails."""

    def __init__(self, fail_at: int | None, failure: Callable[[], BaseException], *, for_good: bool) -> None:
        self.passed: list[str] = []
        self._fail_at = fail_at
        self._failure = failure
        self._for_good = for_good

    def passing(self, step: str) -> None:
        """Count a step, or fail."""
        number = len(self.passed)
        self.passed.append(step)
        if self._fail_at is not None and (number == self._fail_at or (self._for_good and number > self._fail_at)):
            raise self._failure()

    def around(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is preceded and followed by an instant."""

        def watched(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever it takes
            self.passing(f"before {step}")
            result = function(*args, **kwargs)
            self.passing(f"after {step}")
            return result

        return watched

    @contextmanager
    def watching(self, *, disk: bool = True, wire: bool = True) -> Iterator[None]:
        """Pass an instant before and after each write to the disk, and each exchange."""
        with pytest.MonkeyPatch.context() as patch:
            if disk:
                patch.setattr(tempfile, "mkstemp", self.around("a new file", tempfile.mkstemp))
                patch.setattr(os, "fsync", self.around("a sync", os.fsync))
                patch.setattr(Path, "replace", self.around("a rename", Path.replace))
                patch.setattr(Path, "unlink", self.around("a deletion", Path.unlink))
            if wire:
                begin = DeadlineAdapter.begin_to_send
                patch.setattr(DeadlineAdapter, "begin_to_send", self.around("the first byte", begin))
                patch.setattr(Transport, "send", self.around("an exchange", Transport.send))
            yield


@pytest.mark.parametrize("has_password", [True, False])
@pytest.mark.parametrize("form", ["from the cache", "from the settings"])
def test_a_run_that_is_killed_at_any_instant_of_a_refresh(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture, form: str, *, has_password: bool
) -> None:
    """The next run gets in with the password; without one it tries the token once more at most, and says so."""
    repeated = 0
    for instant in count():
        sandbox.reset()
        caplog.clear()
        cache = tmp_path / f"{instant}.json"
        login = {"refresh_token": seed_of(sandbox), **({} if has_password else NO_PASSWORD)}
        if form == "from the cache":
            run_of(sandbox, cache, **login).client.columns()
            sandbox.expire_access_tokens()
        instants = Instants(instant, Killed, for_good=True)
        with instants.watching(), suppress(Killed):
            run_of(sandbox, cache, **login).client.columns()
        used = sent_tokens(sandbox)
        is_over = len(instants.passed) <= instant
        for _ in range(2):
            with nullcontext() if has_password else suppress(LoginError):
                assert run_of(sandbox, cache, **login).client.columns()
        again = sent_tokens(sandbox)
        if has_password:
            assert max(again.values(), default=0) <= 1, instants.passed
        twice = [token for token, times in again.items() if times > 1]
        assert max(again.values(), default=0) <= 2, instants.passed
        assert set(twice) <= used.keys()
        assert (LAST_TRY in caplog.text) or not twice
        repeated += len(twice)
        if is_over:
            break
    assert instant > 10
    assert bool(repeated) == (not has_password)


def test_what_is_noted_before_a_refresh_outlives_a_loss_of_power(sandbox: Sandbox, tmp_path: Path) -> None:
    """File and folder are on the disk before the first byte leaves."""
    instants = Instants(None, Killed, for_good=True)
    with instants.watching():
        run_of(sandbox, tmp_path / "token.json", refresh_token=seed_of(sandbox)).tokens.access_token()
    begin, end = instants.passed.index("before the first byte"), instants.passed.index("after the first byte")
    noted = ["a new file", "a sync", "a rename", "a sync"]
    assert instants.passed[begin + 1 : end] == [f"{when} {what}" for what in noted for when in ("before", "after")]


@pytest.mark.parametrize("has_password", [True, False])
def test_a_disk_that_is_full_at_any_instant_of_a_refresh(
    sandbox: Sandbox, tmp_path: Path, *, has_password: bool
) -> None:
    """Before the refresh is sent it stays unsent; after that its token is used up, and the next run knows."""
    outcomes = set()
    for instant in count():
        sandbox.reset()
        cache = tmp_path / f"{instant}.json"
        login = {"refresh_token": seed_of(sandbox), **({} if has_password else NO_PASSWORD)}
        instants = Instants(instant, lambda: OSError(errno.ENOSPC, "No space left on device"), for_good=False)
        with instants.watching(wire=False):
            try:
                run_of(sandbox, cache, **login).client.columns()
            except SettingsError as error:
                said = str(error)
            else:
                break
        assert "(No space left on device)" in said
        outcomes.add(bool(sent_tokens(sandbox)))
        with nullcontext() if has_password else suppress(LoginError):
            assert run_of(sandbox, cache, **login).client.columns()
        assert max(sent_tokens(sandbox).values(), default=0) <= (1 if has_password else 2), instants.passed
    assert outcomes == {False, True}


MORNINGS = st.lists(
    st.fixed_dictionaries(
        {
            "fault": st.sampled_from(
                [None, "lost_rotation", "revoke_family", "reset_before", "html_200", *(400, 404, 429, 500, 503)]
            ),
            "killed_at": st.none() | st.integers(0, 40),
        }
    ),
    min_size=1,
    max_size=5,
)


@examples(25)
@given(mornings=MORNINGS, has_password=st.booleans())
def test_any_life_of_a_refresh_token(
    today: Sandbox, tmp_path_factory: pytest.TempPathFactory, mornings: list[dict[str, Any]], *, has_password: bool
) -> None:
    """Whatever the server does and whenever runs die, it sees no token again while there is a password."""
    today.reset()
    cache = tmp_path_factory.mktemp("life") / "token.json"
    login = {"refresh_token": seed_of(today), **({} if has_password else NO_PASSWORD)}
    for morning in [*mornings, {"fault": None, "killed_at": None}]:
        today.expire_access_tokens()
        if isinstance(morning["fault"], int):
            today.add_fault("status", where="token", status=morning["fault"], times=1)
        elif morning["fault"]:
            today.add_fault(morning["fault"], where="token", times=1)
        instants = Instants(morning["killed_at"], Killed, for_good=True)
        with instants.watching(), suppress(Killed, YOCError):
            run_of(today, cache, **login).client.columns()
        today.clear_faults()
    assert max(sent_tokens(today).values(), default=0) <= (1 if has_password else 2)
    if has_password:
        assert run_of(today, cache, **login).client.columns()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_process_that_ends_while_its_refresh_hangs(
    live: Sandbox, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """A stop does not wait for the answer, which may take `request_timeout`; the next run logs in."""
    has_arrived = threading.Event()

    def hangs(_: socket.socket, closed: threading.Event) -> None:
        has_arrived.set()
        closed.wait(100)

    with RawServer(hangs, sends(ok(b'{"access_token": "access-2"}'))) as server:
        config = {
            **live.config,
            "auth_url": server.url,
            "request_timeout": 90,
            "refresh_token": "seed-seed",
            "token_cache": str(tmp_path / "token.json"),
        }
        (tmp_path / "config.json").write_text(json.dumps(config))
        arguments = [str(command("tap-yoc")), "--config", "config.json"]
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=tmp_path) as process:
            assert has_arrived.wait(SECONDS)
            process.send_signal(number)
            _, log = process.communicate(timeout=SECONDS)
        assert process.returncode == code, log
        assert Run(settings_of(config), VirtualClock(), Redactor()).tokens.access_token() == "access-2"
    assert [b"password" in request for request in server.requests] == [False, True]


def test_without_a_password_the_last_try_is_reported(sandbox: Sandbox, config: dict[str, Any], tmp_path: Path) -> None:
    """The warning is counted, and the message that follows says what to do; the token is in neither."""
    seed = seed_of(sandbox)
    login = {**config, **NO_PASSWORD, "refresh_token": seed, "token_cache": str(tmp_path / "token.json")}
    sandbox.add_fault("lost_rotation")
    run = run_tap(login)
    assert run.exit_code == 3
    assert "WARNING The answer to a refresh was never stored, so its refresh token may be used up." in run.log
    assert LAST_TRY in run.log
    assert '"warnings": 1' in run.log or "1 warning" in run.log
    assert "set username and password, or a new refresh_token" in run.log
    assert seed not in run.log
    assert sent_tokens(sandbox) == {seed: 2}
    assert run_tap(login).exit_code == 3
    assert sent_tokens(sandbox) == {seed: 2}


@pytest.mark.parametrize(
    ("status", "advice"), [(404, "check auth_url"), (415, "check whether auth_format should be the other one")]
)
def test_a_request_that_is_refused_unread_costs_no_token(
    sandbox: Sandbox, tmp_path: Path, status: int, advice: str
) -> None:
    """A wrong address or format is reported as such, and the token is still good once that is put right."""
    login = {**NO_PASSWORD, "refresh_token": seed_of(sandbox)}
    sandbox.add_fault("status", where="token", status=status)
    with pytest.raises(LoginError, match=advice):
        run_of(sandbox, tmp_path / "token.json", **login).client.columns()
    assert run_of(sandbox, tmp_path / "token.json", **login).client.columns()
