"""What one report asks of YOC: its columns, days, filters and order, as the JSON body of each page's request; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_yoc.dates import Window
    from tap_yoc.exact_json import Json
    from tap_yoc.reports.report import Report


@dataclass(frozen=True, kw_only=True)
class Query:
    """The request for one report, with all its pages."""

    group_by: Sequence[str]
    data_fields: Sequence[str]
    sort: Sequence[str]
    """All key columns, ascending, so that pages are stable."""
    window: Window | None
    filters: tuple[Json, ...] = ()
    """Filter trees in YOC's syntax, joined with `and`."""
    page_size: int
    sent: list[str] = field(default_factory=list, compare=False)
    """One entry for each request sent so far, retries included; a list, because appending to it is thread-safe."""
    received: list[datetime] = field(default_factory=list, compare=False)
    """When each page arrived, in order."""

    @classmethod
    def of(
        cls,
        report: Report,
        *,
        window: Window | None,
        page_size: int,
        data_fields: Sequence[str] | None = None,
        filters: tuple[Json, ...] = (),
    ) -> Query:
        """Return the query for a report, by default with all its metrics."""
        return cls(
            group_by=[column.name for column in report.group_by],
            data_fields=[column.name for column in report.data_fields] if data_fields is None else data_fields,
            sort=[column.name for column in report.key],
            window=window,
            filters=filters,
            page_size=page_size,
        )

    def cut_to(self, page_size: int) -> Query:
        """Return the same query with another page size; both share their counters."""
        return replace(self, page_size=page_size)

    def body(self, page: int) -> dict[str, Json]:
        """Return the request's JSON body.

        Source: YOC's help, "Basic reports" and "Advanced reports".
        """
        trees = [*self.filters]
        if self.window:
            trees = [
                {"gte": {"date": self.window.first.isoformat()}},
                {"lte": {"date": self.window.last.isoformat()}},
                *trees,
            ]
        return {
            **({"query": {"and": trees} if len(trees) > 1 else trees[0]} if trees else {}),
            "page": page,
            "page_size": self.page_size,
            "group_by": list(self.group_by),
            "data_fields": list(self.data_fields),
            "sort": [f"+{column}" for column in self.sort],
        }
