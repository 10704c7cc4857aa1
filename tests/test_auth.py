"""Tokens: one pair a run, renewed in time, never wasted, and a refused login never hammered."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from harness import run_tap, settings_of
from raw_server import RawServer, ok
from timeouts import SECONDS

from tap_yoc.api.session_limit import MOST_SHORT_SESSIONS, SHORT_SESSION_SECONDS
from tap_yoc.api.transport import Transport
from tap_yoc.engine.run import Run
from tap_yoc.errors import ExitCode, LoginError, NotSentError
from tap_yoc.redaction import Redactor

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness import VirtualClock

    from tap_yoc.api.transport import Response
    from tap_yoc.sandbox.server import Sandbox


@pytest.fixture
def begin(sandbox: Sandbox, clock: VirtualClock) -> Iterator[Callable[..., Run]]:
    """Begin runs with these settings besides those of the sandbox."""
    runs: list[Run] = []

    def begin(**settings: Any) -> Run:  # noqa: ANN401 - settings of any kind
        runs.append(Run(settings_of({**sandbox.config, **settings}), clock, Redactor()))
        return runs[-1]

    yield begin
    for run in runs:
        run.close()


def grants(sandbox: Sandbox) -> list[str | None]:
    """Return the grants that were asked for, in order."""
    return [request.grant for request in sandbox.requests if request.kind == "token"]


@pytest.mark.parametrize("client_auth", ["body", "basic"])
@pytest.mark.parametrize("auth_format", ["json", "form"])
def test_login_in_every_documented_format(
    begin: Callable[..., Run], sandbox: Sandbox, client_auth: str, auth_format: str
) -> None:
    """Credentials travel in the body or a Basic header, as JSON or multipart."""
    assert begin(client_auth=client_auth, auth_format=auth_format).client.columns()
    assert grants(sandbox) == ["password"]


def test_a_token_is_renewed_before_it_expires(begin: Callable[..., Run], sandbox: Sandbox, clock: VirtualClock) -> None:
    """A minute before its hour is over a token is replaced, by a refresh."""
    run = begin()
    run.client.columns()
    clock.instant += timedelta(seconds=3539)
    run.client.columns()
    assert grants(sandbox) == ["password"]
    clock.instant += timedelta(seconds=2)
    run.client.columns()
    assert grants(sandbox) == ["password", "refresh_token"]
    assert all(request.status == 200 for request in sandbox.requests)


@pytest.mark.parametrize(("form", "refreshes"), [("text", 1), ("absent", 1), ("number", 1)])
def test_a_lifetime_that_is_text_or_missing(
    begin: Callable[..., Run], sandbox: Sandbox, clock: VirtualClock, form: str, refreshes: int
) -> None:
    """A lifetime sent as text counts; without one the token lives until a 401."""
    sandbox.forms = sandbox.forms.but({"expires_in_as": form})
    run = begin()
    run.client.columns()
    clock.instant += timedelta(hours=2)
    run.client.columns()
    assert grants(sandbox).count("refresh_token") == refreshes


def test_a_401_renews_once_and_repeats_the_request(begin: Callable[..., Run], sandbox: Sandbox) -> None:
    """A token that YOC no longer takes is replaced in the middle of a run."""
    run = begin()
    run.client.columns()
    sandbox.expire_access_tokens()
    assert run.client.columns()
    assert grants(sandbox) == ["password", "refresh_token"]
    assert [r.status for r in sandbox.requests if r.kind == "metadata"] == [200, 401, 200]


def test_threads_share_one_renewal(begin: Callable[..., Run], sandbox: Sandbox) -> None:
    """Eight threads that all get a 401 buy one new pair between them."""
    run = begin(concurrency=8)
    run.client.columns()
    sandbox.expire_access_tokens()
    threads = [threading.Thread(target=run.client.columns) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert grants(sandbox) == ["password", "refresh_token"]


def test_a_lost_answer_to_a_refresh_is_not_repeated(begin: Callable[..., Run], sandbox: Sandbox) -> None:
    """YOC may have rotated, and a second use could revoke the family: the password is next."""
    run = begin()
    run.client.columns()
    sandbox.expire_access_tokens()
    sandbox.add_fault("lost_rotation")
    assert run.client.columns()
    assert grants(sandbox) == ["password", "refresh_token", "password"]


def test_a_revoked_family_costs_a_login(begin: Callable[..., Run], sandbox: Sandbox) -> None:
    """A refresh token that buys nothing is dropped, and the password used."""
    run = begin()
    run.client.columns()
    sandbox.add_fault("revoke_family")
    sandbox.expire_access_tokens()
    assert run.client.columns()
    assert grants(sandbox) == ["password", "refresh_token", "password"]


def test_an_answer_without_a_refresh_token_keeps_the_old_one(begin: Callable[..., Run], sandbox: Sandbox) -> None:
    """A server that does not rotate is used with the token it gave first."""
    sandbox.forms = sandbox.forms.but({"rotation": "keep"})
    run = begin()
    run.client.columns()
    for _ in range(2):
        sandbox.expire_access_tokens()
        run.client.columns()
    assert grants(sandbox) == ["password", "refresh_token", "refresh_token"]
    assert all(r.status == 200 for r in sandbox.requests if r.kind == "token")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_token_endpoint_is_waited_for(begin: Callable[..., Run], sandbox: Sandbox, status: int) -> None:
    """A login that fails for reasons of the server's is tried again."""
    sandbox.add_fault("status", where="token", status=status, times=3)
    assert begin().client.columns()
    assert grants(sandbox) == [None, None, None, "password"]  # what is turned away is not looked at


