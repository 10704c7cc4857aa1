"""The tap with promises left out, to count what each of them costs: `python without.py integrity,totals --config …`."""

from __future__ import annotations

import sys
from typing import Any

from tap_yoc.__main__ import main
from tap_yoc.decoding.rows import RowShape
from tap_yoc.engine.control_totals import ControlTotals
from tap_yoc.engine.integrity import IntegrityCheck
from tap_yoc.reports.report import FETCHED_AT, IS_FINAL
from tap_yoc.singer.base_stream import YOCStream

is_selected = YOCStream.is_selected


def _is_of_yoc(stream: YOCStream, column: str) -> bool:
    return column not in {FETCHED_AT, IS_FINAL} and is_selected(stream, column)


PROMISES: dict[str, tuple[type, str, Any]] = {
    "integrity": (IntegrityCheck, "take_page", lambda *_: None),
    "totals": (ControlTotals, "metrics", property(lambda _: ())),
    "types": (RowShape, "_is_exact", lambda *_, **__: True),
    "added": (YOCStream, "is_selected", _is_of_yoc),
}
"""What takes the place of which method."""


if __name__ == "__main__":
    for promise in sys.argv.pop(1).split(","):
        setattr(*PROMISES[promise])
    main()
