"""Custom reports from the settings, each checked against the account's columns."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tap_yoc.errors import SettingsError
from tap_yoc.exact_json import refuse_constant
from tap_yoc.reports.columns import Kind
from tap_yoc.reports.report import Report
from tap_yoc.reports.standard import ENTITIES, REPORT_FIELDS, STANDARD_REPORTS
from tap_yoc.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_yoc.exact_json import Json
    from tap_yoc.reports.columns import Column
    from tap_yoc.reports.metadata import AccountMetadata

COMPARISONS = ("eq", "gt", "lt", "gte", "lte", "neq", "like", "notLike")
"""Source: YOC's help, "Advanced reports"."""


def custom_reports(
    raw_reports: Iterable[Mapping[str, Any]], metadata: AccountMetadata, lookback_days: int
) -> list[Report]:
    """Return the custom reports, each checked against the columns.

    Shape: `[{"name": "hb_units", "group_by": ["date"], "data_fields": [...], "query": {...}, "lookback_days": 3}]`
    Raises:
        SettingsError: A report is invalid; says which one, where, and what to do.
    """
    taken = {report.name for report in STANDARD_REPORTS} | {entity.name for entity in ENTITIES} | {REPORT_FIELDS}
    reports: list[Report] = []
    for position, raw in enumerate(raw_reports):
        report = _custom_report(raw, f"reports[{position}]", metadata, lookback_days)
        if report.name.lower() in taken:
            raise SettingsError(f"Setting reports[{position}].name: {report.name} is taken; choose another name.")
        taken.add(report.name.lower())
        reports.append(report)
    return reports


_REPORT_KEYS = ("name", "group_by", "data_fields", "query", "lookback_days")


def _custom_report(raw: Mapping[str, Any], place: str, metadata: AccountMetadata, lookback_days: int) -> Report:
    """Return one report; `place` is its place in the settings."""
    if not isinstance(raw, dict):
        raise SettingsError(f"Setting {place} must be a mapping with name and group_by.")
    for key in raw:
        if key not in _REPORT_KEYS:
            raise SettingsError(f"Setting {place} has an unknown entry {key}{did_you_mean(key, _REPORT_KEYS)}.")
    name = raw.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        raise SettingsError(f"Setting {place}.name must be a name of letters, digits and underscores, 63 at most.")
    place = f"{place} ({name})"
    group_by, data_fields = _columns(raw, place, metadata)
    query = raw.get("query")
    if isinstance(query, str):
        query = _json_of(query, f"{place}.query") if query else None
    if query not in (None, {}):
        _check_filter(query, f"{place}.query", {**metadata.metrics, **metadata.dimensions})
    lookback = lookback_days if raw.get("lookback_days") is None else raw["lookback_days"]
    if not isinstance(lookback, int) or isinstance(lookback, bool) or lookback < 0:
        raise SettingsError(f"Setting {place}.lookback_days must be a whole number of 0 or more.")
    return Report(name=name, group_by=group_by, data_fields=data_fields, query=query or None, lookback_days=lookback)


def _columns(
    raw: Mapping[str, Any], place: str, metadata: AccountMetadata
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Return the dimensions and the metrics of a report."""
    dimensions = metadata.dimensions
    metrics = {key: column for key, column in metadata.metrics.items() if key not in dimensions}
    group_by = _picked(raw.get("group_by"), f"{place}.group_by", dimensions, metrics)
    if raw.get("data_fields") is None:
        return group_by, metadata.default_metrics
    data_fields = _picked(raw["data_fields"], f"{place}.data_fields", metadata.metrics, dimensions)
    if doubled := {column.name for column in group_by} & {column.name for column in data_fields}:
        raise SettingsError(f"Setting {place} names {min(doubled)} in group_by and in data_fields; drop one.")
    if any(column.kind is Kind.NUMBER for column in data_fields):
        # Sums over several currencies are meaningless, and the metadata does not say which numbers are money.
        currencies = [column for column in metadata.default_metrics if column.is_currency]
        data_fields += tuple(column for column in currencies if column not in data_fields)
    return group_by, data_fields


def _json_of(text: str, place: str) -> Json:
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except ValueError:
        raise SettingsError(f"Setting {place} must be a filter as JSON.") from None


def _picked(names: Json, place: str, columns: Mapping[str, Column], others: Mapping[str, Column]) -> tuple[Column, ...]:
    """Return the named columns of one list of the metadata; `others` are the columns of the other list."""
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise SettingsError(f"Setting {place} must be a list of at least one column.")
    names = [name.strip() for name in names]
    for name in names:
        if name in others and name not in columns:
            belongs = others[name].role.value
            raise SettingsError(f"Setting {place}: {name} belongs in {belongs}.")
        if name not in columns:
            raise SettingsError(
                f"Setting {place}: the account has no column {name}{did_you_mean(name, {**columns, **others})}."
            )
        if names.count(name) > 1:
            raise SettingsError(f"Setting {place} names {name} twice.")
    return tuple(columns[name] for name in names)


def _check_filter(tree: Json, place: str, columns: Mapping[str, Column]) -> None:
    """Check a filter tree: `{"and": [tree, …]}`, `{"in": {column: [value, …]}}`, `{"eq": {column: value}}`."""
    if not isinstance(tree, dict) or len(tree) != 1:
        raise SettingsError(
            f'Setting {place} must be a filter with one operator, such as {{"eq": {{"country": "DE"}}}}.'
        )
    operator, operand = next(iter(tree.items()))
    if operator in {"and", "or"}:
        if not isinstance(operand, list) or not operand:
            raise SettingsError(f"Setting {place}.{operator} must be a list of at least one filter.")
        for position, branch in enumerate(operand):
            _check_filter(branch, f"{place}.{operator}[{position}]", columns)
        return
    operators = ("and", "or", "in", *COMPARISONS)
    if operator not in operators:
        raise SettingsError(
            f"Setting {place}: there is no operator {operator}{did_you_mean(operator, operators)}; "
            f"choose from {', '.join(operators)}."
        )
    if not isinstance(operand, dict) or len(operand) != 1:
        raise SettingsError(f"Setting {place}.{operator} must be a mapping of one column to a value.")
    column, value = next(iter(operand.items()))
    if column not in columns:
        raise SettingsError(
            f"Setting {place}.{operator}: the account has no column {column}{did_you_mean(column, columns)}."
        )
    if operator == "in" and not (isinstance(value, list) and value):
        raise SettingsError(f"Setting {place}.in.{column} must be a list of at least one value.")
    if operator != "in" and isinstance(value, (dict, list)):
        raise SettingsError(f"Setting {place}.{operator}.{column} must be a single value.")
