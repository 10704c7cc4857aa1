"""Batch files: a stream's pages in files, each complete and closed before its BATCH message.

Whole pages are encoded at once: as the JSON lines of RECORD messages, or as Parquet through Arrow.
"""

from __future__ import annotations

import gzip
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from tap_yoc.decoding.arrow import table_of, unified
from tap_yoc.singer.messages import encoded_rows

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from typing import BinaryIO

    import pyarrow as pa
    from singer_sdk.helpers._batch import BatchConfig

    from tap_yoc.decoding.page import Page

MOST_BYTES = 16 * 2**20
"""Size of a file as JSON or Arrow; loaders read a whole file into memory, where it takes ten times as much."""
FASTEST = 1
"""The gzip level: 280 MB/s instead of 28 MB/s with the usual 9, for files that are a third larger."""


def written_files(
    pages: Iterable[Page], config: BatchConfig, *, name: str, schema: Mapping[str, Any]
) -> Generator[str, None, None]:
    """Write pages to files, and yield the URL of each file as soon as it is complete.

    `name` is the names of tap and stream; `schema` is the stream's JSON Schema.

    Raises:
        OSError: A file cannot be written; it is removed.
        CellError: A number has more digits than the files can store.
    """
    start = f"{config.storage.prefix or ''}{name}-{uuid4()}"
    names = (f"{start}-{number}" for number in count(1))
    new = partial(_FORMATS[config.encoding.format], config, schema=schema)
    file: _BatchFile | None = None
    try:
        for part in chain.from_iterable(page.parts(config.batch_size) for page in pages):
            if file and file.rows + len(part.rows) > config.batch_size:
                url, file = file.close(), None
                yield url
            file = file or new(next(names))
            file.add(part)
            if file.bytes >= MOST_BYTES:
                url, file = file.close(), None
                yield url
        if file:
            url, file = file.close(), None
            yield url
    finally:
        if file:
            file.discard()


class _BatchFile(ABC):
    """A file that is being written."""

    suffix: str

    def __init__(self, config: BatchConfig, name: str, schema: Mapping[str, Any]) -> None:
        self.rows = self.bytes = 0
        self._schema = schema
        self._compression = config.encoding.compression
        name += self.suffix + (".gz" if self.suffix == ".jsonl" and self._compression == "gzip" else "")
        self._url = config.storage.get_url(name)
        self._system, folder = url_to_fs(config.storage.root, **config.storage.params)
        self._path = f"{folder}/{name}"
        self._system.makedirs(folder, exist_ok=True)
        self._file: BinaryIO = self._system.open(self._path, "wb")

    def add(self, page: Page) -> None:
        """Add rows."""
        self.rows += len(page.rows)
        self.bytes += self._add(page)

    @abstractmethod
    def _add(self, page: Page) -> int:
        """Add rows, and return their size in bytes."""

    @abstractmethod
    def _finish(self) -> None:
        """Write the rest."""

    def close(self) -> str:
        """Complete the file, flush it to disk, and return its URL."""
        self._finish()
        self._file.flush()
        if isinstance(self._system, LocalFileSystem):
            os.fsync(self._file.fileno())
        self._file.close()
        return self._url

    def discard(self) -> None:
        """Remove the incomplete file."""
        with suppress(OSError, ValueError):
            self._file.close()
        with suppress(OSError):
            self._system.rm_file(self._path)


class _JsonLines(_BatchFile):
    suffix = ".jsonl"

    def __init__(self, config: BatchConfig, name: str, schema: Mapping[str, Any]) -> None:
        super().__init__(config, name, schema)
        self._lines: BinaryIO | gzip.GzipFile = self._file
        if self._compression == "gzip":
            self._lines = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=FASTEST)

    def _add(self, page: Page) -> int:
        lines = encoded_rows(page.rows, page.added)
        self._lines.write(lines)
        return len(lines)

    def _finish(self) -> None:
        if self._lines is not self._file:
            self._lines.close()


class _Parquet(_BatchFile):
    suffix = ".parquet"

    def __init__(self, config: BatchConfig, name: str, schema: Mapping[str, Any]) -> None:
        super().__init__(config, name, schema)
        self._tables: list[pa.Table] = []

    def _add(self, page: Page) -> int:
        self._tables.append(table_of(page, self._schema))
        return int(self._tables[-1].nbytes)

    def _finish(self) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

        pq.write_table(unified(self._tables), self._file, compression=self._compression or "snappy")


_FORMATS: dict[str, type[_BatchFile]] = {"jsonl": _JsonLines, "parquet": _Parquet}
