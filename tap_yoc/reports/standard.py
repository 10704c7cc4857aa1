"""The standard reports and the entities, as tables, checked against the account's columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_yoc.errors import SettingsError
from tap_yoc.reports.report import DATE, Report
from tap_yoc.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_yoc.reports.metadata import AccountMetadata


@dataclass(frozen=True, kw_only=True)
class StandardReport:
    """A fact stream for every account that may see its dimensions."""

    name: str
    dimensions: tuple[str, ...]
    use: str
    is_heavy: bool = False
    """Only read if `standard_reports` names it."""

    def is_on(self, wanted: Sequence[str] | None) -> bool:
        """Return whether the setting `standard_reports` selects it; `wanted` is None without the setting."""
        return not self.is_heavy if wanted is None else self.name in wanted


@dataclass(frozen=True, kw_only=True)
class Entity:
    """A stream with the newest name and parent of each id."""

    name: str
    id_column: str
    attributes: tuple[str, ...]


DAILY_TOTALS = "daily_totals"
_UNIT = ("date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id")

STANDARD_REPORTS = (
    StandardReport(name=DAILY_TOTALS, dimensions=("date",), use="checking that yesterday is there; control totals"),
    StandardReport(
        name="account_daily",
        dimensions=("date", "company_id", "sap_publisher_account_id"),
        use="credit notes, finance",
    ),
    StandardReport(name="publisher_daily", dimensions=_UNIT[:2], use="comparing publishers"),
    StandardReport(name="country_daily", dimensions=(*_UNIT[:2], "country"), use="publishers by country"),
    StandardReport(name="site_daily", dimensions=_UNIT[:3], use="dashboards"),
    StandardReport(name="ad_unit_daily", dimensions=_UNIT, use="operations; joins with an ad server"),
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


def standard_reports(
    wanted: Sequence[str] | None, metadata: AccountMetadata, lookback_days: int, warn: Callable[[str], None]
) -> list[Report]:
    """Return the selected standard reports that the account can see.

    Raises:
        SettingsError: A selected name does not exist.
    """
    names = [report.name for report in STANDARD_REPORTS]
    for name in wanted or ():
        if name not in names:
            raise SettingsError(
                f"Setting standard_reports names {name}, which is not a standard report{did_you_mean(name, names)}; "
                f"choose from {', '.join(names)}."
            )
    reports = []
    for report in STANDARD_REPORTS:
        if not report.is_on(wanted):
            continue
        if missing := metadata.missing(report.dimensions):
            warn(f"Stream {report.name} is left out: the account does not have {', '.join(missing)}.")
            continue
        reports.append(
            Report(
                name=report.name,
                group_by=metadata.pick(report.dimensions),
                data_fields=metadata.default_metrics,
                lookback_days=lookback_days,
            )
        )
    return reports


def available_entities(metadata: AccountMetadata, warn: Callable[[str], None]) -> list[Entity]:
    """Return the entities whose columns the account has."""
    seen = []
    for entity in ENTITIES:
        if missing := metadata.missing((DATE, entity.id_column, *entity.attributes)):
            warn(f"Stream {entity.name} is left out: the account does not have {', '.join(missing)}.")
        else:
            seen.append(entity)
    return seen
