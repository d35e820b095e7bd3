"""What the tests of sources share: bytes packed in every way, and files made of them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard

from orderbook.sources import FRAMINGS, Item, Stream
from orderbook.verdicts import OnError

COMPRESSIONS = ("plain", "gzip", "zstd", "xz", "bz2", "zip")


def _zip(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", data)
    return file.getvalue()


_PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zip": _zip,
}


@pytest.fixture(scope="session")
def pack() -> Callable[[bytes, str], bytes]:
    """``pack(data, "gzip")``: compressed bytes; a zip has one member, called ``member``."""
    return lambda data, compression: _PACK[compression](data)


@pytest.fixture(params=COMPRESSIONS)
def compression(request: pytest.FixtureRequest) -> str:
    """Every compression there is, plain included."""
    return str(request.param)


@pytest.fixture(params=COMPRESSIONS[1:])
def packing(request: pytest.FixtureRequest) -> str:
    """Every compression but plain."""
    return str(request.param)


@pytest.fixture
def tape(tmp_path: Path) -> Callable[..., Path]:
    """``tape(data, "gzip", name="x")``: the path of a new file with those bytes, packed."""

    def write(data: bytes, compression: str = "plain", name: str = "tape") -> Path:
        path = tmp_path / name
        path.write_bytes(_PACK[compression](data))
        return path

    return write


@pytest.fixture(scope="session")
def cut() -> Callable[[bytes, int], list[bytes]]:
    """``cut(data, 3)``: the same bytes in chunks of three."""
    return lambda data, size: [data[at : at + size] for at in range(0, len(data), size)]


@pytest.fixture(scope="session")
def framed() -> Callable[..., list[Item]]:
    """``framed("ndjson", chunks, ...)``: everything that a framing makes of chunks."""

    def read(
        name: str,
        chunks: bytes | Iterable[bytes],
        *,
        filename: str = "tape",
        companion: Stream | None = None,
        skip: bool = False,
        max_message: int = 1 << 20,
    ) -> list[Item]:
        stream = Stream(
            name=filename,
            filename=filename,
            chunks=iter([chunks] if isinstance(chunks, bytes) else chunks),
            on_error=OnError.SKIP if skip else OnError.RAISE,
            max_message=max_message,
            companion=companion,
        )
        return list(FRAMINGS[name].read(stream))

    return read
