"""Lives of a pipeline from fixed seeds; `make soak` plays any number of others."""

from __future__ import annotations

import pytest
from simulation import sample


@pytest.mark.parametrize("seed", sample.SEEDS)
def test_all_mornings_of_a_life_end_as_they_should(seed: int) -> None:
    """Every figure is stored once, no bookmark is ahead of the rows, and each run says what happened."""
    if text := sample.wrong(seed):
        pytest.fail(text, pytrace=False)
