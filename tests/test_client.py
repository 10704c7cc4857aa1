"""One page or the metadata: what a refusal tells whoever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from harness import MORNING, settings_of

from tap_yoc.api.client import Query
from tap_yoc.engine.run import Run
from tap_yoc.errors import RequestRefusedError
from tap_yoc.redaction import Redactor

if TYPE_CHECKING:
    from harness import VirtualClock

    from tap_yoc.sandbox.server import Sandbox


def test_a_refusal_tells_status_and_the_servers_clock(
    sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock
) -> None:
    """Whoever asked for a day can see whether it was over where the server is."""
    sandbox.clock = lambda: MORNING.timestamp() - 7200
    sandbox.add_fault("status", status=422)
    query = Query(group_by=["date"], data_fields=["clicks"], sort=["date"], window=None, page_size=1)
    run = Run(settings_of(config), clock, Redactor())
    try:
        with pytest.raises(RequestRefusedError) as caught:
            run.client.page(query, 1, Mock())
    finally:
        run.close()
    assert caught.value.status == 422
    assert caught.value.server_date
    assert caught.value.server_date.isoformat() == "2026-06-15T04:00:00+00:00"
