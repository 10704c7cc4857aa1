"""The simulator's lives, loaded into DuckDB by way of dlt: each morning, the tables become the source's or stay."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from simulation.with_dlt import DltLife

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep dlt's files, settings and telemetry out of the machine, and its log handlers out of other tests."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    logger = logging.getLogger("tap-yoc")
    handlers, level = [*logger.handlers], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_life(seed: int) -> None:
    """A morning that goes well leaves its days as the source has them; one that fails leaves no trace."""
    life = DltLife(seed=seed, mornings=8)
    assert life.play() == []
    assert 0 in life.codes
