"""The streams that a path stands for."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orderbook.errors import CorruptSource, SourceError, TruncatedSource
from orderbook.sources.disk import uncounted
from orderbook.sources.parts import Part, parts_of


def read(part: Part) -> bytes:
    """All of a part."""
    return b"".join(part.open(4096, uncounted))


def test_a_file_is_one_part(tape: Callable[..., Path], compression: str) -> None:
    """Whatever it is packed with, a part is plain bytes."""
    path = tape(b"a\nb\n", compression, "x.bin")
    (part,) = parts_of(path)
    name = f"{path}!member" if compression == "zip" else str(path)
    assert (path, name, b"a\nb\n") == (part.path, part.name, read(part))


def test_members_are_parts_with_names(tmp_path: Path) -> None:
    """The archive, the member with its folder for messages, the bare name for rules that look at names."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("2024/b.csv", "B")
        archive.writestr("2024/a.csv", "A")
    expected = [(f"{path}!2024/a.csv", "a.csv", b"A"), (f"{path}!2024/b.csv", "b.csv", b"B")]
    assert expected == [(part.name, part.filename, read(part)) for part in parts_of(path)]


def test_a_part_opens_again(tape: Callable[..., Path], compression: str) -> None:
    """Every opening is a new beginning."""
    (part,) = parts_of(tape(b"x" * 1000, compression))
    assert read(part) == read(part)


@pytest.mark.parametrize(
    ("size", "expected"), [(3, (b"abc", False)), (6, (b"abcdef", True)), (7, (b"abcdef", True)), (5, (b"abcde", False))]
)
def test_head(tape: Callable[..., Path], compression: str, size: int, expected: tuple[bytes, bool]) -> None:
    """The first plain bytes, and whether there are more."""
    (part,) = parts_of(tape(b"abcdef", compression))
    assert expected == part.head(size)


def test_the_head_of_a_damaged_file_is_what_can_be_read(tape: Callable[..., Path], tmp_path: Path) -> None:
    """Looking at the beginning never raises; reading on does."""
    path = tape(b"".join(b"%d\n" % n for n in range(5000)), "gzip")
    path.write_bytes(path.read_bytes()[:-3000])
    (part,) = parts_of(path)
    head, complete = part.head(1 << 20)
    assert (True, True) == (head.startswith(b"0\n1\n2\n"), complete)
    with pytest.raises(TruncatedSource):
        read(part)


def test_a_cut_archive_ends_with_its_error(tmp_path: Path) -> None:
    """Whole members are read first; that the directory is missing comes last."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "A")
    path.write_bytes(path.read_bytes()[:-30])
    part, last = parts_of(path)
    assert b"A" == read(part)
    with pytest.raises(TruncatedSource) as caught:
        read(last)
    assert "the zip's directory is missing: the file was cut off" == str(caught.value)


def test_what_cannot_be_opened_fails_when_it_is_read(tmp_path: Path) -> None:
    """So that the files before it are delivered."""
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04")
    (part,) = parts_of(tmp_path / "bad.zip")
    assert (b"", True) == part.head(10)
    with pytest.raises(CorruptSource):
        read(part)
    (part,) = parts_of(tmp_path / "absent")
    with pytest.raises(SourceError):
        read(part)
