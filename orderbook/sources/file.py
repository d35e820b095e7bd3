"""Recorded files as a source: one or many, compressed or not, in whatever way the recorder stored them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar
from weakref import WeakSet

from orderbook.blocks import BlockOrItem, BlockSource
from orderbook.errors import SourceError, UsageError
from orderbook.events import Fault
from orderbook.sources.base import Item, symbol_tuple
from orderbook.sources.blocks import Blocks, FileBlock, take_turns
from orderbook.sources.disk import size_of
from orderbook.sources.framing import AUTO, FRAMINGS, HEAD, MAX_MESSAGE, Framing, Stream, detect, get_framing
from orderbook.sources.framing.base import receive_time
from orderbook.sources.framing.lobster import LOBSTER, pair_up
from orderbook.sources.merge import Items, Tape, merge
from orderbook.sources.parts import Part, parts_of
from orderbook.types import Place
from orderbook.verdicts import OnError

if TYPE_CHECKING:
    from orderbook.decode import Format

PathLike: TypeAlias = "str | os.PathLike[str]"
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class _Track:
    """A part, the framing that it is read with, whether it has nothing to read, and its companion if there are two."""

    part: Part
    framing: Framing
    empty: bool = False
    companion: Part | None = None


class FileSource(BlockSource):
    """Recorded files as one tape, read lazily and in constant memory.

    ``path_or_paths`` is a path or several; several are merged by receive time where the framing has one (ties in the
    order given), and read one after the other where it has none. The members of a zip are files like the others, in
    the order of their names. gzip, zstd (extra ``zstd``), xz, bz2 and zip are recognised by content, members and
    frames that follow each other included; no file is ever decompressed whole.

    ``framing`` is a name of :data:`orderbook.sources.framing.FRAMINGS`, a
    :class:`~orderbook.sources.framing.Framing`, or ``auto``, which decides for each file by the rules of
    :func:`orderbook.sources.framing.detect` and refuses what they cannot tell. ``format`` may be None to look at the
    raw messages only.

    Every message has its :class:`Place`: file, line, and offset in plain bytes. ``on_error`` says what happens to a
    line that cannot be read: raised, or given as a :class:`Fault` event and passed over. A stream that is cut off or
    damaged ends there either way, after everything before it; with ``OnError.SKIP`` the next file follows.
    ``chunk_size`` is how many bytes are read at a time; no result depends on it. A message longer than
    ``max_message`` bytes is refused.

    A source can be iterated again and again, each time from the beginning. Files are closed when an iterator ends or is
    closed, and all of them by :meth:`close` or at the end of a ``with`` block.

    Raises:
        SourceError: here, a path that cannot be opened; while iterating, a file that fails, with its place
            (:class:`TruncatedSource`, :class:`CorruptSource`).
        UsageError: here, arguments that make no sense; at the first item, a framing that cannot be told.
        UnknownFormat: here, a name that is no format.
        MissingExtra: at the first item, zstd without the extra ``zstd``.

    >>> import gzip, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tape = pathlib.Path(folder, "tape.gz")
    ...     _ = tape.write_bytes(gzip.compress(b'1723161254024619568 {"u":1}\\n1723161254036052868 {"u":2}\\n'))
    ...     with FileSource(tape, format=None) as source:
    ...         [(message.ts_recv, message.payload, message.place.line) for message in source]
    [(1723161254024619568, b'{"u":1}', 1), (1723161254036052868, b'{"u":2}', 2)]
    """

    def __init__(
        self,
        path_or_paths: PathLike | Iterable[PathLike],
        format: str | Format | None,
        *,
        framing: str | Framing = AUTO,
        symbols: str | Iterable[str] | None = None,
        on_error: OnError = OnError.RAISE,
        chunk_size: int = 65_536,
        max_message: int = MAX_MESSAGE,
    ) -> None:
        if not isinstance(on_error, OnError):
            raise UsageError(f"on_error must be OnError.RAISE or OnError.SKIP, got {on_error!r}")
        self.paths = _paths(path_or_paths)
        self.format = format
        self.symbols = symbol_tuple(symbols)
        self.on_error = on_error
        self.framing = framing if framing == AUTO else get_framing(framing)
        self.chunk_size = _positive("chunk_size", chunk_size)
        self.max_message = _positive("max_message", max_message)
        self._declared = _declared_framing(format)
        self._sizes = {path: size_of(path) for path in self.paths}
        self._read: dict[Path, int] = {}
        self._running: WeakSet[Generator[Any, None, None]] = WeakSet()

    def __iter__(self) -> Iterator[Item]:
        running = self._items()
        self._running.add(running)
        return running

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = ", ".join(repr(str(path)) for path in self.paths[:3]) + (", ..." if len(self.paths) > 3 else "")
        framing = self.framing if isinstance(self.framing, str) else self.framing.name
        return f"FileSource([{shown}], {self.format!r}, framing={framing!r}, symbols={self.symbols!r})"

    def close(self) -> None:
        """Close the files of every iterator of this source that is still running; those iterators end."""
        for running in list(self._running):
            running.close()

    def progress(self) -> tuple[int, int]:
        """Return ``(bytes_read, total_bytes)`` on the disk, of the iteration begun last. O(files).

        >>> source = FileSource(__file__, format=None)
        >>> source.progress() == (0, os.path.getsize(__file__))
        True
        """
        return sum(self._read.values()), sum(self._sizes.values())

    def _items(self) -> Generator[Item, None, None]:
        self._read = read = dict.fromkeys(self.paths, 0)
        tracks = self._tracks()
        if len(tracks) > 1 and _all_timed(tracks):
            yield from merge([self._tape(track, read) for track in tracks])
        else:
            for track in tracks:
                yield from self._track_items(track, read)
        read.update(self._sizes)

    def blocks(self) -> Iterator[BlockOrItem]:
        """Iterate as the source itself does, but over blocks of lines where a line is a message. O(1) memory.

        For readers that take many lines at once; see :class:`orderbook.blocks.Block`.
        """
        running = self._blocks()
        self._running.add(running)
        return running

    def _blocks(self) -> Generator[FileBlock | Item, None, None]:
        self._read = read = dict.fromkeys(self.paths, 0)
        tracks = self._tracks()
        if len(tracks) > 1 and _all_timed(tracks):
            yield from take_turns([self._turn(track, read) for track in tracks])
        else:
            for track in tracks:
                yield from self._track_blocks(track, read)
        read.update(self._sizes)

    def _turn(self, track: _Track, read: dict[Path, int]) -> Tape[FileBlock | Item]:
        return Tape(partial(self._track_blocks, track, read), partial(self._track_items, track, {}), track.framing.key)

    def _track_blocks(self, track: _Track, read: dict[Path, int]) -> Generator[FileBlock | Item, None, None]:
        return self._guarded(track, read, _blocks_of)

    def _tracks(self) -> list[_Track]:
        """What there is to read, pairs joined."""
        tracks = [self._track(part) for path in self.paths for part in parts_of(path)]
        lobsters = [track.part for track in tracks if track.framing is LOBSTER]
        pairs = dict(pair_up([part.filename for part in lobsters]))
        companions = {lobsters[first].name: second for first, second in pairs.items()}
        joined = []
        for track in tracks:
            if track.framing is not LOBSTER:
                joined.append(track)
            elif track.part.name in companions:
                second = companions[track.part.name]
                joined.append(replace(track, companion=None if second is None else lobsters[second]))
        return joined

    def _track(self, part: Part) -> _Track:
        if isinstance(self.framing, Framing):
            return _Track(part, self.framing)
        head, complete = part.head(HEAD)
        name = detect(head, complete, part.filename, self._declared)
        if name is None:
            options = ", ".join(FRAMINGS)
            raise UsageError(
                f"cannot tell how this was recorded; say framing= one of {options}", place=Place(part.name)
            )
        return _Track(part, get_framing(name), empty=not head.strip())

    def _tape(self, track: _Track, read: dict[Path, int]) -> Tape[Item]:
        read_it = partial(self._track_items, track)
        return Tape(partial(read_it, read), partial(read_it, {}), track.framing.key)

    def _track_items(self, track: _Track, read: dict[Path, int]) -> Items:
        return self._guarded(track, read, _items_of)

    def _guarded(
        self, track: _Track, read: dict[Path, int], reader: Callable[[Framing, Stream], Iterator[ItemT]]
    ) -> Generator[ItemT | Fault, None, None]:
        with ExitStack() as stack:
            second = None if track.companion is None else self._stream(track.companion, stack, read)
            stream = self._stream(track.part, stack, read, second)
            try:
                yield from reader(track.framing, stream)
            except SourceError as error:
                failure = error.at(place=Place(track.part.name))
                if self.on_error is OnError.RAISE:
                    raise
            else:
                return
        yield Fault(error=failure)

    def _stream(self, part: Part, stack: ExitStack, read: dict[Path, int], companion: Stream | None = None) -> Stream:
        return Stream(
            name=part.name,
            chunks=stack.enter_context(closing(part.open(self.chunk_size, partial(read.__setitem__, part.path)))),
            filename=part.filename,
            max_message=self.max_message,
            on_error=self.on_error,
            companion=companion,
        )


def _items_of(framing: Framing, stream: Stream) -> Iterator[Item]:
    return framing.read(stream)


def _blocks_of(framing: Framing, stream: Stream) -> Iterator[FileBlock | Item]:
    """Blocks where a line is a message and its time is when it was received; items where it is not."""
    if framing.lines is None or framing.key is not receive_time:
        return framing.read(stream)
    return iter(Blocks(stream, framing, framing.lines()))


def _paths(path_or_paths: PathLike | Iterable[PathLike]) -> tuple[Path, ...]:
    if isinstance(path_or_paths, str | os.PathLike):
        return (Path(path_or_paths),)
    paths = tuple(Path(path) for path in path_or_paths)
    if not paths:
        # An empty glob is a mistake far more often than an empty tape.
        raise UsageError("no files to read")
    return paths


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise UsageError(f"{name} must be at least 1, got {value}")
    return value


def _declared_framing(format: str | Format | None) -> str:
    """The framing that a format names as its own."""
    if format is None:
        return AUTO
    # Late: this one question is all that a source asks about formats.
    from orderbook.decode import get_format

    declared = (get_format(format) if isinstance(format, str) else format).framing
    return declared if declared == AUTO else get_framing(declared).name


def _all_timed(tracks: list[_Track]) -> bool:
    kinds = {track.framing.timed for track in tracks if not track.empty}
    if len(kinds) > 1:
        raise UsageError("some of these files have receive times and some have none: they cannot be one tape")
    return kinds == {True}
