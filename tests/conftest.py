"""The sandbox over real HTTP, one server a session, as new for each test."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING, Any

import postgres as private_postgres
import pytest
import sampling  # noqa: F401 - registers the profile
from harness import TODAY, VirtualClock, needs
from hypothesis import settings

from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

settings.load_profile("tests")

LONGEST = (
    "test_examples.py",
    "test_meltano.py",
    "test_simulation.py",
    "test_dlt.py",
    "test_targets.py",
    "test_demo.py",
    "test_dlt_lives.py",
    "test_orchestration.py",
    "test_target_postgres.py",
    "test_stdout.py",
    "test_forms.py",
    "test_faults.py",
    "test_crashes.py",
    "test_batch.py",
    "test_sql.py",
    "test_doctor.py",
    "test_sandbox_browser.py",
    "test_simulation_processes.py",
    "test_refresh_once.py",
    "test_fast_path.py",
    "test_stop.py",
    "test_command.py",
)
"""Files that take long, which begin first: whichever worker takes the last file, it is a short one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Leave modules and collected tests out of garbage collection, which would walk through them again and again."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let the interpreter end as usual: extension modules that count their objects report frozen ones as leaks."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Sandbox]:
    """Serve until the session ends."""
    with Sandbox(today=TODAY) as sandbox:
        yield sandbox


@pytest.fixture
def clock() -> VirtualClock:
    """A clock on which waiting costs no time."""
    return VirtualClock()


@pytest.fixture
def sandbox(sandbox_server: Sandbox, clock: VirtualClock) -> Iterator[Sandbox]:
    """A healthy sandbox on its first day, whose tokens age by the test's clock."""
    sandbox_server.reset()
    sandbox_server.clock = lambda: clock.now().timestamp()
    yield sandbox_server
    sandbox_server.reset()


@pytest.fixture(scope="module")
def today() -> Iterator[Sandbox]:
    """A sandbox on the real day, since the command asks the real clock."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def live(today: Sandbox) -> Iterator[Sandbox]:
    """The same, as new."""
    today.reset()
    yield today
    today.reset()


@pytest.fixture
def config(sandbox: Sandbox) -> dict[str, Any]:
    """The settings that reach the sandbox, for the last two weeks."""
    return {**sandbox.config, "start_date": "2026-06-01"}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[private_postgres.PostgresServer]:
    """A PostgreSQL of the tests' own, until the session ends."""
    needs(private_postgres.lacking())
    with private_postgres.PostgresServer() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: private_postgres.PostgresServer) -> private_postgres.Database:
    """A database that nobody has used yet."""
    return postgres_server.database()


@pytest.fixture
def quiet_dlt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep dlt's files, settings and telemetry out of the machine, and its log handlers out of other tests."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    logger = logging.getLogger("tap-yoc")
    handlers, level = [*logger.handlers], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
