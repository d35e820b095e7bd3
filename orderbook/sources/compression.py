"""Compressed bytes in, plain bytes out: recognised by content, in bounded memory, and honest about where they end.

Operations: :func:`recognise` looks at the first bytes; :func:`plain_chunks` turns a file's bytes into plain ones.

Goals
    - *Everything before the damage.* A cut or damaged stream gives every byte that its decoder can make of what stands
      before the fault, whatever the size of the chunks, and then raises.
    - *Never quiet.* Damage is seen where a checksum stands: at the end of a gzip member, a bz2 block, an xz block.
      What was given since the one before may be wrong already when the error comes; no decoder can know earlier.
    - *Bounded.* No call of a decoder may answer with more than :data:`PIECE` bytes, so a bomb costs time, never memory.
      The windows that a stream may ask for are bounded as well (128 MiB).
    - *All of it.* Concatenated members, frames and streams are one stream, as with the command line tools.

Plan: gzip, bz2 and xz have decoders that feed on pieces of any size. When such a decoder finds damage it throws away
what it had made of that piece. So on damage the file is read a second time, in single bytes from the bad piece on,
and nothing is lost (:func:`_until_damage`). Checked and refused: a copy of the decoder before each piece (only zlib
can).

zstd's binding cannot bound its output per call and does not say that a frame was cut short. Its blocks can be walked
from outside, though, and one block is at most 128 KiB of output: it is fed block by block (:func:`_zstd`).
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from orderbook._extras import require
from orderbook.errors import CorruptSource, TruncatedSource

PIECE: Final = 1 << 17
"""The most plain bytes that one call of a decoder may give."""

MAX_WINDOW: Final = 1 << 27
"""The most memory that a stream may ask its decoder for (128 MiB; ``zstd`` refuses more by default too)."""

SNIFF: Final = 10
"""How many first bytes :func:`recognise` needs."""

Chunks: TypeAlias = "Generator[bytes, None, None]"
"""A stream of bytes; closing it closes what it reads from."""


class _Decoder(Protocol):
    """What :class:`bz2.BZ2Decompressor` and :class:`lzma.LZMADecompressor` have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Zlib:
    """zlib's decoder with the manners of the other two."""

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        # A full piece may have more behind it even when all input is taken: a match is up to 258 bytes.
        return not self._full and not self._zlib.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        piece = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece


class Codec(NamedTuple):
    """One compression: its name, how to make a decoder, and what that raises on damage."""

    name: str
    make: Callable[[], _Decoder]
    errors: tuple[type[Exception], ...]
    padded: bool = False
    """Zero bytes may follow a member (tape blocks for gzip, stream padding for xz)."""
    members: bool = True
    """Another member may follow the first."""


GZIP: Final = Codec("gzip", lambda: _Zlib(31), (zlib.error,), padded=True)
DEFLATE: Final = Codec("deflate", lambda: _Zlib(-15), (zlib.error,), members=False)
BZ2: Final = Codec("bz2", bz2.BZ2Decompressor, (OSError, ValueError))
XZ: Final = Codec(
    "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_WINDOW), (lzma.LZMAError,), padded=True
)

