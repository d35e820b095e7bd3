"""The streams that a path stands for: one for a file, and one for each member of a zip.

A :class:`Part` can be opened any number of times, always from its beginning; nothing is held open between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orderbook.errors import SourceError, TruncatedSource
from orderbook.sources.compression import SNIFF, Chunks, plain_chunks, recognise
from orderbook.sources.disk import Count, read_file, uncounted
from orderbook.sources.zips import Archive, member_chunks, read_archive


@dataclass(frozen=True, slots=True)
class Part:
    """A stream of plain bytes: ``name`` stands in messages (``tape.zip!member``), ``filename`` has no folders."""

    path: Path
    name: str
    filename: str
    open: Callable[[int, Count], Chunks]

    def head(self, size: int) -> tuple[bytes, bool]:
        """Return the first ``size`` plain bytes, and whether that is everything.

        What cannot be read counts as the end: the fault is reported by the one who reads on.
        """
        got = b""
        try:
            with closing(self.open(size, uncounted)) as chunks:
                for chunk in chunks:
                    got += chunk
                    if len(got) > size:
                        return got[:size], False
        except SourceError:
            pass
        return got, True


def parts_of(path: Path) -> Iterator[Part]:
    """Yield the parts of a file: itself, or the members of a zip in the order of their names.

    What is wrong with the file is raised by the part when it is read, so that files before it are delivered first.
    """
    try:
        with closing(read_file(path, SNIFF)) as chunks:
            compression = recognise(next(chunks, b""))
        if compression == "zip":
            yield from _members(path, read_archive(path))
        else:
            yield Part(path, str(path), path.name, partial(_plain, path, compression))
    except SourceError as error:
        yield _failing(path, error)


def _members(path: Path, archive: Archive) -> Iterator[Part]:
    for member in archive.members:
        # A folder inside the archive is part of the name that messages show, and no part of the file's own name.
        filename = member.filename.rpartition("/")[2]
        yield Part(path, f"{path}!{member.filename}", filename, partial(member_chunks, path, member))
    if archive.cut:
        yield _failing(path, TruncatedSource("the zip's directory is missing: the file was cut off"))


def _plain(path: Path, compression: str, chunk_size: int, count: Count) -> Chunks:
    return plain_chunks(partial(read_file, path, chunk_size, count), compression)


def _failing(path: Path, error: SourceError) -> Part:
    """A part that has nothing but its error."""

    def fail(chunk_size: int, count: Count) -> Chunks:
        yield from ()
        raise error

    return Part(path, str(path), path.name, fail)
