"""The streams as a dlt source, with whole days replaced: `from tap_yoc.dlt import yoc`; needs the extra `dlt`."""

from tap_yoc.dlt.source import yoc

__all__ = ["yoc"]
