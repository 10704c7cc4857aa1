"""Where the token pair lives: one run, or a private file that several processes share."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import VirtualClock, settings_of
from hypothesis import given
from hypothesis import strategies as st
from sampling import examples
from timeouts import SECONDS

from tap_yoc.api.token_store import TokenFile, TokenPair, TokenStore, token_store
from tap_yoc.engine.run import Run
from tap_yoc.errors import SettingsError
from tap_yoc.redaction import Redactor

if TYPE_CHECKING:
    from tap_yoc.sandbox.server import Sandbox
    from tap_yoc.settings.parsing import Settings

"""No test waits longer for another thread."""


def pair(number: int) -> TokenPair:
    """Return a token pair."""
    return TokenPair(access_token=f"access-{number}", refresh_token=f"refresh-{number}", expires_at=1790000000.0)


def settings(**changed: Any) -> Settings:  # noqa: ANN401 - any setting
    """Return settings, with changes."""
    login = {"client_id": "client", "client_secret": "client-secret", "username": "reports@example.com"}
    return settings_of({**login, "password": "pass-word", **changed})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a token cache that does not exist yet."""
    return tmp_path / "token.json"


def store(path: Path, number: int, account: str = "account") -> None:
    """Store a pair as a run does."""
    file = TokenFile(path, account)
    with file.locked():
        file.save(pair(number))


def load(path: Path, account: str = "account") -> TokenPair | None:
    """Return the pair that the next run finds."""
    file = TokenFile(path, account)
    with file.locked():
        return file.pair


def test_without_a_cache_the_pair_lives_as_long_as_the_run() -> None:
    """Without `token_cache` nothing is written, and every run starts without a pair."""
    tokens = token_store(settings())
    assert type(tokens) is TokenStore
    with tokens.locked():
        tokens.save(pair(1))
    assert tokens.pair == pair(1)
    assert token_store(settings()).pair is None


def test_the_pair_is_carried_to_the_next_run(path: Path) -> None:
    """What one run stores, the next one finds."""
    assert load(path) is None
    store(path, 1)
    assert load(path) == pair(1)
    store(path, 2)
    assert load(path) == pair(2)


def test_a_pair_without_refresh_token_or_expiry_is_carried_too(path: Path) -> None:
    """What the server did not say is carried as unknown."""
    file = TokenFile(path, "account")
    bare = TokenPair(access_token="access", refresh_token=None, expires_at=None)
    with file.locked():
        file.save(bare)
    assert load(path) == bare


