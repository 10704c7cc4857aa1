"""The base of all streams: a failure ends only its stream, catalogs are updated, rows are written in pages.

It replaces some private methods of the SDK (with an underscore). The SDK's version is bounded for them, and a test
fails if they change.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import Metadata, Schema

from tap_yoc.decoding.page import Page
from tap_yoc.errors import CellError, LoginError, OutputError, SettingsError, YOCError
from tap_yoc.singer.batch import written_files
from tap_yoc.singer.messages import YOCMessageWriter

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from datetime import date

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog, CatalogEntry

    from tap_yoc.engine.run import Run


class YOCStream(Stream):
    """A stream whose failure does not stop the others, and which moves its own bookmark."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows are already cast

    def __init__(self, tap: Tap, run: Run, *, name: str, schema: dict[str, Any], keys: tuple[str, ...]) -> None:
        """Take the run, and the stream's name, schema and key."""
        super().__init__(tap, schema=schema, name=name)
        self.run = run
        self.primary_keys = keys
        self._bookmark: date | None = None
        """The newest bookmark, which may not be in the state yet."""

    @abstractmethod
    def pages(self) -> Iterator[Page]:
        """Yield the stream's rows, page by page."""

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Yield the stream's rows one by one; a failure is noted and ends this stream only."""
        pages = self._pages_until_failure()
        with closing(pages):
            # `--test` sets this limit, and the SDK raises when a stream yields more.
            yield from islice(chain.from_iterable(page.records() for page in pages), self.ABORT_AT_RECORD_COUNT)

    def _pages_until_failure(self) -> Generator[Page, None, None]:
        run = self.run
        if run.stopped_by:
            return
        try:
            yield from self.pages()
        except OutputError:  # a STATE message could not be written: this ends the run, and is not the stream's failure
            raise
        except YOCError as error:
            self._note_failure(error)
            if isinstance(error, LoginError):
                run.stopped_by = error
        except Exception as error:
            run.summary.fail(self.name, error)
            self.logger.exception("Stream %s failed unexpectedly; please report this.", self.name)

    def _note_failure(self, error: YOCError) -> None:
        self.run.summary.fail(self.name, error)
        self.logger.error("%s", error)

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write the rows of a page at once if they need no further processing, otherwise as the SDK does.

        For every row, the SDK checks maps, selection, types, child streams and state. Here, rows already have the
        selected columns in the announced types, and the state changes only after windows, so a stream without maps
        needs none of these checks.
        """
        if not (write_messages and self._has_plain_rows()):
            try:
                yield from super()._sync_records(context, write_messages=write_messages)
            except Exception as error:
                if isinstance(error, OutputError) or not self.config.get("stream_maps"):
                    raise  # only the expressions of a map may raise anything
                failure = SettingsError(f"Stream {self.name}: its stream map fails ({error}); fix stream_maps.")
                self._note_failure(failure)
            return
        # Counter, timer and the final STATE are the same as in the SDK's own loop.
        with self.get_record_counter() as counter, self.get_sync_timer() as timer:
            counter.with_context({})
            timer.with_context({})
            for page in self._pages_until_failure():
                self._writer.write_records(self.name, page.rows, page.added)
                counter.increment(len(page.rows))
        self._finalize_state(self.stream_state)
        self._write_state_message()

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write the rows to files, and yield the contents of their BATCH messages.

        Raises:
            OutputError: A file cannot be written.
        """
        if self.config["batch_config"].get("batch_size") is None:
            batch_config = replace(batch_config, batch_size=sys.maxsize)  # files end by size only
        files = written_files(
            self._pages_until_failure(), batch_config, name=f"{self.tap_name}-{self.name}", schema=self.schema
        )
        try:
            for url in files:
                self._put_bookmark_in_state()
                yield batch_config.encoding, [url]
        except CellError as error:
            self._note_failure(error)
            self.run.summary.end(self.name)
            return
        except OSError as error:
            raise OutputError(
                f"Batch files cannot be written ({error}); check batch_config.storage.root, then run again."
            ) from error
        self._put_bookmark_in_state()
        self._tap.state_writer.write_state(self.tap_state)  # for windows without rows after the last file

    def move_bookmark(self, day: date | None) -> None:
        """Move the bookmark after a window was read in full; with batch files, once its last row is in a file."""
        self._bookmark = day
        if self.get_batch_config(self.config) is None:
            self._put_bookmark_in_state()
            self._tap.state_writer.write_state(self.tap_state)

    def _put_bookmark_in_state(self) -> None:
        if self._bookmark:
            self.stream_state.update(replication_key=self.replication_key, replication_key_value=str(self._bookmark))

    def _has_plain_rows(self) -> bool:
        """Return whether rows are written unchanged: no map, flattening, version or limit."""
        return (
            [type(stream_map) for stream_map in self.stream_maps] == [SameRecordTransform]
            and self.stream_maps[0].stream_alias == self.name
            and not self.config.get("flattening_enabled")
            and self._stream_version is None
            and self.ABORT_AT_RECORD_COUNT is None
            and isinstance(self._tap.message_writer, YOCMessageWriter)
        )

    @property
    def _writer(self) -> YOCMessageWriter:
        writer = self._tap.message_writer
        assert isinstance(writer, YOCMessageWriter)  # noqa: S101 - see `_has_plain_rows`
        return writer

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take the selection from a catalog, but the keys and types from the account.

        Raises:
            SettingsError: The catalog has another key for the stream, with which rows would overwrite each other.
        """
        keys, replication_key = self.primary_keys, self.replication_key
        if entry := catalog.get_stream(self.name):
            self._update_entry(entry)
        super().apply_catalog(catalog)
        self.primary_keys, self.replication_key = keys, replication_key

    def _update_entry(self, entry: CatalogEntry) -> None:
        root = entry.metadata.root
        catalog_key = entry.key_properties or root.table_key_properties
        if catalog_key and set(catalog_key) != set(self.primary_keys) and root.selected is not False:
            raise SettingsError(
                f"The catalog gives stream {self.name} the key {', '.join(catalog_key)}, but only "
                f"{', '.join(self.primary_keys)} makes its rows unique; run --discover again and repeat the selection."
            )
        known = self.schema["properties"]
        listed = entry.schema.properties or {}
        for name in [name for name in listed if name not in known]:
            del listed[name]
            self.run.summary.warn(
                f"Stream {self.name}: the catalog lists {name}, which the account does not have; it is left out."
            )
        for name in self.primary_keys:
            listed.setdefault(name, Schema.from_dict(known[name]))
        listed.update({name: Schema.from_dict(known[name]) for name in listed})
        entry.schema.properties = listed
        entry.schema.required = entry.key_properties = list(self.primary_keys)
        for name in self.primary_keys:
            if ("properties", name) in entry.metadata:
                entry.metadata["properties", name] = Metadata(inclusion=Metadata.InclusionType.AUTOMATIC)

    def _selected(self, page: Page) -> Page:
        """Return a page with only the selected columns."""
        names = [name for name in self.schema["properties"] if self.is_selected(name)]
        return Page([{name: record[name] for name in names} for record in page.records()])

    def is_selected(self, column: str) -> bool:
        """Return whether a column is in the catalog and selected."""
        return column in self.effective_schema["properties"] and self.mask["properties", column]

    @override
    def _increment_stream_state(self, latest_record: Mapping[str, Any], *, context: Context | None = None) -> None:
        """Leave the bookmark alone: a row does not make its day complete."""

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Leave the state alone: it contains only bookmarks."""
