"""The types that rows are decoded into: one attribute a column, strict for most pages, lenient for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tap_yoc.decoding.number_literals import NULL
from tap_yoc.reports.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_yoc.reports.columns import Column

# What a cell is where it is exactly what its column declares; the decoder checks it.
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_EXACT: dict[Kind, Any] = {
    Kind.DATE: str,
    Kind.TEXT: _Text,
    Kind.INTEGER: int,
    Kind.NUMBER: Any,
    Kind.BOOLEAN: bool,
    Kind.UNKNOWN: _Text,
}
# The same where cells may be null, empty, or left out.
_LENIENT: dict[Kind, Any] = {
    Kind.DATE: str,
    Kind.TEXT: str | None,
    Kind.INTEGER: int | None,
    Kind.NUMBER: Any,
    Kind.BOOLEAN: bool | None,
    Kind.UNKNOWN: str | None,
}


class _Row(msgspec.Struct, gc=False, eq=False):
    """A row; two are equal when their cells are, however they were decoded.

    Rows hold nothing that could refer back to them, so that the garbage collector need not look at them.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Row) and msgspec.structs.astuple(self) == msgspec.structs.astuple(other)

    __hash__ = None  # type: ignore[assignment] # its numbers have none


def row_type(
    columns: Sequence[Column], fields: Mapping[str, str], raw: Sequence[Column], *, may_lack: bool
) -> type[msgspec.Struct]:
    """Return a type with an attribute for each name in `fields`, written to JSON under that name.

    An attribute is called otherwise than its column, whose name may be no identifier. The numbers of `raw` columns stay
    as they are written. With `may_lack` a cell may be null or left out, and is None then, or JSON's null.
    """
    attributes: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for column in columns:
        kind, nothing = (
            (msgspec.Raw, NULL) if column in raw else ((_LENIENT if may_lack else _EXACT)[column.kind], None)
        )
        field = fields[column.name]
        attributes.append((field, kind, nothing) if may_lack else (field, kind))
    names = {field: name for name, field in fields.items()}
    return msgspec.defstruct("Row", attributes, bases=(_Row,), gc=False, eq=False, rename=names)
