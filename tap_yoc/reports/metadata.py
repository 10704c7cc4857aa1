"""The account's metadata: the columns that it may request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_yoc.errors import PermissionDeniedError
from tap_yoc.reports.columns import Kind, Role
from tap_yoc.reports.report import DATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_yoc.reports.columns import Column


class AccountMetadata:
    """The columns that an account may request."""

    def __init__(self, columns: Iterable[Column]) -> None:
        """Index the columns by role and name."""
        self.columns = tuple(columns)
        self.dimensions = {column.name: column for column in self.columns if column.role is Role.GROUP_BY}
        self.metrics = {column.name: column for column in self.columns if column.role is Role.DATA_FIELD}

    @property
    def of_unknown_type(self) -> tuple[Column, ...]:
        """The columns of unknown type."""
        return tuple(column for column in self.columns if column.kind is Kind.UNKNOWN)

    @property
    def default_metrics(self) -> tuple[Column, ...]:
        """All figures and their currency, without columns that are also dimensions."""
        return tuple(
            column
            for column in self.metrics.values()
            if (column.is_figure or column.is_currency) and column.name not in self.dimensions
        )

    @property
    def additive(self) -> tuple[Column, ...]:
        """The metrics that can be summed over rows: the integers.

        Source: assumed from the annex, where every integer is a count of events.
        """
        return tuple(column for column in self.default_metrics if column.kind is Kind.INTEGER)

    @property
    def any_metric(self) -> tuple[Column, ...]:
        """A metric to request if only dimensions are needed, because YOC may refuse a report without metrics.

        Preferably an integer, because it has a value in every row.
        """
        return (self.additive or self.default_metrics)[:1]

    def require_figures(self) -> None:
        """Check that there is something to read.

        Raises:
            PermissionDeniedError: The account has no column `date`, or no metrics.
        """
        if self.missing([DATE]):
            raise PermissionDeniedError("The login works, but YOC offers it no column `date`.")
        if not self.default_metrics:
            raise PermissionDeniedError("The login works, but YOC offers it no metric.")

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return those of the dimensions that the account does not have."""
        return [name for name in names if name not in self.dimensions]

    def pick(self, names: Iterable[str]) -> tuple[Column, ...]:
        """Return these dimensions."""
        return tuple(self.dimensions[name] for name in names)
