"""Lives some of whose mornings are real processes, with real signals, pipes and HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from simulation import sample
from simulation.process import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """A server and a process to fork runs from, for all of these lives."""
    shared = Workshop()
    yield shared
    shared.close()


@pytest.mark.parametrize("seed", sample.SEEDS_WITH_PROCESSES)
def test_all_mornings_of_a_life_end_as_they_should(workshop: Workshop, seed: int) -> None:
    """What holds in one process holds for real ones."""
    if text := sample.wrong(seed, workshop):
        pytest.fail(text, pytrace=False)
