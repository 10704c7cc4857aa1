"""The SDK's own standard suite, against the sandbox over real HTTP."""

from __future__ import annotations

import atexit

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_yoc.sandbox.server import Sandbox
from tap_yoc.tap import TapYOC

# The suite runs discovery while this module is imported, so the sandbox has to be up by then.
_sandbox = Sandbox()
_sandbox.start()
atexit.register(_sandbox.stop)

TestTapYOC = get_tap_test_class(
    TapYOC,
    config={
        **_sandbox.config,
        "window_days": 10,
        "reports": [
            {"name": "hb_units", "group_by": ["date", "ad_unit_name"], "data_fields": ["is_publisher_campaign"]}
        ],
    },
    suite_config=SuiteConfig(max_records_limit=50),
)