_ZSTD_FRAME: Final = b"\x28\xb5\x2f\xfd"
_MAGIC: Final = (
    (b"\x1f\x8b", "gzip"),
    (_ZSTD_FRAME, "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
_BZ2_BLOCK: Final = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
_CODECS: Final = {"gzip": GZIP, "bz2": BZ2, "xz": XZ}


def recognise(head: bytes) -> str:
    """Return ``gzip``, ``zstd``, ``xz``, ``bz2``, ``zip`` or ``plain`` from the first :data:`SNIFF` bytes. O(1).

    The file's name plays no part: recorders and download tools rename too freely.

    >>> recognise(b"\\x1f\\x8b\\x08"), recognise(b'{"stream":')
    ('gzip', 'plain')
    """
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if _skippable(head[:4]):
        return "zstd"
    # "BZh" alone could begin a text; the block's magic (pi, or its end's square root) cannot.
    if head[:3] == b"BZh" and head[4:10] in _BZ2_BLOCK:
        return "bz2"
    return "plain"


def plain_chunks(raw: Callable[[], Chunks], compression: str) -> Chunks:
    """Yield the plain bytes of a stream, in pieces of at most :data:`PIECE` bytes where it is compressed. O(1) memory.

    ``raw`` opens the stream at its beginning; it is called a second time only when damage is found.

    Raises:
        TruncatedSource: it ends in the middle, after all that stands before has been given.
        CorruptSource: its bytes are damaged, likewise.
        MissingExtra: zstd without the extra ``zstd``.
    """
    if compression == "plain":
        return raw()
    if compression == "zstd":
        return _zstd(raw)
    return expand(raw, _CODECS[compression])


def expand(raw: Callable[[], Chunks], codec: Codec) -> Chunks:
    """Yield what one of the piecewise decoders makes of a stream (see :func:`plain_chunks`)."""
    given = taken = 0

    def counted() -> Iterator[bytes]:
        nonlocal taken
        with closing(raw()) as chunks:
            for chunk in chunks:
                yield chunk
                # Only now is the piece known to be sound.
                taken += len(chunk)

    try:
        with closing(_members(counted(), codec)) as pieces:
            for piece in pieces:
                given += len(piece)
                yield piece
    except codec.errors:
        pass
    else:
        return
    yield from _until_damage(raw, codec, taken, given)


def _until_damage(raw: Callable[[], Chunks], codec: Codec, sound: int, given: int) -> Chunks:
    """Decode again, in single bytes after the first ``sound`` ones, give what was not given before, and raise."""
    taken = 0

    def fine() -> Iterator[bytes]:
        nonlocal taken
        with closing(raw()) as chunks:
            for chunk in chunks:
                if taken < sound:
                    yield chunk
                    taken += len(chunk)
                    continue
                for value in chunk:
                    yield bytes((value,))
                    taken += 1

    try:
        with closing(_members(fine(), codec)) as pieces:
            for piece in pieces:
                fresh = piece[given:] if given else piece
                given = max(0, given - len(piece))
                if fresh:
                    yield fresh
    except codec.errors as error:
        raise CorruptSource(f"damaged {codec.name} data at byte {taken} of the file ({error})") from error
    raise CorruptSource(f"damaged {codec.name} data, which read differently a second time")


def _members(chunks: Iterator[bytes], codec: Codec) -> Chunks:
    """The plain bytes of all members, one after the other."""
    decoder: _Decoder | None = None
    first = True
    for chunk in chunks:
        data = chunk
        while data:
            if decoder is None:
                if not first and codec.padded:
                    data = data.lstrip(b"\x00")
                if not data or not (first or codec.members):
                    break
                decoder, first = codec.make(), False
            yield from _fed(decoder, data)
            data = decoder.unused_data
            if decoder.eof:
                decoder = None
    if decoder is not None or first:
        raise TruncatedSource(f"the {codec.name} data ends in the middle: the file was cut off")


def _fed(decoder: _Decoder, data: bytes) -> Iterator[bytes]:
    """All that a decoder makes of one chunk, in bounded pieces."""
    piece = decoder.decompress(data, PIECE)
    while True:
        if piece:
            yield piece
        if decoder.eof or decoder.needs_input:
            return
        piece = decoder.decompress(b"", PIECE)


class _Pull:
    """Bytes by number out of a stream of chunks of any size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""
        self._at = 0
        self.taken = 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes.

        Raises:
            TruncatedSource: there are fewer.
        """
        data = self.upto(size)
        if len(data) < size:
            raise TruncatedSource("the zstd data ends in the middle: the file was cut off")
        return data

    def upto(self, size: int) -> bytes:
        """The next ``size`` bytes, or all that is left."""
        parts = []
        wanted = size
        while wanted:
            if self._at == len(self._held):
                self._held, self._at = next(self._chunks, b""), 0
                if not self._held:
                    break
            part = self._held[self._at : self._at + wanted]
            self._at += len(part)
            wanted -= len(part)
            parts.append(part)
        self.taken += size - wanted
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes in bounded memory."""
        while size:
            size -= len(self.take(min(size, PIECE)))


def _zstd(raw: Callable[[], Chunks]) -> Chunks:
    """The plain bytes of all frames (RFC 8878), one after the other."""
    zstandard = require("zstandard", extra="zstd")
    with closing(raw()) as chunks:
        pull = _Pull(chunks)
        try:
            # RFC 8878 section 3: frames are concatenated; a plain one-shot decoder stops after the first.
            while magic := pull.upto(4):
                if _skippable(magic):
                    pull.skip(int.from_bytes(pull.take(4), "little"))
                elif magic == _ZSTD_FRAME:
                    yield from _zstd_frame(pull, zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj())
                elif len(magic) < 4:
                    pull.take(4)
                else:
                    raise CorruptSource(f"damaged zstd data at byte {pull.taken} of the file (no frame begins here)")
        except zstandard.ZstdError as error:
            raise CorruptSource(f"damaged zstd data before byte {pull.taken} of the file ({error})") from error


def _zstd_frame(pull: _Pull, decoder: Any) -> Iterator[bytes]:
    """One frame, block by block: each block is at most 128 KiB of plain bytes (RFC 8878 section 3.1.1.2)."""
    descriptor = pull.take(1)
    flags = descriptor[0]
    single = flags >> 5 & 1
    content_size = (single, 2, 4, 8)[flags >> 6]
    header = pull.take((0, 1, 2, 4)[flags & 3] + content_size + (1 - single))
    yield from _some(decoder.decompress(_ZSTD_FRAME + descriptor + header))
    last = 0
    while not last:
        head = pull.take(3)
        number = int.from_bytes(head, "little")
        last, kind, size = number & 1, number >> 1 & 3, number >> 3
        if size > PIECE:
            raise CorruptSource(f"damaged zstd data at byte {pull.taken} of the file (a block of {size} bytes)")
        yield from _some(decoder.decompress(head + pull.take(1 if kind == _RUN else size)))
    if flags & 4:
        yield from _some(decoder.decompress(pull.take(4)))


_RUN: Final = 1
"""The kind of block that is one byte, repeated."""


def _some(data: bytes) -> Iterator[bytes]:
    if data:
        yield data


def _skippable(magic: bytes) -> bool:
    return len(magic) == 4 and magic[1:] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5
