"""Reports: what one is, and the standard ones as data, checked against the account's columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_yoc.columns import Kind, Role
from tap_yoc.errors import PermissionDeniedError, SettingsError
from tap_yoc.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_yoc.columns import Column
    from tap_yoc.exact_json import Json

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

    def is_on(self, wanted: Sequence[str] | None) -> bool:
        """Say whether the setting `standard_reports` wants it; None where that is left out."""
        return not self.is_heavy if wanted is None else self.name in wanted


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

    @property
    def one_metric(self) -> tuple[Column, ...]:
        """A metric to ask for where only dimensions are wanted: a report without any may not exist.

        One that counts, if there is one, since it has a value in every row.
        """
        return (self.additive or self.usual_metrics)[:1]

    def require_figures(self) -> None:
        """See that there is something to read.

        Raises:
            PermissionDeniedError: The account has no days, or nothing to count.
        """
        if self.missing([DATE]):
            raise PermissionDeniedError("The login works, and YOC offers it no column `date`.")
        if not self.usual_metrics:
            raise PermissionDeniedError("The login works, and YOC offers it no metric.")

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
    reports = []
    for report in STANDARD_REPORTS:
        if not report.is_on(wanted):
            continue
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
        if missing := offer.missing((DATE, entity.id_column, *entity.attributes)):
            warn(f"Stream {entity.name} is left out: the account does not have {', '.join(missing)}.")
        else:
            seen.append(entity)
    return seen
