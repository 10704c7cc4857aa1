"""The tap's log lines in dlt's log, without secrets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dlt.common import logger as dlt_logger

if TYPE_CHECKING:
    from tap_yoc.redaction import Redactor


class DltLogHandler(logging.Handler):
    """Passes records to dlt's logger, which has its own level and format."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        target: logging.Logger | None = dlt_logger.LOGGER
        if target is not None and target.isEnabledFor(record.levelno):
            target.handle(record)


def log_to_dlt(redactor: Redactor) -> None:
    """Send the tap's log lines to dlt's log, once each, and redact secrets in all logs of the process."""
    tap_logger = logging.getLogger("tap-yoc")
    for handler in [handler for handler in tap_logger.handlers if isinstance(handler, DltLogHandler)]:
        tap_logger.removeHandler(handler)
    tap_logger.addHandler(DltLogHandler())
    target: logging.Logger | None = dlt_logger.LOGGER
    if target is not None:
        tap_logger.setLevel(target.level)
    redactor.guard_all()
