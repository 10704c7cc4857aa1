"""Two sandboxes that stand for two accounts, and the definitions loaded beside them."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pipeline.sandboxes import sandboxes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The example as Dagster loads it; no time passes between tries, neither the engine's nor the tap's."""
    folder = tmp_path_factory.mktemp("yoc")
    os.environ.update(
        YOC_ACCOUNTS=str(folder / "accounts"),
        YOC_WAREHOUSE=str(folder / "warehouse"),
        YOC_RETRY_SECONDS="0",
        TAP_YOC_MAX_WAIT_MINUTES="0.0001",
    )
    with sandboxes(folder / "accounts"):
        yield importlib.import_module("definitions")
