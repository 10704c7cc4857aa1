"""The tap with promises left out, to count what each of them costs: `python without.py integrity,totals --config …`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tap_yoc.__main__ import main
from tap_yoc.decoding.rows import RowShape
from tap_yoc.engine.control_totals import ControlTotals
from tap_yoc.engine.integrity import IntegrityCheck
from tap_yoc.reports.report import FETCHED_AT, IS_FINAL
from tap_yoc.singer.base_stream import YOCStream

if TYPE_CHECKING:
    from collections.abc import Callable


def _without_integrity() -> None:
    _replace(IntegrityCheck, "take_page", lambda *_: None)


def _without_totals() -> None:
    _replace(ControlTotals, "metrics", property(lambda _: ()))


def _without_types() -> None:
    _replace(RowShape, "_is_exact", lambda *_, **__: True)


def _without_added() -> None:
    is_selected = YOCStream.is_selected
    _replace(
        YOCStream,
        "is_selected",
        lambda stream, name: name not in {FETCHED_AT, IS_FINAL} and is_selected(stream, name),
    )


PROMISES: dict[str, Callable[[], None]] = {
    "integrity": _without_integrity,
    "totals": _without_totals,
    "types": _without_types,
    "added": _without_added,
}


def _replace(owner: type, name: str, value: Any) -> None:  # noqa: ANN401 - a method or a property
    """Put something else in the place of what has to be there, under this name."""
    if name not in vars(owner):
        raise AttributeError(f"{owner.__name__} has no {name} to leave out any more")
    setattr(owner, name, value)


if __name__ == "__main__":
    for promise in sys.argv.pop(1).split(","):
        PROMISES[promise]()
    main()
