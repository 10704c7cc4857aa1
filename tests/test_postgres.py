"""The PostgreSQL that other tests load into: there, empty, private, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import postgres as private_postgres
import psycopg
import pytest
from harness import needs
from timeouts import SECONDS

if TYPE_CHECKING:
    from postgres import Database, PostgresServer

TESTS = Path(__file__).parent
KILLED = """
import os, sys
from postgres import PostgresServer
with PostgresServer() as server:
    print(server.port, server._folder, flush=True)
    sys.stdin.read()
"""


def test_each_test_gets_a_database_of_its_own(postgres_server: PostgresServer, postgres: Database) -> None:
    """What one test writes, the next does not see."""
    postgres.rows("CREATE TABLE seen (id int)")
    postgres.rows("INSERT INTO seen VALUES (1)")
    assert postgres.rows("SELECT id FROM seen WHERE id = %s", 1) == [{"id": 1}]
    other = postgres_server.database()
    assert other.rows("SELECT to_regclass('seen') AS seen") == [{"seen": None}]


def test_only_the_password_gets_in(postgres: Database) -> None:
    """A loader that forgets the password fails here as it would elsewhere."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host=postgres.host, port=postgres.port, user=postgres.user, password="wrong", dbname=postgres.name
        )


def test_the_server_ends_with_tests_that_are_killed() -> None:
    """Not even a killed test run leaves a server behind."""
    needs(private_postgres.lacking())
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], cwd=TESTS / "support", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port, folder = process.stdout.readline().split()
        assert private_postgres.is_up(int(port))
        os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while (Path(folder) / "data/postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not private_postgres.is_up(int(port))
    shutil.rmtree(folder)


def test_a_missing_part_is_a_reason_to_skip_here_and_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks PostgreSQL can still run the tests, and CI cannot pass without."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such thing"):
        needs("no such thing")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no such thing"):
        needs("no such thing")
    needs(None)