def test_the_file_is_private(path: Path) -> None:
    """Only its owner can read the file, also after it was replaced, whatever it was before."""
    store(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    store(path, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_is_replaced_in_one_step(path: Path, tmp_path: Path) -> None:
    """No half-written or temporary file stays behind, and the file's name always means a whole one."""
    store(path, 1)
    before = path.stat().st_ino
    store(path, 2)
    assert path.stat().st_ino != before
    assert {file.name for file in tmp_path.iterdir()} <= {"token.json", "token.json.lock"}
    json.loads(path.read_text("utf-8"))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full, the old file stays as it was, and the error names the path."""
    store(path, 1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SettingsError, match=r"token\.json \(No space left on device\)"):
        store(path, 2)
    assert load(path) == pair(1)
    assert {file.name for file in tmp_path.iterdir()} <= {"token.json", "token.json.lock"}


def test_two_accounts_in_one_file_do_not_mix(path: Path) -> None:
    """Each account finds its own pair, and storing one leaves the other."""
    store(path, 1, "one")
    store(path, 2, "two")
    store(path, 3, "one")
    assert (load(path, "one"), load(path, "two"), load(path, "three")) == (pair(3), pair(2), None)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"username": "other@example.com"}, id="username"),
        pytest.param({"client_id": "other"}, id="client"),
        pytest.param({"auth_url": "https://sandbox.example.com"}, id="endpoint"),
        pytest.param({"refresh_token": "another-refresh-token"}, id="refresh-token"),
    ],
)
def test_another_login_is_another_account(path: Path, changed: dict[str, str]) -> None:
    """Another login, or a refresh token that the user replaced, starts again; the same one does not."""
    first = token_store(settings(token_cache=str(path)))
    with first.locked():
        first.save(pair(1))
    same, other = token_store(settings(token_cache=str(path))), token_store(settings(token_cache=str(path), **changed))
    with same.locked():
        assert same.pair == pair(1)
    with other.locked():
        assert other.pair is None


def test_the_file_names_no_login(path: Path) -> None:
    """Whose tokens they are cannot be read from the file."""
    tokens = token_store(settings(token_cache=str(path), refresh_token="the-users-token"))
    with tokens.locked():
        tokens.save(pair(1))
    content = path.read_text("utf-8")
    for value in ("reports@example.com", "pass-word", "client-secret", "the-users-token"):
        assert value not in content


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param('{"account": {"access_token": "a', id="cut"),
        pytest.param("null", id="null"),
        pytest.param("[]", id="list"),
        pytest.param('"text"', id="text"),
        pytest.param("{}", id="no-account"),
        pytest.param('{"account": null}', id="null-for-a-pair"),
        pytest.param('{"account": "abc"}', id="text-for-a-pair"),
        pytest.param('{"account": []}', id="list-for-a-pair"),
        pytest.param('{"account": {}}', id="empty-pair"),
        pytest.param('{"account": {"access_token": "a"}}', id="half-a-pair"),
        pytest.param(
            '{"account": {"access_token": "a", "refresh_token": "b", "expires_at": 1, "more": 1}}',
            id="more-than-a-pair",
        ),
        pytest.param("[" * 100_000, id="nested-without-end"),
        pytest.param('{"account": 1' + "0" * 5_000 + "}", id="a-number-without-end"),
        pytest.param(" " * 2_000_000 + "{}", id="larger-than-any-of-ours"),
    ],
)
def test_a_damaged_file_costs_a_login_and_no_more(path: Path, content: str) -> None:
    """A file that something else has damaged holds no pair, and the next one can be stored."""
    path.write_text(content, "utf-8")
    assert load(path) is None
    store(path, 1)
    assert load(path) == pair(1)


def test_a_file_of_other_bytes_holds_no_pair(path: Path) -> None:
    """A file that is no text is a damaged one."""
    path.write_bytes(b"\xff\xfe\x00\x01")
    assert load(path) is None


DAMAGE = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 400), st.just(b"")),
    st.tuples(st.just("replace"), st.integers(0, 400), st.binary(min_size=1, max_size=4)),
    st.tuples(
        st.just("insert"), st.integers(0, 400), st.sampled_from([b"\n", b"\\n", b"\x00", b"\xff", b"\\u0451", b'"'])
    ),
    st.tuples(st.just("encode"), st.sampled_from(["utf-8-sig", "utf-16", "utf-16-be", "utf-32"]), st.just(b"")),
    st.tuples(st.just("whole"), st.just(0), st.binary(max_size=50)),
)


def damaged(content: bytes, kind: str, where: Any, other: bytes) -> bytes:  # noqa: ANN401 - a place or an encoding
    """Return the content of a file after something went wrong with it."""
    if kind == "encode":
        return content.decode().encode(where)
    if kind == "whole":
        return other
    at = min(where, len(content))
    return content[:at] + (b"" if kind == "cut" else other + content[at + (len(other) if kind == "replace" else 0) :])


@examples(30)
@given(damage=DAMAGE)
def test_any_damage_costs_a_login_and_no_more(today: Sandbox, damage: tuple[str, Any, bytes]) -> None:
    """At once: nothing is waited for, and the pair that is stored then is whole."""
    today.reset()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "token.json"
        config = {**today.config, "token_cache": str(path)}
        Run(settings_of(config), VirtualClock(), Redactor()).client.columns()
        path.write_bytes(damaged(path.read_bytes(), *damage))
        asked, clock = len(today.requests), VirtualClock()
        assert Run(settings_of(config), clock, Redactor()).client.columns()
        assert clock.slept == []
        grants = [request.grant for request in today.requests[asked:] if request.kind == "token"]
        assert grants in ([], ["password"], ["refresh_token"], ["refresh_token", "password"])
        asked = len(today.requests)
        assert Run(settings_of(config), clock, Redactor()).client.columns()
        assert [request.kind for request in today.requests[asked:]] == ["metadata"]


def test_a_pipe_is_refused_by_name(path: Path) -> None:
    """Opening it would wait for somebody who writes."""
    os.mkfifo(path)
    with pytest.raises(
        SettingsError, match=r"cannot read .*token\.json \(Not a file\); choose a file that the tap can write"
    ):
        load(path)


def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """In a folder that others write to, a link could lead to any file of the user's."""
    target = tmp_path / "target"
    (tmp_path / "token.json.lock").symlink_to(target)
    with pytest.raises(SettingsError, match=r"cannot lock .*token\.json"):
        load(path)
    assert not target.exists()


def test_another_accounts_pair_survives_a_damaged_one(path: Path) -> None:
    """One damaged entry does not cost the other accounts their pairs."""
    store(path, 1, "one")
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, "two": 5}), "utf-8")
    store(path, 3, "three")
    assert (load(path, "one"), load(path, "two"), load(path, "three")) == (pair(1), None, pair(3))


