"""Pages compressed in advance, so that the server's own work is not what is measured."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

GZIP_START = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
LEVEL = 1
"""How hard it compresses: the default of web servers."""


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The start of a page, compressed in advance up to where the tail begins, which is another in each answer."""

    content: bytes
    checksum: int
    length: int

    @staticmethod
    def of(start: bytes) -> Packed:
        """Compress the start of a page."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        content = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
        return Packed(content=content, checksum=zlib.crc32(start), length=len(start))

    def gzip(self, tail: bytes) -> list[bytes]:
        """Return the whole page as gzip has it."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(tail) + packer.flush()
        checksum, length = zlib.crc32(tail, self.checksum), self.length + len(tail)
        return [GZIP_START, self.content, packed, checksum.to_bytes(4, "little"), length.to_bytes(4, "little")]
