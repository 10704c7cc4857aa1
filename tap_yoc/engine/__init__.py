"""The engine: reads reports page by page and checks them against totals; uses neither the SDK nor sockets."""

from tap_yoc.engine.entity_reading import EntityReading
from tap_yoc.engine.fields_reading import FieldsReading
from tap_yoc.engine.report_reading import Bookmark, ReportReading
from tap_yoc.engine.run import Run
from tap_yoc.engine.window_reading import Restart

__all__ = ["Bookmark", "EntityReading", "FieldsReading", "ReportReading", "Restart", "Run"]
