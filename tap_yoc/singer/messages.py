"""Writing Singer messages: numbers with all their digits, never with an exponent."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.contrib.msgspec import enc_hook as sdk_hook

from tap_yoc.stdout import output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk.singerlib import Message

    from tap_yoc.stdout import WholeOutput

_END_OF_ROW = b"}\n"


class YOCMessageWriter(MsgSpecWriter):
    """The SDK's fast writer, with plain numbers."""

    def serialize_message(self, message: Message) -> bytearray:
        """Return the message as one line of JSON."""
        return bytearray(_encoder.encode(message.to_dict()) + b"\n")

    def write_records(self, stream: str, rows: Sequence[Any], added: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Write a RECORD for each row of a page, all at once: the SDK's message, put around rows encoded together.

        Each row has what is `added` as its last columns.
        """
        before = b'{"type":"RECORD","stream":' + _encoder.encode(stream) + b',"record":'
        behind = b',"time_extracted":' + _encoder.encode(datetime.now(timezone.utc)) + b"}"
        if rows:
            self.write_lines(encoded_rows(rows, added, before, behind))

    def write_lines(self, lines: bytes | bytearray) -> None:
        """Write whole lines to stdout at once.

        Raises:
            OutputError: They do not arrive, or earlier ones did not.
        """
        self._output.write(lines)

    @cached_property
    def _output(self) -> WholeOutput:
        return output()

    def write_message(self, message: Message) -> None:
        """Write the message to stdout at once."""
        self.write_lines(self.serialize_message(message))


def encoded_rows(rows: Sequence[Any], added: Mapping[str, Any], before: bytes = b"", behind: bytes = b"") -> bytes:
    """Return each row as a line of JSON, with what is `added` as its last columns, between `before` and `behind`."""
    end = (b"," + _encoder.encode(added)[1:-1] if added else b"") + b"}" + behind + b"\n"
    # JSON has no line break within a row.
    lines = _encoder.encode_lines(rows).removesuffix(_END_OF_ROW).replace(_END_OF_ROW, end + before)
    return b"".join((before, lines, end))


# msgspec writes a `Decimal` itself; what comes here is a subclass, such as one that is written without an exponent.
def _plainly(value: Any) -> Any:  # noqa: ANN401 - whatever msgspec does not know itself
    return msgspec.Raw(str(value).encode()) if isinstance(value, Decimal) else sdk_hook(value)


_encoder = msgspec.json.Encoder(enc_hook=_plainly, decimal_format="number")
