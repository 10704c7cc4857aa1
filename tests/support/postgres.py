"""A private PostgreSQL for the tests: the machine's own programs, a folder and a port of its own, gone afterwards."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST, USER, PASSWORD = "127.0.0.1", "loader", "p@ss w/ord"
START_SECONDS = 30.0
STOP_SECONDS = 15.0

# Ends the server when standard input closes, so also when whoever started it was killed.
KEEPER = '"$@" & server=$!; read -r _; kill -INT "$server"; wait "$server"'
# Nothing has to outlive the tests.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "autovacuum=off")


def binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`, the newest of several; None where there is none."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    # Debian and Ubuntu keep them off the PATH.
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(folders, key=lambda folder: [int(part) for part in re.findall(r"\d+", str(folder))], default=None)


def lacking() -> str | None:
    """Return why no server can be started here; None where one can."""
    if binaries() is None:
        return "PostgreSQL is not installed (Debian and Ubuntu: apt-get install postgresql)"
    if os.getuid() == 0 and not any(user.pw_name == "postgres" for user in pwd.getpwall()):
        return "PostgreSQL refuses to run as root, and there is no user postgres"
    return None


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where a database is, and how to get in."""

    name: str
    port: int
    host: str = HOST
    user: str = USER
    password: str = PASSWORD

    @property
    def url(self) -> str:
        """The address that clients take."""
        return f"postgresql://{quote(self.user)}:{quote(self.password, safe='')}@{self.host}:{self.port}/{self.name}"

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """Return a connection whose rows are dictionaries and whose statements take effect at once."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.name,
            autocommit=True,
            connect_timeout=5,
            row_factory=dict_row,
        )

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Return what a statement gives; nothing for one that gives no rows."""
        with self.connect() as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []


def is_up(port: int) -> bool:
    """Return whether a server takes connections on a port."""
    try:
        Database(name="postgres", port=port).connect().close()
    except psycopg.OperationalError:
        return False
    return True


class PostgresServer:
    """A server on a free loopback port, up while the `with` block runs."""

    def __init__(self) -> None:
        folder = binaries()
        assert folder is not None, lacking()
        self._binaries = folder
        # Below the tests' own folder it could not be reached by another user.
        self._folder = Path(tempfile.mkdtemp(prefix="tap-yoc-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = 0

    def __enter__(self) -> PostgresServer:  # noqa: PYI034 - `Self` is not in Python 3.10
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        secret = self._folder / "password"
        secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
        data = self._folder / "data"
        subprocess.run(
            [
                *(str(self._binaries / "initdb"), "--pgdata", str(data), "--pwfile", str(secret)),
                *("--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            **self._identity(),
        )
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = probe.getsockname()[1]
        settings = [f"listen_addresses={HOST}", "unix_socket_directories=", f"port={self.port}", *FAST]
        options = [part for setting in settings for part in ("-c", setting)]
        server = [str(self._binaries / "postgres"), "-D", str(data), *options]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", KEEPER, "sh", *server],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                **self._identity(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not is_up(self.port):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self._folder / "log").read_text("utf-8"))
            time.sleep(0.02)

    def _identity(self) -> Mapping[str, Any]:
        """Return who runs the programs, and where: PostgreSQL refuses root."""
        if os.getuid() != 0:
            return {"cwd": self._folder}
        return {"cwd": self._folder, "user": "postgres", "group": "postgres", "extra_groups": []}

    def stop(self) -> None:
        """Stop the server and remove its folder; harmless where it does not run."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            try:
                self._process.wait(STOP_SECONDS)
            finally:
                self._process.kill()
        self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self) -> Database:
        """Return a new, empty database."""
        self._databases += 1
        name = f"test_{self._databases}"
        Database(name="postgres", port=self.port).rows(f"CREATE DATABASE {name}")
        return Database(name=name, port=self.port)
