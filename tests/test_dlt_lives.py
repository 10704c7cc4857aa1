"""The simulator's lives, loaded into DuckDB by way of dlt: each morning, the tables become the source's or stay."""

from __future__ import annotations

import pytest
from simulation.with_dlt import DltLife

pytestmark = pytest.mark.usefixtures("quiet_dlt")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_life(seed: int) -> None:
    """A morning that goes well leaves its days as the source has them; one that fails leaves no trace."""
    life = DltLife(seed=seed, mornings=8)
    assert life.play() == []
    assert 0 in life.codes
