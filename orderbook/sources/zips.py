"""Zip archives: which members there are, and the plain bytes of each in bounded memory.

Python's ``zipfile`` reads the directory; the members are read here, because it throws away what stands before damage
and opens nothing at all of an archive that was cut off (its directory stands at the end).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from orderbook.errors import CorruptSource, SourceError, TruncatedSource
from orderbook.sources.compression import BZ2, DEFLATE, Chunks, expand
from orderbook.sources.disk import Count, read_file, unreadable

# APPNOTE.TXT 4.3.7: signature, version, flags, method, time, date, crc, packed size, size, lengths of name and extra.
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_LOCAL_MAGIC: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 0x0001
_SIZES_FOLLOW: Final = 0x0008
_UTF8: Final = 0x0800
_IN_EXTRA: Final = 0xFFFFFFFF
_STORED: Final = 0
_METHODS: Final = {8: DEFLATE, 12: BZ2}


class Member(NamedTuple):
    """One file inside an archive; sizes and CRC are None where a cut-off archive does not say."""

    filename: str
    offset: int
    method: int
    encrypted: bool
    packed: int | None
    size: int | None
    crc: int | None


class Archive(NamedTuple):
    """The members in the order of their names, and whether the archive's directory is missing."""

    members: list[Member]
    cut: bool


def read_archive(path: Path) -> Archive:
    """Return what is in an archive, folders aside. O(members) memory.

    Without a directory the members are those whose headers are found from the start on, in the order of the file.

    Raises:
        SourceError: the file cannot be read.
        CorruptSource: the directory is there and makes no sense.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = [_from_directory(info) for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        members = list(_without_directory(path))
        if not members:
            raise CorruptSource(f"damaged zip ({error})") from error
        return Archive(members, cut=True)
    except OSError as error:
        raise unreadable(path, error) from error
    return Archive(sorted(found, key=lambda member: member.filename), cut=False)


def member_chunks(path: Path, member: Member, chunk_size: int, count: Count) -> Chunks:
    """Yield the plain bytes of a member, and check its length and CRC at the end.

    Raises:
        TruncatedSource, CorruptSource: after all that stands before the fault has been given.
        SourceError: it is encrypted, or packed by a method other than 0 (stored), 8 (deflate) or 12 (bz2).
    """
    if member.encrypted:
        raise SourceError(f"the zip member {member.filename} is encrypted")
    if member.method != _STORED and member.method not in _METHODS:
        raise SourceError(
            f"the zip member {member.filename} is packed by method {member.method}; 0, 8 and 12 are known"
        )
    start = _header(path, member.offset)[1]
    raw = partial(read_file, path, chunk_size, count, start, member.packed)
    crc = size = 0
    with closing(raw() if member.method == _STORED else expand(raw, _METHODS[member.method])) as chunks:
        for chunk in chunks:
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            yield chunk
    _verify(member, size, crc)


def _verify(member: Member, size: int, crc: int) -> None:
    if member.size is not None and size < member.size:
        raise TruncatedSource(f"the zip member {member.filename} ends in the middle: the file was cut off")
    if member.crc is not None and (size, crc) != (member.size, member.crc):
        raise CorruptSource(f"the zip member {member.filename} does not match its length and CRC")


def _header(path: Path, offset: int) -> tuple[Member, int]:
    """A member as its local header tells, and where its data begins."""
    fixed = _bytes(path, offset, _LOCAL.size)
    magic, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack(fixed)
    if magic != _LOCAL_MAGIC:
        raise CorruptSource(f"damaged zip (no member begins at byte {offset} of the file)")
    name = _bytes(path, offset + _LOCAL.size, name_size).decode("utf-8" if flags & _UTF8 else "cp437", "replace")
    told = not flags & _SIZES_FOLLOW and packed != _IN_EXTRA
    encrypted = bool(flags & _ENCRYPTED)
    facts = (packed, size, crc) if told else (None, None, None)
    return Member(name, offset, method, encrypted, *facts), offset + _LOCAL.size + name_size + extra_size


def _bytes(path: Path, offset: int, size: int) -> bytes:
    with closing(read_file(path, max(size, 1), start=offset, size=size)) as chunks:
        data = b"".join(chunks)
    if len(data) < size:
        raise TruncatedSource("the zip ends in the middle: the file was cut off")
    return data


def _from_directory(info: zipfile.ZipInfo) -> Member:
    encrypted = bool(info.flag_bits & _ENCRYPTED)
    return Member(
        info.filename, info.header_offset, info.compress_type, encrypted, info.compress_size, info.file_size, info.CRC
    )


def _without_directory(path: Path) -> Iterator[Member]:
    offset = 0
    try:
        while True:
            member, data = _header(path, offset)
            if not member.filename.endswith("/"):
                yield member
            if member.packed is None:
                # Its length would stand after its data: where the next member begins is not known.
                return
            offset = data + member.packed
    except SourceError:
        # No further header: the archive is cut here, which the caller reports after the members that were found.
        return
