"""Compressed bytes: recognised, whole, bounded, and honest about damage."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Generator
from functools import partial

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderbook.errors import CorruptSource, MissingExtra, SourceError, TruncatedSource
from orderbook.sources.compression import PIECE, SNIFF, plain_chunks, recognise

STREAMS = ("gzip", "zstd", "xz", "bz2")
Pack = Callable[[bytes, str], bytes]

# Long enough for several blocks of everything, and neither random nor too even.
TEXT = b"".join(b'%d {"u":%d,"b":[["%d.5","1"]]}\n' % (n, n * n % 9973, n % 77) for n in range(6_000))


def opener(data: bytes, size: int = 4096) -> Callable[[], Generator[bytes, None, None]]:
    """Opens ``data`` as chunks, again and again."""

    def chunks() -> Generator[bytes, None, None]:
        for at in range(0, len(data), size):
            yield data[at : at + size]

    return chunks


def outcome(data: bytes, compression: str, size: int = 4096) -> tuple[bytes, SourceError | None]:
    """All bytes that were given, and how it ended."""
    given_bytes = bytearray()
    try:
        for chunk in plain_chunks(opener(data, size), compression):
            given_bytes += chunk
    except SourceError as error:
        return bytes(given_bytes), error
    return bytes(given_bytes), None


@pytest.mark.parametrize("compression", ["plain", *STREAMS, "zip"])
def test_recognised_by_content(pack: Pack, compression: str) -> None:
    """The first bytes tell, whatever the file is called."""
    assert compression == recognise(pack(TEXT, compression)[:SNIFF])


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", "plain"),
        (b"\x1f", "plain"),
        (b"BZh9 is how this text begins", "plain"),
        (bz2.compress(b"")[:SNIFF], "bz2"),
        (b"PK\x05\x06" + bytes(6), "zip"),
        (b"\x50\x2a\x4d\x18" + bytes(6), "zstd"),
        (b"\x5f\x2a\x4d\x18" + bytes(6), "zstd"),
        (b"\x60\x2a\x4d\x18" + bytes(6), "plain"),
        (b"\xfd7zXY\x00", "plain"),
        (b"1723161254024619568 {", "plain"),
    ],
)
def test_recognise(head: bytes, expected: str) -> None:
    """Near misses are plain; an empty archive and a skippable zstd frame are not."""
    assert expected == recognise(head)


@pytest.mark.parametrize("compression", ["plain", *STREAMS])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096, 1 << 20])
def test_whole_streams_in_any_chunks(pack: Pack, compression: str, size: int) -> None:
    """What comes out does not depend on how the bytes come in."""
    assert (TEXT, None) == outcome(pack(TEXT, compression), compression, size)


@pytest.mark.parametrize("compression", STREAMS)
def test_empty_content(pack: Pack, compression: str) -> None:
    """A compressed nothing is nothing and no fault."""
    assert (b"", None) == outcome(pack(b"", compression), compression)


@pytest.mark.parametrize("compression", STREAMS)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_members_that_follow_each_other(pack: Pack, compression: str, size: int) -> None:
    """Concatenated members, frames and streams are one stream; an empty one in between changes nothing."""
    data = pack(TEXT[:5000], compression) + pack(b"", compression) + pack(TEXT[5000:], compression)
    assert (TEXT, None) == outcome(data, compression, size)


@pytest.mark.parametrize("compression", ["gzip", "xz"])
@pytest.mark.parametrize("size", [1, 5, 4096])
def test_padding_after_a_member(pack: Pack, compression: str, size: int) -> None:
    """Zero bytes may follow a gzip member (tape blocks) and an xz stream (stream padding), also between two."""
    part = pack(b"part\n", compression)
    assert (b"part\npart\n", None) == outcome(part + bytes(16) + part + bytes(8), compression, size)


@pytest.mark.parametrize("compression", STREAMS)
@pytest.mark.parametrize("size", [1, 4096])
def test_garbage_after_the_end(pack: Pack, compression: str, size: int) -> None:
    """What follows a member and is no member is damage, after everything that was sound."""
    data, error = outcome(pack(TEXT, compression) + b"this is no member", compression, size)
    assert (TEXT, CorruptSource) == (data, type(error))


@pytest.mark.parametrize("compression", STREAMS)
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_cut_off(pack: Pack, compression: str, keep: float) -> None:
    """A cut stream gives a prefix, then says that it was cut."""
    packed = pack(TEXT, compression)
    data, error = outcome(packed[: int(len(packed) * keep)], compression)
    assert TEXT.startswith(data)
    message = f"the {compression} data ends in the middle: the file was cut off"
    assert (TruncatedSource, message) == (type(error), str(error))


@pytest.mark.parametrize("compression", STREAMS)
def test_every_cut_is_noticed(pack: Pack, compression: str) -> None:
    """There is no place where a cut passes for the end."""
    packed = pack(TEXT[:2000], compression)
    kinds = {type(outcome(packed[:at], compression)[1]) for at in range(SNIFF, len(packed))}
    assert {TruncatedSource} == kinds


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_cut_gives_nearly_everything_before_it(pack: Pack, compression: str) -> None:
    """Half of the file gives about half of the text: nothing waits for an end that does not come."""
    text = b"".join(b"%d %d\n" % (n, n * n * n % 99_991) for n in range(60_000))
    packed = pack(text, compression)
    data, _ = outcome(packed[: len(packed) // 2], compression)
    assert 0.3 < len(data) / len(text) < 0.6


@pytest.mark.parametrize("compression", STREAMS)
def test_a_cut_does_not_depend_on_chunks(pack: Pack, compression: str) -> None:
    """The bytes before a cut are the same bytes for every chunk size."""
    packed = pack(TEXT, compression)[:-3000]
    assert 1 == len({outcome(packed, compression, size)[0] for size in (1, 2, 3, 5, 7, 100, 4096, 1 << 20)})


@pytest.mark.parametrize("compression", STREAMS)
@pytest.mark.parametrize("where", [0.3, 0.7])
def test_damage_does_not_depend_on_chunks(pack: Pack, compression: str, where: float) -> None:
    """The bytes before damage, and the message, are the same for every chunk size."""
    packed = bytearray(pack(TEXT, compression))
    at = int(len(packed) * where)
    packed[at : at + 40] = b"\xff" * 40
    outcomes = [outcome(bytes(packed), compression, size) for size in (1, 3, 7, 100, 4096, 1 << 20)]
    ((_, message),) = {(data, str(error)) for data, error in outcomes}
    assert message.startswith(f"damaged {compression} data ")


@pytest.mark.parametrize("compression", STREAMS)
def test_damage_in_a_later_member_leaves_the_earlier_ones(pack: Pack, compression: str) -> None:
    """What was sealed by its own checksum before the damage is given, to the last byte."""
    packed = bytearray(pack(TEXT, compression))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
    for size in (1, 7, 4096, 1 << 20):
        data, error = outcome(pack(TEXT, compression) + bytes(packed), compression, size)
        assert (TEXT, CorruptSource) == (data[: len(TEXT)], type(error))


def test_a_wrong_gzip_checksum_comes_after_all_the_data(pack: Pack) -> None:
    """The text is complete when its CRC turns out wrong: all of it is given, then the error."""
    packed = bytearray(pack(TEXT, "gzip"))
    packed[-6] ^= 0xFF
    for size in (1, 7, 4096, 1 << 20):
        data, error = outcome(bytes(packed), "gzip", size)
        assert (TEXT, CorruptSource) == (data, type(error))
        assert "incorrect data check" in str(error)


def test_a_wrong_zstd_checksum_comes_after_all_the_data(pack: Pack) -> None:
    """The same for zstd, whose checksum is optional and stands behind the last block."""
    packed = bytearray(pack(TEXT, "zstd"))
    packed[-1] ^= 0xFF
    data, error = outcome(bytes(packed), "zstd")
    assert (TEXT, CorruptSource) == (data, type(error))


def test_damage_says_where() -> None:
    """The message names the byte of the file, not of the text."""
    sound = gzip.compress(b"sound\n", mtime=0)
    _, error = outcome(sound + b"\x1f\x8b\x07\x00", "gzip")
    assert f"damaged gzip data at byte {len(sound) + 3} of the file" in str(error)


def test_zstd_of_every_frame_header() -> None:
    """With and without content size, checksum and single segment: the walk finds each block."""
    for checksum in (False, True):
        for sized in (False, True):
            for text in (b"", b"x", TEXT[:200], TEXT[:300], TEXT[:70_000], TEXT):
                parameters = zstandard.ZstdCompressionParameters(write_checksum=checksum, write_content_size=sized)
                packed = zstandard.ZstdCompressor(compression_params=parameters).compress(text)
                assert (text, None) == outcome(packed, "zstd", 7)


def test_zstd_that_was_flushed_in_the_middle() -> None:
    """A recorder that flushes writes many small blocks; all that was flushed survives a cut."""
    packer = zstandard.ZstdCompressor().compressobj()
    packed = b""
    for line in TEXT[:3000].splitlines(keepends=True):
        packed += packer.compress(line) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    data, error = outcome(packed, "zstd")
    assert (TEXT[:3000], TruncatedSource) == (data, type(error))


def test_zstd_skippable_frames(pack: Pack) -> None:
    """Frames of application data are passed over, wherever they stand."""
    skippable = b"\x53\x2a\x4d\x18" + struct.pack("<I", 300_000) + bytes(300_000)
    assert (TEXT, None) == outcome(skippable + pack(TEXT, "zstd") + skippable, "zstd")
    assert TruncatedSource is type(outcome(skippable[:-1], "zstd")[1])


@pytest.mark.parametrize(
    "bad",
    [
        b"\x28\xb5\x2f\xfd\x00\x58" + (b"\xff\xff\xff"),
        b"\x28\xb5\x2f\xfd\x00\xff" + bytes(20),
        b"\x28\xb5\x2f\xfd\x03\x58\x01\x02\x03\x04" + bytes(20),
        b"\x28\xb5\x2f\xfd\x00\x58\x06\x00\x00" + bytes(20),
    ],
    ids=["huge block", "huge window", "unknown dictionary", "reserved block"],
)
def test_zstd_that_no_encoder_writes(bad: bytes) -> None:
    """Frames that ask for more than the format allows, or than we give, are damage."""
    assert CorruptSource is type(outcome(bad, "zstd")[1])


def test_zstd_without_the_extra(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra) as caught:
        list(plain_chunks(opener(pack(TEXT, "zstd")), "zstd"))
    assert "this needs zstandard: pip install 'orderbook-kit[zstd]'" == str(caught.value)


@pytest.mark.parametrize("compression", STREAMS)
def test_bombs_are_given_in_pieces(pack: Pack, compression: str) -> None:
    """64 MiB of zeros arrive in pieces of at most PIECE bytes, and never stand in memory together."""
    bomb = pack(bytes(1 << 26), compression)
    tracemalloc.start()
    try:
        sizes = [len(chunk) for chunk in plain_chunks(opener(bomb, 1 << 16), compression)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (1 << 26, True) == (sum(sizes), max(sizes) <= PIECE)
    assert peak < 1 << 24


def test_an_xz_dictionary_beyond_the_limit() -> None:
    """A stream that wants a gigabyte of dictionary is refused before it gets it."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30, "mode": lzma.MODE_FAST, "nice_len": 2, "depth": 1}]
    filters[0]["mf"] = lzma.MF_HC3
    small = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    packed = bytearray(lzma.compress(b"x", filters=small))
    # The block header: the dictionary's size is one byte (2**26 * (3 or 2) and so on), under its own CRC32.
    at = packed.index(b"\x21\x01", 12)
    packed[at + 2] = 36
    size = (packed[12] + 1) * 4
    packed[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(packed[12 : 12 + size - 4]))
    _, error = outcome(bytes(packed), "xz")
    assert isinstance(error, CorruptSource)
    assert "emory" in str(error)


@pytest.mark.parametrize("compression", ["plain", *STREAMS])
def test_closing_closes_what_it_reads(pack: Pack, compression: str) -> None:
    """The stream below is closed at once when the reader stops early."""
    closed = []

    def chunks() -> Generator[bytes, None, None]:
        try:
            yield from opener(pack(TEXT * 3, compression), 512)()
        finally:
            closed.append(True)

    running = plain_chunks(chunks, compression)
    next(running)
    assert [] == closed
    running.close()
    assert [True] == closed


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_a_prefix_and_a_documented_error(pack: Pack, data: st.DataObject) -> None:
    """Whatever one byte becomes: an error of ours or the same text, and never another exception."""
    compression = data.draw(st.sampled_from(STREAMS))
    packed = bytearray(pack(TEXT[:1500], compression))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] = data.draw(st.integers(0, 255))
    results = {repr(outcome(bytes(packed), compression, size)) for size in (1, 64, 4096)}
    assert 1 == len(results)


@given(st.binary(max_size=200), st.sampled_from(STREAMS))
def test_noise_is_a_documented_error(noise: bytes, compression: str) -> None:
    """Any bytes at all end in one of our errors, or in nothing."""
    read = partial(outcome, noise, compression)
    assert read(1 << 16) is not None
