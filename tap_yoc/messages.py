"""Writing Singer messages: numbers with all their digits, never with an exponent."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.contrib.msgspec import enc_hook as sdk_hook

from tap_yoc.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.singerlib import Message


class YOCMessageWriter(MsgSpecWriter):
    """The SDK's fast writer, with plain numbers."""

    def serialize_message(self, message: Message) -> bytearray:
        """Return the message as one line of JSON."""
        return bytearray(_encoder.encode(message.to_dict()) + b"\n")

    def write_records(self, stream: str, rows: Sequence[Any]) -> None:
        """Write a RECORD for each row of a page, all at once: the SDK's message, put around rows encoded together."""
        if not rows:
            return
        before = b'{"type":"RECORD","stream":' + _encoder.encode(stream) + b',"record":'
        after = b',"time_extracted":' + _encoder.encode(datetime.now(timezone.utc)) + b"}\n"
        # JSON has no line break within a row.
        lines = _encoder.encode_lines(rows).removesuffix(b"\n").replace(b"\n", after + before)
        self.write_lines(b"".join((before, lines, after)))

    def write_lines(self, lines: bytes | bytearray) -> None:
        """Write whole lines to stdout at once."""
        with arriving():
            sys.stdout.buffer.write(lines)

    def write_message(self, message: Message) -> None:
        """Write the message to stdout at once."""
        self.write_lines(self.serialize_message(message))


def check_stdout() -> None:
    """Look whether there is a stdout, before anything is asked.

    Raises:
        OutputError: The caller has closed it.
    """
    if sys.stdout is None:
        raise OutputError("Stdout is closed, and the tap writes there; connect it with a target or a file.")


@contextmanager
def arriving() -> Iterator[None]:
    """Have what is written to stdout within arrive where it leads.

    Raises:
        OutputError: It does not arrive.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        drop_stdout()
        raise OutputError("The target stopped reading; see its log.") from error
    except OSError as error:
        drop_stdout()
        raise OutputError(f"Stdout takes nothing more ({error.strerror}); make room, then run again.") from error


def drop_stdout() -> None:
    """Write to nowhere from now on; else Python complains once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# msgspec writes a `Decimal` itself; what comes here is a subclass, such as one that is written without an exponent.
def _plainly(value: Any) -> Any:  # noqa: ANN401 - whatever msgspec does not know itself
    return msgspec.Raw(str(value).encode()) if isinstance(value, Decimal) else sdk_hook(value)


_encoder = msgspec.json.Encoder(enc_hook=_plainly, decimal_format="number")