@pytest.mark.parametrize("status", [429, 503])
def test_a_refresh_that_was_turned_away_is_repeated(
    begin: Callable[..., Run], sandbox: Sandbox, clock: VirtualClock, status: int
) -> None:
    """A request that was turned away has not used the token up."""
    run = begin()
    run.client.columns()
    sandbox.expire_access_tokens()
    sandbox.add_fault("status", where="token", status=status, retry_after="3")
    assert run.client.columns()
    assert grants(sandbox) == ["password", None, "refresh_token"]
    assert clock.slept == [3.0]


def test_a_refused_login_is_not_hammered(begin: Callable[..., Run], sandbox: Sandbox) -> None:
    """After YOC refused the password nothing is asked again, however often the tap needs a token."""
    run = begin(password="n0t-the-password")
    for _ in range(3):
        with pytest.raises(LoginError, match="YOC refuses the login") as caught:
            run.client.columns()
    assert "n0t-the-password" not in str(caught.value)
    assert grants(sandbox) == ["password"]


@pytest.mark.parametrize("token", ["ACCESSTOKENQWERTY\\n", "ACCESSTÖKENQWERTY"])
def test_a_token_that_no_header_can_carry_is_none(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """It is refused where it is read, in one sentence that does not show it."""
    send = Transport.send

    def with_the_token(self: Transport, method: str, url: str, **body: Any) -> Response:  # noqa: ANN401 - as it is
        response = send(self, method, url, **body)
        content = re.sub(rb'("access_token":\s*")[^"]+', lambda match: match[1] + token.encode(), response.content)
        return replace(response, content=content)

    monkeypatch.setattr(Transport, "send", with_the_token)
    run = run_tap(config)
    assert run.exit_code == ExitCode.ACCESS, run.log
    assert "no usable access_token" in run.log
    assert "Traceback" not in run.log
    assert "ACCESST" not in run.log


def test_wrong_client_says_so(begin: Callable[..., Run]) -> None:
    """The sentence tells a wrong client from a wrong password."""
    with pytest.raises(LoginError, match="check client_id and client_secret"):
        begin(client_secret="wrong").client.columns()


def test_a_run_whose_sessions_another_one_ends_says_so(
    begin: Callable[..., Run], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is open, since it let the run in before: the message names the other run, and what both need."""
    sandbox.forms = sandbox.forms.but({"login_ends_sessions": True})
    run = begin()
    assert run.client.columns()
    send = Transport.send

    def and_the_other_logs_in(self: Transport, method: str, url: str, **options: Any) -> Response:  # noqa: ANN401 - as it is
        response = send(self, method, url, **options)
        if url.endswith("/token"):
            sandbox.world.tokens.login(sandbox.forms)
        return response

    monkeypatch.setattr(Transport, "send", and_the_other_logs_in)
    sandbox.world.tokens.login(sandbox.forms)
    with pytest.raises(
        LoginError, match=r"another run's login may end this run's session; .* one token_cache"
    ) as caught:
        run.client.columns()
    assert "account" not in str(caught.value)
    with pytest.raises(LoginError, match="if another run uses this login, let both share one token_cache"):
        begin().client.columns()


def test_runs_that_end_each_others_sessions_give_up_after_a_few_logins(
    begin: Callable[..., Run], sandbox: Sandbox
) -> None:
    """Whatever they ask for and however often: a run that gave up sends no login any more."""
    sandbox.forms = sandbox.forms.but({"login_ends_sessions": True})
    runs = [begin(), begin()]
    for _ in range(1 + MOST_SHORT_SESSIONS):
        assert all(run.client.columns() for run in runs)
    for run in runs * 3:
        with pytest.raises(LoginError, match=r"ended 5 sessions of this run soon .*share one token_cache"):
            run.client.columns()
        sandbox.world.tokens.revoke_all()
    assert grants(sandbox).count("password") == 2 * (1 + MOST_SHORT_SESSIONS)


def test_sessions_that_last_are_replaced_without_a_limit(
    begin: Callable[..., Run], sandbox: Sandbox, clock: VirtualClock
) -> None:
    """A long run whose session ends every hour, for whatever reason, logs in again each time."""
    run = begin()
    for _ in range(3 * MOST_SHORT_SESSIONS):
        assert run.client.columns()
        sandbox.world.tokens.revoke_all()
        clock.instant += timedelta(seconds=SHORT_SESSION_SECONDS)
    assert run.client.columns()


def test_a_token_that_dies_during_a_wait_is_renewed_after_it(
    config: dict[str, Any], sandbox: Sandbox, clock: VirtualClock
) -> None:
    """So the one 401 that a request may meet is still to come: the next token is revoked at once."""
    sandbox.clock = clock.monotonic
    sandbox.forms = sandbox.forms.but({"expires_in": 45})
    sandbox.add_fault("status", where="report", status=429, retry_after="54")
    sandbox.add_fault("revoke_family", where="report")
    run = run_tap({**config, "start_date": "2026-06-10", "concurrency": 1}, streams=["site_daily"], clock=clock)
    assert run.exit_code == 0, run.log
    statuses = [request.status for request in sandbox.requests if request.kind == "report"]
    assert statuses[:3] == [429, 401, 200]
    assert grants(sandbox) == ["password", "refresh_token", "refresh_token", "password"]


def test_runs_that_share_a_cache_do_not_end_each_others_sessions(
    begin: Callable[..., Run], sandbox: Sandbox, tmp_path: Path
) -> None:
    """What the message asks for helps."""
    sandbox.forms = sandbox.forms.but({"login_ends_sessions": True})
    runs = [begin(token_cache=str(tmp_path / "token.json")) for _ in range(2)]
    for _ in range(3):
        assert all(run.client.columns() for run in runs)
        sandbox.expire_access_tokens()
    assert grants(sandbox) == ["password", "refresh_token", "refresh_token"]


def test_a_login_page_instead_of_a_token_is_waited_out(begin: Callable[..., Run], sandbox: Sandbox) -> None:
    """HTML with status 200 is no answer to a login."""
    sandbox.add_fault("html_200", where="token", times=2)
    assert begin().client.columns()


class TestTokenCache:
    """With `token_cache` the pair outlives the run."""

    def test_the_next_run_does_not_log_in(self, begin: Callable[..., Run], sandbox: Sandbox, tmp_path: Path) -> None:
        """A second run uses the first one's access token as long as it lives, then its refresh token."""
        cache = str(tmp_path / "token.json")
        begin(token_cache=cache).client.columns()
        begin(token_cache=cache).client.columns()
        assert grants(sandbox) == ["password"]
        sandbox.expire_access_tokens()
        begin(token_cache=cache).client.columns()
        assert grants(sandbox) == ["password", "refresh_token"]

    def test_the_file_is_private(self, begin: Callable[..., Run], tmp_path: Path) -> None:
        """Nobody else can read the pair, and no other file stays behind but the lock."""
        cache = tmp_path / "token.json"
        begin(token_cache=str(cache)).client.columns()
        assert cache.stat().st_mode & 0o777 == 0o600
        assert {path.name for path in tmp_path.iterdir()} <= {"token.json", "token.json.lock"}

    def test_start_from_a_refresh_token_alone(
        self, begin: Callable[..., Run], sandbox: Sandbox, tmp_path: Path
    ) -> None:
        """No password is needed; the rotated token is kept, and the one in the settings never used twice."""
        seed = first_refresh_token(begin)
        settings = {"username": None, "password": None, "refresh_token": seed}
        cache = str(tmp_path / "token.json")
        for _ in range(3):
            sandbox.expire_access_tokens()
            assert begin(**settings, token_cache=cache).client.columns()
        assert grants(sandbox) == ["password", "refresh_token", "refresh_token", "refresh_token"]
        assert all(r.status == 200 for r in sandbox.requests if r.kind == "token")

    def test_a_seed_that_may_be_used_up_is_tried_once_more(
        self, begin: Callable[..., Run], sandbox: Sandbox, tmp_path: Path
    ) -> None:
        """When the very first refresh is lost and there is no password; after that no run sends it again."""
        seed = first_refresh_token(begin)
        settings = {"username": None, "password": None, "refresh_token": seed}
        cache = str(tmp_path / "token.json")
        sandbox.add_fault("lost_rotation")
        for _ in range(2):
            with pytest.raises(LoginError, match="set username and password, or a new refresh_token"):
                begin(**settings, token_cache=cache).client.columns()
        assert grants(sandbox) == ["password", "refresh_token", "refresh_token"]

    def test_two_accounts_never_mix(self, begin: Callable[..., Run], sandbox: Sandbox, tmp_path: Path) -> None:
        """One file serves several logins, each with its own pair."""
        cache = str(tmp_path / "token.json")
        begin(token_cache=cache).client.columns()
        with pytest.raises(LoginError):
            begin(token_cache=cache, username="somebody.else@example.com").client.columns()
        begin(token_cache=cache).client.columns()
        assert grants(sandbox) == ["password", "password"]


def first_refresh_token(begin: Callable[..., Run]) -> str:
    """Return a refresh token that was not used yet."""
    run = begin()
    run.client.columns()
    pair = run.tokens.store.pair
    assert pair
    assert pair.refresh_token
    return pair.refresh_token


def test_an_expiry_during_a_long_wait_is_survived(
    sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock
) -> None:
    """A request that waited longer than its token lives goes out with a new one."""
    sandbox.forms = replace(sandbox.forms, expires_in=300)
    sandbox.add_fault("status", status=429, retry_after="500", after=2)
    run = run_tap(config, streams=["site_daily"], clock=clock)
    assert run.exit_code == 0, run.log
    assert "refresh_token" in grants(sandbox)


def test_a_refresh_goes_over_no_connection_that_may_be_dead(
    begin: Callable[..., Run], clock: VirtualClock, tmp_path: Path
) -> None:
    """A kept connection that was dropped on the way, unseen, cost a login that has only the refresh token."""
    pair = ok(b'{"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 3600}')

    def one_a_connection(connection: socket.socket, _: object) -> None:
        connection.sendall(pair)
        connection.recv(1)
        connection.close()

    with RawServer(one_a_connection) as server:
        login = {"username": None, "password": None, "refresh_token": "seed"}
        run = begin(auth_url=server.url, token_cache=str(tmp_path / "token.json"), **login)
        for _ in range(3):
            assert run.tokens.access_token() == "access-1"
            clock.instant += timedelta(hours=2)


def test_a_refresh_that_was_never_sent_is_repeated(
    begin: Callable[..., Run], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that has not left this machine is not used up."""
    run = begin()
    run.client.columns()
    sandbox.expire_access_tokens()
    send, failures = Transport.send, iter([NotSentError("no connection")])

    def failing_once(self: Transport, method: str, url: str, **options: Any) -> Response:  # noqa: ANN401 - as it is
        if "refresh_token" in str(options.get("json")) and (failure := next(failures, None)):
            raise failure
        return send(self, method, url, **options)

    monkeypatch.setattr(Transport, "send", failing_once)
    assert run.client.columns()
    assert grants(sandbox) == ["password", "refresh_token"]


def test_a_netrc_is_not_asked_for_credentials(
    begin: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The login carries what the settings say, whatever a `.netrc` knows of the host."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent: list[str | None] = []
    send = Transport.send

    def noting(self: Transport, method: str, url: str, **options: Any) -> Response:  # noqa: ANN401 - as it is
        response = send(self, method, url, **options)
        sent.append(response.sent_headers.get("Authorization"))
        return response

    monkeypatch.setattr(Transport, "send", noting)
    assert begin().client.columns()
    assert sent[0] is None


def test_a_token_ages_from_before_its_request(
    begin: Callable[..., Run], sandbox: Sandbox, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a token whose answer took ten minutes, these are gone: it is renewed before YOC refuses it."""
    send = Transport.send

    def slowly(self: Transport, method: str, url: str, **options: Any) -> Response:  # noqa: ANN401 - as it is
        response = send(self, method, url, **options)
        if url.endswith("/token"):
            clock.instant += timedelta(minutes=10)
        return response

    monkeypatch.setattr(Transport, "send", slowly)
    run = begin()
    run.client.columns()
    clock.instant += timedelta(minutes=49, seconds=1)
    run.client.columns()
    assert grants(sandbox) == ["password", "refresh_token"]
    assert all(request.status == 200 for request in sandbox.requests)
