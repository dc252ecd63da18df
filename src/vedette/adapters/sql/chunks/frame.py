"""The outside of a chunk: a version, a checksum, and the compressed content."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec
import zstandard

_VERSION = 1
_HEAD = 5  # version, CRC-32 of what follows the head
_LEVEL = 15
_LARGEST = 1 << 28

Content = TypeVar("Content")
_encode = msgspec.msgpack.Encoder().encode


class Damaged(Exception):
    """The chunk is not as it was written."""


def packed(content: msgspec.Struct) -> bytes:
    """Ready to be stored."""
    body = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False).compress(_encode(content))
    return bytes((_VERSION,)) + zlib.crc32(body).to_bytes(4, "big") + body


def unpacked(data: bytes, decoder: msgspec.msgpack.Decoder[Content]) -> Content:
    """What `packed` was given; raises `Damaged`."""
    head, body = data[:_HEAD], data[_HEAD:]
    if len(head) < _HEAD or head[0] != _VERSION:
        raise Damaged(f"version {_VERSION} was expected, not {head[:1].hex() or 'nothing'}")
    if zlib.crc32(body) != int.from_bytes(head[1:], "big"):
        raise Damaged("its checksum is another")
    try:
        return decoder.decode(zstandard.ZstdDecompressor().decompress(body, max_output_size=_LARGEST))
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise Damaged(str(error)) from error
