"""Reports: the standard ones as data, the user's own out of the settings, both checked against the columns."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_yoc.columns import Kind, Role
from tap_yoc.errors import SettingsError
from tap_yoc.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tap_yoc.columns import Column
    from tap_yoc.envelope import Json

DATE = "date"
FETCHED_AT, IS_FINAL = "fetched_at", "is_final"


@dataclass(frozen=True, kw_only=True)
class StandardReport:
    """A fact stream that every account gets, if it may see the dimensions."""

    name: str
    dimensions: tuple[str, ...]
    use: str
    is_heavy: bool = False
    """Off unless `standard_reports` names it."""


@dataclass(frozen=True, kw_only=True)
class Entity:
    """A stream of the newest name and parent of each id."""

    name: str
    id_column: str
    attributes: tuple[str, ...]


DAILY_TOTALS = "daily_totals"
_UNIT = ("date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id")

STANDARD_REPORTS = (
    StandardReport(name=DAILY_TOTALS, dimensions=("date",), use="is yesterday here; the control figure for the others"),
    StandardReport(
        name="account_daily",
        dimensions=("date", "company_id", "sap_publisher_account_id"),
        use="credit notes, finance",
    ),
    StandardReport(name="publisher_daily", dimensions=_UNIT[:2], use="publishers side by side"),
    StandardReport(name="country_daily", dimensions=(*_UNIT[:2], "country"), use="publishers by country"),
    StandardReport(name="site_daily", dimensions=_UNIT[:3], use="the usual dashboard"),
    StandardReport(name="ad_unit_daily", dimensions=_UNIT, use="operations, join with an ad server"),
    StandardReport(
        name="ad_unit_country_daily", dimensions=(*_UNIT, "country"), use="everything by country", is_heavy=True
    ),
)

ENTITIES = (
    Entity(name="companies", id_column="company_id", attributes=("company_name",)),
    Entity(name="accounts", id_column="sap_publisher_account_id", attributes=("sap_publisher_name", "company_id")),
    Entity(name="publishers", id_column="publisher_visx_id", attributes=("publisher_name", "sap_publisher_account_id")),
    Entity(name="sites", id_column="site_visx_id", attributes=("site_name", "publisher_visx_id")),
    Entity(name="ad_units", id_column="ad_unit_visx_id", attributes=("ad_unit_name", "site_visx_id")),
)

REPORT_FIELDS = "report_fields"

COMPARISONS = ("eq", "gt", "lt", "gte", "lte", "neq", "like", "notLike")
"""Source: YOC's help, "Advanced reports"."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report whose columns the account has: what is asked for, and what makes a row unique."""

    name: str
    group_by: tuple[Column, ...]
    data_fields: tuple[Column, ...]
    query: Json = None
    """The user's filter, in YOC's syntax."""
    lookback_days: int

    @property
    def key(self) -> tuple[Column, ...]:
        """The grain: all dimensions, and every metric that splits rows; the day first, so that days end in order."""
        columns = [*self.group_by, *(column for column in self.data_fields if not column.is_figure)]
        return tuple(sorted(columns, key=lambda column: column.name != DATE))

    @property
    def figures(self) -> tuple[Column, ...]:
        """The metrics that are values."""
        return tuple(column for column in self.data_fields if column.is_figure)

    @property
    def is_daily(self) -> bool:
        """Whether it has days, and so can be read incrementally."""
        return any(column.name == DATE for column in self.group_by)

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of its rows."""
        properties = {column.name: column.json_schema(is_key=True) for column in self.key}
        properties |= {column.name: column.json_schema(is_key=False) for column in self.figures}
        properties[FETCHED_AT] = {"type": "string", "format": "date-time"}
        if self.is_daily:
            properties[IS_FINAL] = {"type": "boolean"}
        return {"type": "object", "properties": properties, "required": [column.name for column in self.key]}


class Offer:
    """The columns that an account may ask for."""

    def __init__(self, columns: Iterable[Column]) -> None:
        """Index the columns by role and name."""
        self.columns = tuple(columns)
        self.dimensions = {column.name: column for column in self.columns if column.role is Role.GROUP_BY}
        self.metrics = {column.name: column for column in self.columns if column.role is Role.DATA_FIELD}

    @property
    def unexplained(self) -> tuple[Column, ...]:
        """The columns whose declared type is not known."""
        return tuple(column for column in self.columns if column.kind is Kind.UNEXPLAINED)

    @property
    def usual_metrics(self) -> tuple[Column, ...]:
        """Every figure, and the currency that it is in; what is a dimension already is not asked for twice."""
        return tuple(
            column
            for column in self.metrics.values()
            if (column.is_figure or column.is_currency) and column.name not in self.dimensions
        )

    @property
    def additive(self) -> tuple[Column, ...]:
        """The metrics that can be summed over rows: the whole numbers.

        Source: assumed from the annex, where every integer is a count of events.
        """
        return tuple(column for column in self.usual_metrics if column.kind is Kind.INTEGER)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the dimensions of these that the account does not have."""
        return [name for name in names if name not in self.dimensions]

    def pick(self, names: Iterable[str]) -> tuple[Column, ...]:
        """Return these dimensions."""
        return tuple(self.dimensions[name] for name in names)


