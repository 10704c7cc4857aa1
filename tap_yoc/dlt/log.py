"""The tap's log lines in dlt's log, without secrets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dlt.common import logger as dlt_logger

if TYPE_CHECKING:
    from tap_yoc.redaction import Redactor


class DltLogHandler(logging.Handler):
    """Hands records over to dlt's logger, which has its own level and form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record once more, there."""
        target: logging.Logger | None = dlt_logger.LOGGER
        if target is not None and target.isEnabledFor(record.levelno):
            target.handle(record)


def log_to_dlt(redactor: Redactor) -> None:
    """Have the tap's lines in dlt's log, once each, and none of these secrets in any log of the process."""
    tap_logger = logging.getLogger("tap-yoc")
    for handler in [handler for handler in tap_logger.handlers if isinstance(handler, DltLogHandler)]:
        tap_logger.removeHandler(handler)
    tap_logger.addHandler(DltLogHandler())
    target: logging.Logger | None = dlt_logger.LOGGER
    if target is not None:
        tap_logger.setLevel(target.level)
    redactor.guard_all()
