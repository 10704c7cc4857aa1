"""target-postgres, with a COPY that keeps every digit and less work for each row.

The original's `use_copy` turns decimals into floating point. Settings, tables, transactions and TLS are the original's.
Three of its methods are replaced, one of them private, so that this works with one release only (`RELEASE`).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from singer_sdk.contrib.msgspec import MsgSpecReader
from sqlalchemy.dialects.postgresql import insert
from target_postgres.sinks import PostgresSink
from target_postgres.target import TargetPostgres

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Row = dict[str, Any]


class ExactSink(PostgresSink):  # type: ignore[misc] # ships no types
    """One table. A batch goes into a temporary table first, and from there into this one, in one transaction."""

    @override
    def bulk_insert_records(
        self,
        table: sa.Table,
        schema: dict[str, Any],
        records: Iterable[Row],
        primary_keys: Sequence[str],
        connection: sa.Connection,
    ) -> int | None:
        """Copy rows into the temporary table; of rows with the same key, the last one.

        The original asks the columns' general types how to write a value, and they write decimals as floating point.
        PostgreSQL's own types leave them alone.
        """
        if not self.config["use_copy"]:
            return super().bulk_insert_records(table, schema, records, primary_keys, connection)  # type: ignore[no-any-return]
        if not self.append_only:
            records = {tuple(record[key] for key in primary_keys): record for record in records}.values()
        columns, dialect = self.column_representation(schema), connection.dialect
        names = [column.name for column in columns]
        writers = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
        if self.connector.sanitize_null_text_characters:
            writers = [_in_turn(self.sanitize_null_text_characters, write) for write in writers]
        changed = [(place, write) for place, write in enumerate(writers) if write]
        with connection.connection.cursor().copy(self.generate_copy_statement(table.name, columns)) as copy:
            for record in records:
                cells = list(map(record.get, names))
                for place, write in changed:
                    cells[place] = write(cells[place])
                copy.write_row(cells)
        return None

    @override
    def upsert(
        self,
        from_table: sa.Table,
        to_table: sa.Table,
        schema: dict[str, Any],
        join_keys: Sequence[str],
        connection: sa.Connection,
    ) -> int | None:
        """Insert the rows, and update those whose keys are there, in one statement.

        The original inserts first, and then updates what it has just inserted: it writes each new row twice. Both
        statements also search the whole table, where this one uses the primary key.
        """
        if not join_keys or {column.name for column in to_table.primary_key} != set(join_keys):
            return super().upsert(from_table, to_table, schema, join_keys, connection)  # type: ignore[no-any-return]
        names = list(self.schema["properties"])
        rows = insert(to_table).from_select(names, sa.select(*(from_table.c[name] for name in names)))
        revised = {name: rows.excluded[name] for name in names}
        connection.execute(rows.on_conflict_do_update(index_elements=join_keys, set_=revised))
        return None

    @override
    def _parse_timestamps_in_record(self, *arguments: Any, **named: Any) -> None:
        """Leave dates and times as they came, unless rows are inserted: COPY writes text, which PostgreSQL reads."""
        if not self.config["use_copy"]:
            super()._parse_timestamps_in_record(*arguments, **named)


def _in_turn(first: Callable[[Any], Any], second: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    return (lambda value: second(first(value))) if second else first


class ExactTarget(TargetPostgres):  # type: ignore[misc] # ships no types
    """All tables of a run."""

    default_sink_class = ExactSink
    message_reader_class = MsgSpecReader
    """Reads lines faster than the default, and decimals as exactly."""