def standard(
    wanted: Sequence[str] | None, offer: Offer, lookback_days: int, warn: Callable[[str], None]
) -> list[Report]:
    """Return the standard fact reports that are wanted and that the account can see.

    Raises:
        SettingsError: A wanted name is none of theirs.
    """
    names = [report.name for report in STANDARD_REPORTS]
    for name in wanted or ():
        if name not in names:
            raise SettingsError(
                f"Setting standard_reports names {name}, which is no standard report{did_you_mean(name, names)}; "
                f"there are {', '.join(names)}."
            )
    chosen = [
        report
        for report in STANDARD_REPORTS
        if (not report.is_heavy if wanted is None else report.name in wanted)
    ]  # fmt: skip
    reports = []
    for report in chosen:
        if missing := offer.missing(report.dimensions):
            warn(f"Stream {report.name} is left out: the account does not have {', '.join(missing)}.")
            continue
        reports.append(
            Report(
                name=report.name,
                group_by=offer.pick(report.dimensions),
                data_fields=offer.usual_metrics,
                lookback_days=lookback_days,
            )
        )
    return reports


def entities(offer: Offer, warn: Callable[[str], None]) -> list[Entity]:
    """Return the entities whose columns the account has."""
    seen = []
    for entity in ENTITIES:
        if missing := offer.missing((entity.id_column, *entity.attributes)):
            warn(f"Stream {entity.name} is left out: the account does not have {', '.join(missing)}.")
        else:
            seen.append(entity)
    return seen


def own(raw_reports: Iterable[Mapping[str, Any]], offer: Offer, lookback_days: int) -> list[Report]:
    """Return the user's own reports, each checked against the columns.

    Shape: `[{"name": "hb_units", "group_by": ["date"], "data_fields": [...], "query": {...}, "lookback_days": 3}]`
    Raises:
        SettingsError: A report makes no sense; says which, where, and what to do.
    """
    taken = {report.name for report in STANDARD_REPORTS} | {entity.name for entity in ENTITIES} | {REPORT_FIELDS}
    reports: list[Report] = []
    for position, raw in enumerate(raw_reports):
        report = _own_report(raw, f"reports[{position}]", offer, lookback_days)
        if report.name.lower() in taken:
            raise SettingsError(f"Setting reports[{position}].name: {report.name} is taken; choose another name.")
        taken.add(report.name.lower())
        reports.append(report)
    return reports


_REPORT_KEYS = ("name", "group_by", "data_fields", "query", "lookback_days")


def _own_report(raw: Mapping[str, Any], place: str, offer: Offer, lookback_days: int) -> Report:
    if not isinstance(raw, dict):
        raise SettingsError(f"Setting {place} must be a mapping with name and group_by.")
    for key in raw:
        if key not in _REPORT_KEYS:
            raise SettingsError(f"Setting {place} has an unknown entry {key}{did_you_mean(key, _REPORT_KEYS)}.")
    name = raw.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        raise SettingsError(f"Setting {place}.name must be a name of letters, digits and underscores, 63 at most.")
    place = f"{place} ({name})"
    dimensions = offer.dimensions
    metrics = {key: column for key, column in offer.metrics.items() if key not in dimensions}
    group_by = _picked(raw.get("group_by"), f"{place}.group_by", dimensions, metrics)
    data_fields = offer.usual_metrics
    if raw.get("data_fields") is not None:
        data_fields = _picked(raw["data_fields"], f"{place}.data_fields", offer.metrics, dimensions)
    if doubled := {column.name for column in group_by} & {column.name for column in data_fields}:
        raise SettingsError(f"Setting {place} names {min(doubled)} in group_by and in data_fields; drop one.")
    query = raw.get("query")
    if isinstance(query, str) and query.strip():
        query = _json_of(query, f"{place}.query")
    if query:
        _check_filter(query, f"{place}.query", {**offer.metrics, **dimensions})
    lookback = lookback_days if raw.get("lookback_days") is None else raw["lookback_days"]
    if not isinstance(lookback, int) or isinstance(lookback, bool) or lookback < 0:
        raise SettingsError(f"Setting {place}.lookback_days must be a whole number of 0 or more.")
    return Report(name=name, group_by=group_by, data_fields=data_fields, query=query or None, lookback_days=lookback)


def _json_of(text: str, place: str) -> Json:
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        raise SettingsError(f"Setting {place} must be a filter as JSON.") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _picked(names: Json, place: str, columns: Mapping[str, Column], others: Mapping[str, Column]) -> tuple[Column, ...]:
    """Return the named columns of one list of the metadata; `others` are those of the other list."""
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise SettingsError(f"Setting {place} must be a list of at least one column.")
    names = [name.strip() for name in names]
    for name in names:
        if name in others and name not in columns:
            belongs = others[name].role.value
            raise SettingsError(f"Setting {place}: {name} belongs into {belongs}.")
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
            f"there are {', '.join(operators)}."
        )
    if not isinstance(operand, dict) or len(operand) != 1:
        raise SettingsError(f"Setting {place}.{operator} must be a mapping of one column to what it is compared with.")
    column, value = next(iter(operand.items()))
    if column not in columns:
        raise SettingsError(
            f"Setting {place}.{operator}: the account has no column {column}{did_you_mean(column, columns)}."
        )
    if operator == "in" and not (isinstance(value, list) and value):
        raise SettingsError(f"Setting {place}.in.{column} must be a list of at least one value.")
    if operator != "in" and isinstance(value, (dict, list)):
        raise SettingsError(f"Setting {place}.{operator}.{column} must be a single value.")
