"""Where the token pair lives between requests, and, with `token_cache`, between runs."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_yoc.errors import SettingsError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

    from tap_yoc.settings.parsing import Settings


LARGEST_FILE_BYTES = 1 << 20
"""A larger file is not one of ours."""


def is_header_text(token: object) -> TypeGuard[str]:
    """Say whether a header can carry a token: no line feed, nothing beyond ASCII, and not empty."""
    return isinstance(token, str) and token != "" and token.isascii() and token.isprintable()


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """What the token endpoint gave."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: float | None
    """Seconds since the epoch; None when the server did not say."""
    is_refresh_sent: bool = False
    """Whether the refresh token has left, or is about to: until its answer is stored, it may be used up."""

    @classmethod
    def checked(
        cls, *, access_token: object, refresh_token: object, expires_at: object, is_refresh_sent: object = False
    ) -> TokenPair:
        """Return the pair that a file holds.

        Raises:
            ValueError: The file holds no pair that a request could carry.
        """
        if not (
            (access_token == "" or is_header_text(access_token))
            and (refresh_token is None or is_header_text(refresh_token))
            and isinstance(expires_at, (int, float, type(None)))
            and isinstance(is_refresh_sent, bool)
        ):
            raise ValueError("not a token pair")
        return cls(
            access_token=str(access_token),
            refresh_token=refresh_token,
            expires_at=expires_at,
            is_refresh_sent=is_refresh_sent,
        )


class TokenStore:
    """Keeps the pair for one run.

    Whoever replaces the pair holds the lock from looking at the old one to storing the new one.
    """

    def __init__(self) -> None:
        """Start without a pair."""
        self._lock = threading.Lock()
        self.pair: TokenPair | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the pair against everybody who shares it."""
        with self._lock:
            yield

    def save(self, pair: TokenPair) -> None:
        """Replace the pair as a whole."""
        self.pair = pair


class TokenFile(TokenStore):
    """Keeps the pair in a private file, too, which several processes share, and which outlives a loss of power.

    Shape: `{"<account>": {"access_token": "…", "refresh_token": "…", "expires_at": 1790000000.0, "is_refresh_sent":
    false}}`; the account is a hash, so that two logins in one file never mix, and a refresh token that the user
    replaced starts afresh. Anything else in the file is dropped.
    """

    def __init__(self, path: Path, account: str, longest_wait_seconds: float = 60.0) -> None:
        """Touch nothing yet; another run holds the file while it asks the token endpoint, with all its patience."""
        super().__init__()
        self._path = path
        self._account = account
        self._longest_wait_seconds = longest_wait_seconds

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the file against other threads and processes, and read it again.

        Raises:
            SettingsError: The file cannot be locked, read or written.
            UnavailableError: Another run has held it for too long.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - slow to import, and only needed here

        with self._lock:
            file_lock = FileLock(f"{self._path}.lock", timeout=self._longest_wait_seconds)
            try:
                file_lock.acquire()
            except Timeout as error:
                raise UnavailableError("Another run has held the token_cache for too long; run again later.") from error
            except OSError as error:
                raise self._unusable("lock", error) from error
            try:
                self.pair = self._read().get(self._account)
                self._check_writable()
                yield
            finally:
                file_lock.release()

    def save(self, pair: TokenPair) -> None:
        """Replace the pair as a whole, in one step; once this returns, a loss of power does not undo it.

        Raises:
            SettingsError: The file cannot be written.
        """
        super().save(pair)
        pairs = {**self._read(), self._account: pair}
        self._write({account: asdict(other) for account, other in pairs.items()})

    def _read(self) -> dict[str, TokenPair]:
        try:
            _require_file(self._path)
            with self._path.open("rb") as file:
                content: Any = json.loads(file.read(LARGEST_FILE_BYTES))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable("read", error) from error
        except (ValueError, RecursionError):
            return {}  # a file that something else has damaged costs a login, and no more
        pairs = {}
        for account, values in content.items() if isinstance(content, dict) else ():
            with suppress(TypeError, ValueError):
                pairs[account] = TokenPair.checked(**values)
        return pairs

    def _check_writable(self) -> None:
        """Find out before a refresh token is used up whether the next one can be kept."""
        try:
            with tempfile.TemporaryFile(dir=self._path.parent):
                pass
        except OSError as error:
            raise self._unusable("write", error) from error

    def _write(self, content: dict[str, Any]) -> None:
        try:
            # mkstemp makes files that only their owner can read.
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(content, file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
                self._sync_folder()
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._unusable("write", error) from error

    def _sync_folder(self) -> None:
        """Have the file's new name on disk as well; Windows, which opens no folders, sees to that by itself."""
        if os.name == "nt":
            return
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _unusable(self, verb: str, error: Exception) -> SettingsError:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return SettingsError(
            f"Setting token_cache: cannot {verb} {self._path} ({reason}); choose a file that the tap can write to."
        )


def _require_file(path: Path) -> None:
    """Look at what a path leads to before it is opened, since a pipe would wait for somebody who writes.

    Raises:
        OSError: It is no file.
    """
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(kind):
        raise OSError(errno.EINVAL, "Not a file")


def token_store(settings: Settings) -> TokenStore:
    """Return where this run keeps its tokens."""
    if not settings.token_cache:
        return TokenStore()
    parts = (settings.auth_url, settings.client_id, settings.username, settings.refresh_token)
    account = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return TokenFile(
        Path(settings.token_cache).expanduser().absolute(), account, longest_wait_seconds=settings.max_wait_minutes * 60
    )
