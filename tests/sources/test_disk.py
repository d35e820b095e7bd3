"""Bytes off the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderbook.errors import SourceError
from orderbook.sources.disk import read_file, size_of
from orderbook.types import Place


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of ten digits."""
    file = tmp_path / "digits"
    file.write_bytes(b"0123456789")
    return file


@pytest.mark.parametrize(
    ("chunk_size", "start", "size", "expected"),
    [
        (4, 0, None, [b"0123", b"4567", b"89"]),
        (10, 0, None, [b"0123456789"]),
        (100, 7, None, [b"789"]),
        (2, 3, 5, [b"34", b"56", b"7"]),
        (4, 8, 100, [b"89"]),
        (4, 0, 0, []),
        (4, 50, None, []),
    ],
)
def test_read_file(path: Path, chunk_size: int, start: int, size: int | None, expected: list[bytes]) -> None:
    """A whole file or a stretch of it, never more than asked."""
    assert expected == list(read_file(path, chunk_size, start=start, size=size))


def test_the_position_is_told(path: Path) -> None:
    """After each read the position in the file is told, before the bytes are given."""
    told: list[int] = []
    chunks = read_file(path, 4, told.append)
    assert [] == told
    next(chunks)
    assert [4] == told
    list(chunks)
    assert [4, 8, 10] == told


def test_closing_closes_the_file(path: Path) -> None:
    """No handle is left when a reader stops early."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("no /proc here to count open files")
    before = sorted(link.name for link in folder.iterdir())
    chunks = read_file(path, 4)
    next(chunks)
    chunks.close()
    assert before == sorted(link.name for link in folder.iterdir())


def test_size_of(path: Path) -> None:
    """The size on the disk."""
    assert 10 == size_of(path)


@pytest.mark.parametrize(("name", "reason"), [("absent", "No such file or directory"), ("", "Is a directory")])
def test_what_cannot_be_opened(tmp_path: Path, name: str, reason: str) -> None:
    """The operating system's words, with the path as the place."""
    path = tmp_path / name
    for read in (lambda: size_of(path), lambda: list(read_file(path, 1))):
        with pytest.raises(SourceError) as caught:
            read()
        assert (f"{path}: cannot be read: {reason}", Place(str(path))) == (str(caught.value), caught.value.place)
