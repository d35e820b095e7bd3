"""Zip archives: members in order, every method, cut off and damaged."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orderbook.errors import CorruptSource, SourceError, TruncatedSource
from orderbook.sources.disk import uncounted
from orderbook.sources.zips import Member, member_chunks, read_archive

LINES = b"".join(b'{"u":%d}\n' % n for n in range(4_000))


class _Unseekable(io.RawIOBase):
    """A pipe: zipfile then writes sizes after the data and not before it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        self.data += chunk
        return len(chunk)


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, piped: bool = False) -> bytes:
    """A zip of members in the order given."""
    file = _Unseekable() if piped else io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return bytes(file.data) if isinstance(file, _Unseekable) else file.getvalue()


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[bytes], Path]:
    """Write bytes to a file."""

    def write(data: bytes) -> Path:
        path = tmp_path / "tape.zip"
        path.write_bytes(data)
        return path

    return write


def contents(path: Path, member: Member, size: int = 4096) -> bytes:
    """All plain bytes of a member."""
    with closing(member_chunks(path, member, size, uncounted)) as chunks:
        return b"".join(chunks)


def outcome(path: Path, member: Member, size: int = 4096) -> tuple[bytes, type[Exception] | None]:
    """What was given, and how it ended."""
    got = bytearray()
    try:
        for chunk in member_chunks(path, member, size, uncounted):
            got += chunk
    except SourceError as error:
        return bytes(got), type(error)
    return bytes(got), None


def test_members_in_the_order_of_their_names(stored: Callable[[bytes], Path]) -> None:
    """The order of the directory is an accident of the packer; folders are no members."""
    path = stored(packed(("b", b"2"), ("folder/", b""), ("a", b"1"), ("folder/c", b"3")))
    archive = read_archive(path)
    expected = [("a", b"1"), ("b", b"2"), ("folder/c", b"3")]
    assert expected == [(member.filename, contents(path, member)) for member in archive.members]
    assert not archive.cut


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("size", [1, 7, 65_536])
def test_every_method(stored: Callable[[bytes], Path], method: int, piped: bool, size: int) -> None:
    """Stored, deflate and bz2, with the sizes before or after the data, in any chunks."""
    path = stored(packed(("a", LINES), ("b", b""), ("c", b"x"), method=method, piped=piped))
    assert [LINES, b"", b"x"] == [contents(path, member, size) for member in read_archive(path).members]


def test_an_empty_archive_has_no_members(stored: Callable[[bytes], Path]) -> None:
    """A zip of nothing is legal."""
    assert ([], False) == read_archive(stored(packed()))


def test_other_methods_are_named(stored: Callable[[bytes], Path]) -> None:
    """A method that we do not read is no damage, and the message says which it is."""
    path = stored(packed(("a", LINES), method=zipfile.ZIP_LZMA))
    with pytest.raises(SourceError) as caught:
        contents(path, read_archive(path).members[0])
    assert "the zip member a is packed by method 14; 0, 8 and 12 are known" == str(caught.value)


def test_encrypted_members_are_refused(stored: Callable[[bytes], Path]) -> None:
    """Ciphertext is never taken for data."""
    data = bytearray(packed(("a", LINES)))
    data[6] |= 1
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    path = stored(bytes(data))
    with pytest.raises(SourceError) as caught:
        contents(path, read_archive(path).members[0])
    assert "the zip member a is encrypted" == str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_wrong_crc_comes_after_the_data(stored: Callable[[bytes], Path], method: int) -> None:
    """All of the member is given, then that it is not what was packed."""
    data = bytearray(packed(("a", LINES), method=method))
    at = data.index(b"PK\x01\x02")
    data[at + 16] ^= 0xFF
    path = stored(bytes(data))
    assert (LINES, CorruptSource) == outcome(path, read_archive(path).members[0])


def test_a_wrong_size_is_damage(stored: Callable[[bytes], Path]) -> None:
    """More than the directory promises is damage, less is a cut."""
    for change, expected in ((-1, CorruptSource), (1, TruncatedSource)):
        data = bytearray(packed(("a", LINES)))
        at = data.index(b"PK\x01\x02") + 24
        data[at : at + 4] = struct.pack("<I", len(LINES) + change)
        path = stored(bytes(data))
        assert (LINES, expected) == outcome(path, read_archive(path).members[0])


def test_damage_inside_a_member(stored: Callable[[bytes], Path]) -> None:
    """Damage gives the same bytes before it for every chunk size, then the error."""
    data = bytearray(packed(("a", LINES)))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    path = stored(bytes(data))
    member = read_archive(path).members[0]
    ((data_before, kind),) = {outcome(path, member, size) for size in (1, 7, 100, 65_536)}
    # Damaged codes may also ask for more than there is.
    assert kind in (CorruptSource, TruncatedSource)
    assert data_before[:1000] == LINES[:1000]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_cut_archive_gives_what_is_there(stored: Callable[[bytes], Path], method: int) -> None:
    """Without its directory the members are found from the front, and the last one is cut."""
    data = packed(("b", LINES), ("a", LINES), method=method)
    second = data.index(b"PK\x03\x04", 4)
    path = stored(data[: second + 800])
    archive = read_archive(path)
    assert (["b", "a"], True) == ([member.filename for member in archive.members], archive.cut)
    assert (LINES, None) == outcome(path, archive.members[0])
    start, kind = outcome(path, archive.members[1])
    assert (True, TruncatedSource) == (LINES.startswith(start) and len(start) > 100, kind)


def test_an_archive_cut_after_its_data(stored: Callable[[bytes], Path]) -> None:
    """Every member is whole; only the directory is missing, which is still said."""
    data = packed(("a", LINES))
    path = stored(data[: data.index(b"PK\x01\x02")])
    archive = read_archive(path)
    assert ((LINES, None), True) == (outcome(path, archive.members[0]), archive.cut)


def test_a_cut_archive_that_was_piped(stored: Callable[[bytes], Path]) -> None:
    """Where sizes stand after the data, a deflate stream still knows its own end; what follows it cannot be found."""
    data = packed(("a", LINES), ("b", LINES), piped=True)
    path = stored(data[: data.index(b"PK\x01\x02")])
    archive = read_archive(path)
    assert (["a"], True) == ([member.filename for member in archive.members], archive.cut)
    assert (LINES, None) == outcome(path, archive.members[0])


def test_no_archive_at_all(stored: Callable[[bytes], Path]) -> None:
    """The magic of a zip and nothing behind it."""
    with pytest.raises(CorruptSource) as caught:
        read_archive(stored(b"PK\x03\x04 and then nothing"))
    assert "damaged zip (File is not a zip file)" == str(caught.value)


def test_a_directory_that_points_elsewhere(stored: Callable[[bytes], Path]) -> None:
    """An offset where no member begins is damage, and one behind the end is a cut."""
    for offset, expected in ((1, CorruptSource), (10_000_000, TruncatedSource)):
        data = bytearray(packed(("a", LINES)))
        at = data.index(b"PK\x01\x02") + 42
        data[at : at + 4] = struct.pack("<I", offset)
        path = stored(bytes(data))
        assert (b"", expected) == outcome(path, read_archive(path).members[0])


def test_a_missing_file(tmp_path: Path) -> None:
    """The operating system's words, with the path."""
    path = tmp_path / "absent.zip"
    with pytest.raises(SourceError) as caught:
        read_archive(path)
    assert f"{path}: cannot be read: No such file or directory" == str(caught.value)
