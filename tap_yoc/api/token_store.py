"""Storage of the token pair between requests and, with `token_cache`, between runs."""

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
"""A larger file was not written by the tap."""


def is_header_text(token: object) -> TypeGuard[str]:
    """Return whether a token fits in a header: printable ASCII, and not empty."""
    return isinstance(token, str) and token != "" and token.isascii() and token.isprintable()


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """A pair of tokens from the token endpoint."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: float | None
    """Seconds since the epoch; None when the server did not say."""
    is_refresh_sent: bool = False
    """Whether the refresh token was sent, or is about to be; until the answer is stored, it may be used up."""

    @classmethod
    def checked(
        cls, *, access_token: object, refresh_token: object, expires_at: object, is_refresh_sent: object = False
    ) -> TokenPair:
        """Return a pair from the values in a file.

        Raises:
            ValueError: The values are not a usable pair.
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
    """Keeps the pair in memory, for one run.

    To replace the pair, hold the lock from reading the old one until the new one is stored.
    """

    def __init__(self) -> None:
        """Start without a pair."""
        self._lock = threading.Lock()
        self.pair: TokenPair | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the pair against other threads."""
        with self._lock:
            yield

    def save(self, pair: TokenPair) -> None:
        """Replace the pair."""
        self.pair = pair


class TokenFile(TokenStore):
    """Keeps the pair in a private file, which several processes can share and which survives a power loss.

    Shape: `{"<account>": {"access_token": "…", "refresh_token": "…", "expires_at": 1790000000.0, "is_refresh_sent":
    false}}`. The account is a hash of the login, so that several logins can share a file, and a new refresh token in
    the settings is used. Anything else in the file is dropped.
    """

    def __init__(self, path: Path, account: str, longest_wait_seconds: float = 60.0) -> None:
        """Open nothing yet; wait as long for the lock as another run may retry its token request."""
        super().__init__()
        self._path = path
        self._account = account
        self._longest_wait_seconds = longest_wait_seconds

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the file against other threads and processes, and reload it.

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
        """Replace the pair atomically; once this returns, it survives a power loss.

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
            return {}  # a damaged file only costs a login
        pairs = {}
        for account, values in content.items() if isinstance(content, dict) else ():
            with suppress(TypeError, ValueError):
                pairs[account] = TokenPair.checked(**values)
        return pairs

    def _check_writable(self) -> None:
        """Before using a refresh token, check that the next one can be stored."""
        try:
            with tempfile.TemporaryFile(dir=self._path.parent):
                pass
        except OSError as error:
            raise self._unusable("write", error) from error

    def _write(self, content: dict[str, Any]) -> None:
        try:
            # mkstemp creates files that only their owner can read.
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
        """Flush the file's new name to disk, too; not on Windows, which cannot open directories."""
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
    """Check that a path is a regular file, because opening a pipe would wait for a writer.

    Raises:
        OSError: It is not a regular file.
    """
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(kind):
        raise OSError(errno.EINVAL, "Not a file")


def token_store(settings: Settings) -> TokenStore:
    """Return the token store of this run."""
    if not settings.token_cache:
        return TokenStore()
    parts = (settings.auth_url, settings.client_id, settings.username, settings.refresh_token)
    account = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return TokenFile(
        Path(settings.token_cache).expanduser().absolute(), account, longest_wait_seconds=settings.max_wait_minutes * 60
    )
