"""Pages as Arrow tables: exact decimals, dates, timestamps in UTC; needs pyarrow, from the extra `parquet`.

`table_of(page, report.json_schema())` converts one page, `unified([table, ...])` joins several tables. Types follow the
JSON Schema. A decimal column has nine decimal places, like NUMERIC in many warehouses, and more only if values have
more: if the type changed with every page, readers of several files would round.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_yoc.errors import CellError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from tap_yoc.decoding.page import Page

T = TypeVar("T")

LEAST_SCALE = 9
MOST_DIGITS_128, MOST_DIGITS_256 = 38, 76


def table_of(page: Page, schema: Mapping[str, Any]) -> pa.Table:
    """Return a page's rows as a table, in the order of its columns and with the types of the stream's JSON Schema.

    Raises:
        CellError: A number has more digits than Arrow can hold.
    """
    import pyarrow as pa  # noqa: PLC0415 - an extra

    fields, arrays = [], []
    for name, cells in page.columns().items():
        array = _array(cells, schema["properties"][name], name)
        fields.append(pa.field(name, array.type, nullable=name not in schema["required"]))
        arrays.append(array)
    for name, value in page.added.items():
        array = pa.repeat(_array([value], schema["properties"][name], name)[0], len(page.rows))
        fields.append(pa.field(name, array.type))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def unified(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the tables of one stream as one, with as many decimal places as the largest of them needs.

    Raises:
        CellError: A number has more digits than Arrow can hold.
    """
    import pyarrow as pa  # noqa: PLC0415 - an extra

    schema, columns = tables[0].schema, []
    for position, field in enumerate(schema):
        pieces = [table.column(position) for table in tables]
        if len({piece.type for piece in pieces}) > 1:
            scale = max(piece.type.scale if pa.types.is_decimal(piece.type) else 0 for piece in pieces)
            pieces = _fitting(partial(_cast_all, pieces), scale, field.name)
            schema = schema.set(position, field.with_type(pieces[0].type))
        columns.append(pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], pieces[0].type))
    return pa.Table.from_arrays(columns, schema=schema)


def _array(cells: Sequence[Any], declared: Mapping[str, Any], name: str) -> pa.Array:
    """Return the cells of a column with the type in its JSON Schema; raises like `table_of`."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    types = declared["type"]
    kind = types if isinstance(types, str) else types[0]
    if kind == "number":
        return _decimals(_literals(cells), LEAST_SCALE, name)
    if kind == "integer":
        try:
            return pa.array(cells, pa.int64())
        except (OverflowError, pa.ArrowInvalid):
            return _decimals(_literals(cells), 0, name)
    if kind == "boolean":
        return pa.array(cells, pa.bool_())
    texts = pa.array(cells, pa.string())
    if declared.get("format") == "date":
        return texts.cast(pa.date32())
    return texts.cast(pa.timestamp("us", "UTC")) if declared.get("format") == "date-time" else texts


def _literals(cells: Sequence[Any]) -> Sequence[str | None]:
    """Return numbers as the text of their digits."""
    if set(map(type, cells)) == {msgspec.Raw}:
        literals = b",".join(cells).decode().split(",")
        return [None if literal == "null" else literal for literal in literals] if "null" in literals else literals
    return [None if cell is None else str(cell) for cell in cells]


def _decimals(literals: Sequence[str | None], least_scale: int, name: str) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    texts = pa.array(literals, pa.string())
    with suppress(pa.ArrowInvalid):  # nearly every page fits, and counting the digits of all costs five times as much
        return texts.cast(pa.decimal128(MOST_DIGITS_128, least_scale))
    scale = max((len(literal) - literal.find(".") - 1 for literal in literals if literal and "." in literal), default=0)
    return _fitting(texts.cast, max(scale, least_scale), name)


def _fitting(cast: Callable[[pa.DataType], T], scale: int, name: str) -> T:
    """Return the result of `cast` with the smaller decimal type that fits.

    Raises:
        CellError: Neither type fits.
    """
    import pyarrow as pa  # noqa: PLC0415 - an extra

    for decimals, digits in ((pa.decimal128, MOST_DIGITS_128), (pa.decimal256, MOST_DIGITS_256)):
        if scale <= digits:
            with suppress(pa.ArrowInvalid):
                return cast(decimals(digits, scale))
    raise CellError(
        f"Column {name} has a number with more than {MOST_DIGITS_256} digits, which Parquet cannot store; "
        f"use JSON lines."
    )


def _cast_all(pieces: Sequence[pa.ChunkedArray], kind: pa.DataType) -> list[pa.ChunkedArray]:
    return [piece.cast(kind) for piece in pieces]
