"""Singer messages: numbers with all their digits, never with an exponent."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from functools import cached_property
from io import BytesIO
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.contrib.msgspec import enc_hook as sdk_hook

from tap_yoc.stdout import output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk.singerlib import Message

    from tap_yoc.stdout import UnbufferedOutput

_without_brace = itemgetter(slice(None, -len(b"}\n")))


class YOCMessageWriter(MsgSpecWriter):
    """The SDK's fast writer, with plain numbers."""

    def serialize_message(self, message: Message) -> bytearray:
        """Return the message as one line of JSON."""
        return bytearray(_encoder.encode(message.to_dict()) + b"\n")

    def write_records(self, stream: str, rows: Sequence[Any], added: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Write a RECORD message for each row of a page, all at once; `added` are the last columns of every row."""
        before = b'{"type":"RECORD","stream":' + _encoder.encode(stream) + b',"record":'
        behind = b',"time_extracted":' + _encoder.encode(datetime.now(timezone.utc)) + b"}"
        if rows:
            self.write_lines(encoded_rows(rows, added, before, behind))

    def write_lines(self, lines: bytes | bytearray) -> None:
        """Write whole lines to stdout at once.

        Raises:
            OutputError: They, or earlier lines, could not be written.
        """
        self._output.write(lines)

    @cached_property
    def _output(self) -> UnbufferedOutput:
        return output()

    def write_message(self, message: Message) -> None:
        """Write the message to stdout at once."""
        self.write_lines(self.serialize_message(message))


def encoded_rows(rows: Sequence[Any], added: Mapping[str, Any], before: bytes = b"", behind: bytes = b"") -> bytes:
    """Return each row as a line of JSON, with `added` as its last columns, between `before` and `behind`."""
    end = (b"," + _encoder.encode(added)[1:-1] if added else b"") + b"}" + behind + b"\n"
    # An encoded row contains no line breaks, and `BytesIO` finds them in a quarter of the time that `split` takes. The
    # ends are added to two lines, since copying the whole page once more costs as much.
    lines = list(map(_without_brace, BytesIO(_encoder.encode_lines(rows))))
    lines[0] = before + lines[0]
    lines[-1] += end
    return (end + before).join(lines)


# msgspec encodes a plain `Decimal` itself; only subclasses come here, such as one without an exponent.
def _plainly(value: Any) -> Any:  # noqa: ANN401 - any type that msgspec does not know
    return msgspec.Raw(str(value).encode()) if isinstance(value, Decimal) else sdk_hook(value)


_encoder = msgspec.json.Encoder(enc_hook=_plainly, decimal_format="number")