def test_a_path_below_a_file_is_refused_by_name(tmp_path: Path) -> None:
    """A place where no file can be is reported before a token is used up, with the path."""
    (tmp_path / "a_file").write_text("", "utf-8")
    path = tmp_path / "a_file" / "token.json"
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).startswith("Setting token_cache: cannot ")


def test_a_directory_is_refused_by_name(tmp_path: Path) -> None:
    """A directory is no file for tokens."""
    (tmp_path / "token.json").mkdir()
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "token.json")
    assert str(tmp_path / "token.json") in str(caught.value)


def test_an_unwritable_place_is_found_out_before_a_token_is_used_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the next pair cannot be kept, nobody gets as far as spending the refresh token of this one."""

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    file = TokenFile(path, "account")
    reached = False
    with pytest.raises(SettingsError, match=r"cannot write .*token\.json \(Permission denied\)"), file.locked():
        reached = True
    assert not reached


def test_after_an_error_the_lock_is_free(path: Path) -> None:
    """Whoever fails while holding the file lets others go on."""
    file = TokenFile(path, "account")
    with pytest.raises(KeyError), file.locked():
        raise KeyError
    store(path, 1)
    with file.locked():
        assert file.pair == pair(1)


def test_the_pair_of_another_process_is_seen_under_the_lock(path: Path) -> None:
    """Whoever holds the file sees what another process stored meanwhile, and not what it knew itself."""
    mine, other = TokenFile(path, "account"), TokenFile(path, "account")
    with mine.locked():
        mine.save(pair(1))
    with other.locked():
        assert other.pair == pair(1)
        other.save(pair(2))
    assert mine.pair == pair(1)
    with mine.locked():
        assert mine.pair == pair(2)


def test_two_processes_do_not_hold_the_file_together(path: Path) -> None:
    """While one process replaces the pair, another one waits, and then sees the new pair."""
    mine, other = TokenFile(path, "account"), TokenFile(path, "account")
    begun = threading.Event()
    seen: list[TokenPair | None] = []

    def wait_for_it() -> None:
        begun.set()
        with other.locked():
            seen.append(other.pair)

    with ThreadPoolExecutor(1) as pool:
        with mine.locked():
            future = pool.submit(wait_for_it)
            assert begun.wait(SECONDS)
            mine.save(pair(1))
            assert seen == []
        future.result(SECONDS)
    assert seen == [pair(1)]


def test_threads_share_one_pair(path: Path) -> None:
    """Threads that replace the pair one after another lose none of the replacements."""
    file = TokenFile(path, "account")

    def replace() -> None:
        with file.locked():
            number = int(file.pair.access_token.rpartition("-")[2]) if file.pair else 0
            file.save(pair(number + 1))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(replace) for _ in range(12)]:
            future.result(SECONDS)
    assert load(path) == pair(12)


def test_tokens_are_not_shown() -> None:
    """Whoever prints a pair sees no token."""
    assert "access-1" not in repr(pair(1))
    assert "refresh-1" not in repr(pair(1))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"access_token": 5, "refresh_token": None, "expires_at": None}, id="number-for-a-token"),
        pytest.param({"access_token": "a", "refresh_token": ["b"], "expires_at": None}, id="list-for-a-token"),
        pytest.param({"access_token": "a", "refresh_token": "b", "expires_at": "soon"}, id="text-for-an-instant"),
        pytest.param({"access_token": None, "refresh_token": "b", "expires_at": 1.0}, id="null-for-a-token"),
        pytest.param({"access_token": "a\nb", "refresh_token": "b", "expires_at": None}, id="line-feed"),
        pytest.param({"access_token": "a", "refresh_token": "b\r\n", "expires_at": None}, id="line-end-in-refresh"),
        pytest.param({"access_token": "tök\u0451n", "refresh_token": "b", "expires_at": None}, id="beyond-ascii"),
        pytest.param({"access_token": "a\u0000", "refresh_token": "b", "expires_at": None}, id="control-character"),
        pytest.param({"access_token": "a", "refresh_token": "\ud800", "expires_at": None}, id="half-a-character"),
        pytest.param({"access_token": "a", "refresh_token": "", "expires_at": None}, id="empty-refresh-token"),
        pytest.param(
            {"access_token": "a", "refresh_token": "b", "expires_at": None, "is_refresh_sent": "no"},
            id="text-for-a-mark",
        ),
    ],
)
def test_a_pair_of_wrong_kinds_is_no_pair(path: Path, values: dict[str, object]) -> None:
    """A damaged pair costs a login, and does not break the run where it is used."""
    path.write_text(json.dumps({"account": values}), "utf-8")
    assert load(path) is None
