"""The columns of a report: name, type, and how DuckDB computes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tap_yoc.sandbox.forms import Forms

Type = Literal["DATE", "STRING", "INTEGER", "FLOAT", "BOOLEAN", "DECIMAL", "PERCENT", "BLOB7"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the API. Columns that split rows are grouped by; others are aggregated."""

    name: str
    type: Type
    sql: str
    about: str
    in_group_by: bool = False
    splits: bool = False
    narrow: bool = True

    @property
    def is_number(self) -> bool:
        """Return whether cells are numbers."""
        return self.type in {"INTEGER", "FLOAT", "DECIMAL", "PERCENT"}


def _dimension(name: str, kind: Type, about: str, *, narrow: bool = True) -> Column:
    return Column(name=name, type=kind, sql=name, about=about, in_group_by=True, splits=True, narrow=narrow)


def _sum(name: str, about: str) -> Column:
    return Column(name=name, type="INTEGER", sql=f"sum({name})", about=about)


DIMENSIONS: tuple[Column, ...] = (
    _dimension("date", "DATE", "Day of the figures, Y-m-d."),
    _dimension("company_id", "INTEGER", "Company.", narrow=False),
    _dimension("company_name", "STRING", "Its name.", narrow=False),
    _dimension("country", "STRING", "ISO 3166 alpha-2; missing if the place is unknown."),
    _dimension("sap_publisher_account_id", "INTEGER", "Credit-note id of a partner.", narrow=False),
    _dimension("sap_publisher_name", "STRING", "Its name.", narrow=False),
    _dimension("publisher_visx_id", "INTEGER", "Top-level inventory item."),
    _dimension("publisher_name", "STRING", "Its name."),
    _dimension("site_visx_id", "INTEGER", "Site."),
    _dimension("site_name", "STRING", "Its name, which may change."),
    _dimension("ad_unit_visx_id", "INTEGER", "Ad unit; missing on some rows."),
    _dimension("ad_unit_name", "STRING", "Its name, which may change."),
)
CAMPAIGN = Column(
    name="is_publisher_campaign",
    type="BOOLEAN",
    sql="is_publisher_campaign",
    about="Whether the campaign is the client's own. Requesting it splits the rows.",
    splits=True,
)
METRICS: tuple[Column, ...] = (
    CAMPAIGN,
    _sum("total_traffic", "Avails received."),
    _sum("ad_requests", "Ad requests."),
    _sum("impressions", "Impressions."),
    _sum("views", "Impressions seen."),
    _sum("clicks", "Clicks."),
    _sum("vtr_imps", "Impressions eligible for the view-through rate."),
    _sum("ctr_imps", "Impressions eligible for the click-through rate."),
    Column(
        name="vtr_percent",
        type="PERCENT",
        sql="round(100 * sum(views) / nullif(sum(vtr_imps), 0), 2)",
        about="100 x views / vtr_imps, of the sums.",
    ),
    Column(
        name="ctr_percent",
        type="PERCENT",
        sql="round(100 * sum(clicks) / nullif(sum(ctr_imps), 0), 4)",
        about="100 x clicks / ctr_imps, of the sums.",
    ),
    _sum("billable_events", "Events that paid out."),
    Column(
        name="revenue",
        type="DECIMAL",
        sql="sum(revenue)",
        about="Money earned, with six decimals. Assumed: the published annex ends before it.",
        narrow=False,
    ),
    Column(
        name="ecpm",
        type="FLOAT",
        sql="round(1000 * CAST(sum(revenue) AS DOUBLE) / nullif(sum(impressions), 0), 4)",
        about="Money for a thousand impressions, of the sums. Assumed.",
        narrow=False,
    ),
    Column(
        name="currency",
        type="STRING",
        sql="currency",
        about="Currency of the money, ISO 4217. Requesting it splits the rows. Assumed.",
        splits=True,
        narrow=False,
    ),
)
BLOB = Column(
    name="quality_band",
    type="BLOB7",
    sql="'Q' || CAST(sum(impressions) % 5 AS VARCHAR)",
    about="A text of an undocumented type.",
)
OLD_NAMES = {"vtr_percent": "vtr", "ctr_percent": "ctr"}
SPELLINGS: dict[str, dict[str, str]] = {
    "upper": {"PERCENT": "FLOAT"},
    "lower": {
        "DATE": "date",
        "STRING": "string",
        "INTEGER": "integer",
        "FLOAT": "float",
        "BOOLEAN": "boolean",
        "DECIMAL": "decimal",
        "PERCENT": "float",
    },
    "odd": {"DATE": "Date", "STRING": "VARCHAR", "FLOAT": "DOUBLE", "BOOLEAN": "Bool", "DECIMAL": "MONEY"},
}


@dataclass(frozen=True, kw_only=True)
class AccountColumns:
    """The columns that an account may see, by the names in requests and rows."""

    group_by: dict[str, Column]
    data_fields: dict[str, Column]

    @property
    def all(self) -> dict[str, Column]:
        """Return both kinds together."""
        return {**self.group_by, **self.data_fields}


def account_columns(forms: Forms) -> AccountColumns:
    """Return the columns that the account sees under the given forms."""

    def visible(columns: tuple[Column, ...]) -> dict[str, Column]:
        names = OLD_NAMES if forms.columns == "old" else {}
        return {
            names.get(column.name, column.name): column
            for column in columns
            if forms.account == "full" or (forms.account == "narrow" and column.narrow)
        }

    extra = (BLOB,) if forms.types == "odd" and forms.account != "none" else ()
    return AccountColumns(group_by=visible(DIMENSIONS), data_fields=visible((*METRICS, *extra)))


def metadata(forms: Forms) -> dict[str, object]:
    """Return the answer of the metadata call."""
    spelling = SPELLINGS[forms.types]
    visible = account_columns(forms)

    def listed(columns: dict[str, Column]) -> list[dict[str, str]]:
        blank = "ad_unit_name" if forms.metadata_blanks else ""
        return [
            {"name": f" {name}" if name == blank else name, "type": spelling.get(column.type, column.type)}
            for name, column in columns.items()
        ]

    return {
        "modifications": {"group_by": listed(visible.group_by), "data_fields": listed(visible.data_fields)},
    }
