"""Writing Singer messages: numbers with all their digits, never with an exponent."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.contrib.msgspec import enc_hook as sdk_hook

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message


class YOCMessageWriter(MsgSpecWriter):
    """The SDK's fast writer, with plain numbers."""

    def serialize_message(self, message: Message) -> bytearray:
        """Return the message as one line of JSON."""
        line = bytearray(_encoder.encode(message.to_dict()))
        line += b"\n"
        return line

    def write_message(self, message: Message) -> None:
        """Write the message to stdout at once."""
        sys.stdout.buffer.write(self.serialize_message(message))
        sys.stdout.buffer.flush()


def _plainly(value: Any) -> Any:  # noqa: ANN401 - whatever msgspec does not know itself
    return msgspec.Raw(str(value).encode()) if isinstance(value, Decimal) else sdk_hook(value)


_encoder = msgspec.json.Encoder(enc_hook=_plainly, decimal_format="number")
