"""Recorded files as one tape."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderbook.errors import CorruptSource, MissingExtra, SourceError, TruncatedSource, UnknownFormat, UsageError
from orderbook.events import Disconnect, Fault
from orderbook.sources import FileSource, Framing, Stream
from orderbook.types import Place, RawMessage
from orderbook.verdicts import OnError

Write = Callable[..., Path]
Pack = Callable[[bytes, str], bytes]
BASE = 1_723_161_254_000_000_000


def lines(*times: int) -> bytes:
    """``<ns> <json>`` lines at times after BASE."""
    return b"".join(b'%d {"u":%d}\n' % (BASE + when, when) for when in times)


def times_of(items: Any) -> list[int | None]:
    """Times after BASE, None where there is none."""
    return [None if item.ts_recv is None else item.ts_recv - BASE for item in items]


def until_error(source: FileSource) -> tuple[list[Any], SourceError | None]:
    """What was delivered, and how it ended."""
    found: list[Any] = []
    try:
        for item in source:
            found.append(item)  # noqa: PERF402
    except SourceError as error:
        return found, error
    return found, None


def open_files() -> set[str]:
    """The files that this process holds open."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("no /proc here to count open files")
    return {str(target) for link in folder.iterdir() if (target := link.resolve()).exists() and target.is_file()}


# What a tape gives


def test_messages_with_their_places(tape: Write, compression: str) -> None:
    """The same messages from every compression: time, payload, file, line and offset in plain bytes."""
    path = tape(lines(1, 20), compression)
    name = f"{path}!member" if compression == "zip" else str(path)
    expected = [
        RawMessage(BASE + 1, b'{"u":1}', "", Place(name, 1, 0)),
        RawMessage(BASE + 20, b'{"u":20}', "", Place(name, 2, 28)),
    ]
    assert expected == list(FileSource(path, None))


TAPES = {
    "ns_json": lines(*range(40)) + b"\nbad\n" + lines(50),
    "capture": b"wss://x <-> 1633998512.5\n1633998513.25: {}\n1633998513.5: b'\\x1f\\n'\n"
    b"wss://x <-> 1633998514.5\n!\n1.5: []",
    "tardis_raw": b"2019-06-01T00:00:00.1000000Z {}\n\n\n2019-06-01T00:00:00.2000010Z []\nbad\n",
    "ndjson": b'{"a": 1}\r\n\n[2]\n"three"',
    "json_array": b'[{"a": "]"}, [1, [2]], "\\"", 4, 123456789012345678901234567890123456789012345678901234]',
    "tardis_csv": b"symbol,local_timestamp,x\nA,5,1\nA,5,2\nA,x,3\n\nA,6,4\nA,6,5",
    "csv_rows": b"id,price\n1,2\n3,4\n",
}


@pytest.mark.parametrize("framing", TAPES)
@pytest.mark.parametrize("size", [*range(1, 8), 64, 65_536])
def test_no_result_depends_on_the_chunk_size(tape: Write, compression: str, framing: str, size: int) -> None:
    """Every framing over every compression gives the same items, faults included, for tiny and large chunks."""
    path = tape(TAPES[framing], compression)

    def items(chunk_size: int) -> list[str]:
        source = FileSource(path, None, framing=framing, on_error=OnError.SKIP, chunk_size=chunk_size, max_message=50)
        return [str(item) for item in source]

    assert items(1 << 20) == items(size)


@given(
    st.lists(st.integers(0, 10**12)),
    st.integers(1, 7),
    st.sampled_from(["plain", "gzip", "zstd", "xz", "bz2", "zip"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_recorded_comes_back(tape: Write, whens: list[int], size: int, packed: str) -> None:
    """Any times, any compression, any tiny chunks."""
    path = tape(lines(*whens), packed)
    assert whens == times_of(FileSource(path, None, chunk_size=size, framing="ns_json"))


def test_it_is_lazy(tape: Write) -> None:
    """The first message of a long tape costs one chunk."""
    path = tape(lines(*range(200_000)))
    source = FileSource(path, None, chunk_size=4096)
    running = iter(source)
    next(running)
    assert (4096, path.stat().st_size) == source.progress()
    running.close()  # type: ignore[attr-defined]


def test_memory_does_not_grow_with_the_tape(tape: Write) -> None:
    """Ten times the tape, the same peak."""
    peaks = []
    for length in (5_000, 50_000):
        path = tape(lines(*range(length)), "gzip", name=str(length))
        tracemalloc.start()
        try:
            for _ in FileSource(path, None):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0] < 1 << 24


def test_a_bomb_of_one_line_is_refused(tape: Write, packing: str) -> None:
    """64 MiB of one line, packed small, end in the documented error in bounded memory."""
    path = tape(bytes(1 << 26), packing)
    tracemalloc.start()
    try:
        _, error = until_error(FileSource(path, None, framing="ndjson", max_message=1 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error is not None
    assert error.message == "a line is longer than max_message (1048576 bytes)"
    assert peak < 1 << 24


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_file_has_no_messages(tape: Write, compression: str, data: bytes) -> None:
    """A day without data is an empty file, packed or not."""
    assert [] == list(FileSource(tape(data, compression), None))


# Several files


def test_files_with_times_are_merged(tape: Write) -> None:
    """By receive time, whichever is named first, with ties in the order given."""
    a, b = tape(lines(1, 4, 5), name="a"), tape(lines(2, 4), "gzip", name="b")
    expected = [(1, a), (2, b), (4, a), (4, b), (5, a)]
    found: list[Any] = list(FileSource([a, b], None))
    assert expected == [(message.ts_recv - BASE, Path(message.place.source)) for message in found]


def test_files_without_times_are_read_in_order(tape: Write) -> None:
    """There is nothing to merge them by."""
    a, b = tape(b"[1]\n[2]\n", name="a"), tape(b"{}\n", "xz", name="b")
    assert [b"{}", b"[1]", b"[2]"] == [m.payload for m in FileSource([b, a], None)]  # type: ignore[union-attr]


def test_files_with_and_without_times_are_no_tape(tape: Write) -> None:
    """Any order between them would be a guess."""
    with pytest.raises(UsageError) as caught:
        next(iter(FileSource([tape(lines(1), name="a"), tape(b"[3]\n{}\n", name="b")], None)))
    assert "some of these files have receive times and some have none: they cannot be one tape" == str(caught.value)


def test_an_empty_file_among_others(tape: Write) -> None:
    """It has no framing and disturbs nobody's."""
    paths = [tape(lines(5), name="a"), tape(b"", "gzip", name="b"), tape(lines(1), name="c")]
    assert [1, 5] == times_of(FileSource(paths, None))
    untimed = [tape(b"[1]\n{}", name="d"), paths[1]]
    assert [b"[1]", b"{}"] == [message.payload for message in FileSource(untimed, None)]  # type: ignore[union-attr]


def test_two_recorders_are_merged(tape: Write) -> None:
    """Each file has its own framing."""
    raw = tape(b"2024-08-08T23:54:14.0000020Z {}\n", name="a")
    capture = tape(b"1723161254.0000010: {}\n1723161254.000003: {}\n", name="b")
    assert [1_000, 2_000, 3_000] == times_of(FileSource([raw, capture], None))


def test_members_of_a_zip_are_files(tmp_path: Path) -> None:
    """With times they are merged, without they are read in the order of their names."""
    timed, plain = tmp_path / "timed.zip", tmp_path / "plain.zip"
    with zipfile.ZipFile(timed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b", lines(1, 3))
        archive.writestr("a", lines(2))
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b", b"[2]\n[3]\n")
        archive.writestr("a", b"[1]\n{}\n")
    assert [1, 2, 3] == times_of(FileSource(timed, None))
    assert [b"[1]", b"{}", b"[2]", b"[3]"] == [m.payload for m in FileSource(plain, None)]  # type: ignore[union-attr]


def test_minute_files_are_open_one_at_a_time(tape: Write) -> None:
    """A long list of files does not run out of handles."""
    paths = [tape(lines(10 * n, 10 * n + 5), name=f"{n:03}") for n in range(60)]
    before = open_files()
    most = 0
    for _ in FileSource(paths, None):
        most = max(most, len(open_files() - before))
    assert 1 == most


def test_a_disconnect_in_one_file(tape: Write) -> None:
    """It comes where it was recorded, between the messages of the other file."""
    a = tape(b"2024-08-08T23:54:14.0000010Z {}\n\n2024-08-08T23:54:14.0000030Z {}\n", name="a")
    b = tape(lines(2_000), name="b")
    kinds = [type(item) for item in FileSource([a, b], None)]
    assert [RawMessage, Disconnect, RawMessage, RawMessage] == kinds


# Damage


def test_a_cut_file_gives_every_whole_line(tape: Write, packing: str) -> None:
    """The line that was cut is not given; the error has the file, its line and its offset."""
    path = tape(lines(*(n * n for n in range(30_000))), packing)
    path.write_bytes(path.read_bytes()[:-30_000])
    name = f"{path}!member" if packing == "zip" else str(path)
    found, error = until_error(FileSource(path, None))
    assert isinstance(error, TruncatedSource)
    assert len(found) > 1_000
    assert times_of(found) == [n * n for n in range(len(found))]
    offset = len(lines(*(n * n for n in range(len(found)))))
    assert Place(name, len(found) + 1, offset) == error.place


def test_a_cut_file_does_not_depend_on_chunks(tape: Write, compression: str) -> None:
    """The same messages and the same error for every chunk size."""
    path = tape(lines(*range(3_000)), compression)
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])
    outcomes = {str(until_error(FileSource(path, None, chunk_size=size))) for size in (1, 2, 3, 5, 7, 1_000, 1 << 20)}
    assert 1 == len(outcomes)


def test_a_damaged_file(tape: Write) -> None:
    """A wrong checksum comes after all lines, with its place."""
    path = tape(lines(1, 2), "gzip")
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)
    found, error = until_error(FileSource(path, None))
    assert ([1, 2], CorruptSource) == (times_of(found), type(error))
    assert str(error).startswith(f"{path}:3: damaged gzip data at byte ")


def test_a_plain_file_without_a_last_newline(tape: Write) -> None:
    """It is how many files end."""
    assert [1, 2] == times_of(FileSource(tape(lines(1, 2)[:-1]), None))


def test_a_bad_line_raises_by_default(tape: Write) -> None:
    """Everything before it is delivered, and the error says where it is."""
    path = tape(lines(1) + b"bad\n" + lines(2))
    found, error = until_error(FileSource(path, None))
    assert ([1], f"{path}:2: expected `<recv_ns> <json>`, got 'bad'") == (times_of(found), str(error))


def test_a_bad_line_is_a_fault_under_skip(tape: Write) -> None:
    """One fault event for each line, in its place."""
    path = tape(lines(1) + b"bad\nworse\n" + lines(2))
    found = list(FileSource(path, None, on_error=OnError.SKIP))
    assert [1, None, None, 2] == times_of(found)
    places = [item.error.place for item in found if isinstance(item, Fault)]
    assert [2, 3] == [place.line for place in places if place is not None]


def test_a_cut_file_under_skip_goes_on_with_the_next(tape: Write) -> None:
    """The rest of the tape is not lost with the rest of one file."""
    cut_off = tape(lines(*range(5_000)), "gzip", name="a")
    cut_off.write_bytes(cut_off.read_bytes()[:-2_000])
    found = list(FileSource([cut_off, tape(lines(10_000), name="b")], None, on_error=OnError.SKIP))
    assert isinstance(found[-2], Fault)
    assert isinstance(found[-2].error, TruncatedSource)
    assert 10_000 == times_of(found)[-1]


def test_two_bad_files_are_two_faults(tape: Write) -> None:
    """Without times as well, and in the order of the files."""
    paths = [tape(b"[1, }", name="a"), tape(b"[2, ", name="b"), tape(b"[3]", name="c")]
    found = list(FileSource(paths, None, framing="json_array", on_error=OnError.SKIP))
    kinds = [RawMessage, Fault, RawMessage, Fault, RawMessage]
    assert kinds == [type(item) for item in found]
    places = [item.error.place for item in found if isinstance(item, Fault)]
    assert [str(paths[0]), str(paths[1])] == [place.source for place in places if place is not None]


def test_a_damaged_first_file_does_not_hide_the_others(tape: Write) -> None:
    """What fails before its first time is raised when all others are delivered."""
    bad = tape(lines(*range(100)), "gzip", name="a")
    bad.write_bytes(bad.read_bytes()[:12])
    found, error = until_error(FileSource([bad, tape(lines(1, 2), name="b")], None))
    assert ([1, 2], TruncatedSource) == (times_of(found), type(error))


def test_a_file_that_vanishes(tape: Write) -> None:
    """Between construction and reading anything can happen, and it is told in the same words."""
    path = tape(lines(1))
    source = FileSource(path, None, framing="ns_json")
    path.unlink()
    _, error = until_error(source)
    assert f"{path}: cannot be read: No such file or directory" == str(error)


# What the caller says


def test_every_kind_of_path(tape: Write) -> None:
    """Text, Path, anything os.PathLike, one or several, and any iterable of them."""
    path = tape(lines(1))

    class Own:
        def __fspath__(self) -> str:
            return str(path)

    for paths in (path, str(path), Own(), [path], (str(path),), iter([Own()])):
        assert (path,) == FileSource(paths, None).paths


def test_a_missing_file_is_told_at_once(tape: Write, tmp_path: Path) -> None:
    """Not in the middle of the tape, when the files before it have been read."""
    with pytest.raises(SourceError) as caught:
        FileSource([tape(lines(1)), tmp_path / "absent"], None)
    assert f"{tmp_path / 'absent'}: cannot be read: No such file or directory" == str(caught.value)
    with pytest.raises(SourceError, match="Is a directory"):
        FileSource(tmp_path, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chunk_size": 0}, "chunk_size must be at least 1, got 0"),
        ({"max_message": -1}, "max_message must be at least 1, got -1"),
        ({"on_error": "skip"}, "on_error must be OnError.RAISE or OnError.SKIP, got 'skip'"),
    ],
)
def test_arguments_that_make_no_sense(tape: Write, arguments: dict[str, Any], message: str) -> None:
    """They are told at once and by name."""
    with pytest.raises(UsageError) as caught:
        FileSource(tape(lines(1)), None, **arguments)
    assert message == str(caught.value)


def test_no_files(tmp_path: Path) -> None:
    """An empty glob is a mistake far more often than an empty tape."""
    with pytest.raises(UsageError) as caught:
        FileSource(tmp_path.glob("*.gz"), None)
    assert "no files to read" == str(caught.value)


def test_an_unknown_framing_is_told_at_once(tape: Write) -> None:
    """A framing is a name of FRAMINGS, ``auto``, or a value."""
    with pytest.raises(UsageError, match="unknown framing 'lines'; known are auto, ns_json"):
        FileSource(tape(lines(1)), None, framing="lines")


def test_an_unknown_format_is_told_at_once(tape: Write) -> None:
    """Before anything is read."""
    with pytest.raises(UnknownFormat):
        FileSource(tape(lines(1)), "no_such_format")


def test_the_format_decides_what_bytes_cannot(tape: Write) -> None:
    """A format names its own framing; it is asked by name or as a value."""
    path = tape(b"[[1],[2]]")
    declared: Any = SimpleNamespace(framing="json_array")
    assert [b"[1]", b"[2]"] == [m.payload for m in FileSource(path, declared)]  # type: ignore[union-attr]
    nothing: Any = SimpleNamespace(framing="auto")
    with pytest.raises(UsageError, match="cannot tell how this was recorded"):
        next(iter(FileSource(path, nothing)))
    wrong: Any = SimpleNamespace(framing="no such")
    with pytest.raises(UsageError, match="unknown framing 'no such'"):
        FileSource(path, wrong)


def test_a_registered_format_by_name(tape: Write) -> None:
    """The names of the registry are the names here."""
    source = FileSource(tape(lines(1)), "binance_spot", symbols="ETHUSDT")
    assert ("binance_spot", ("ETHUSDT",), [1]) == (source.format, source.symbols, times_of(source))


def test_a_framing_of_ones_own(tape: Write) -> None:
    """Any function from a stream to items, under any compression."""

    def read(stream: Stream) -> Iterator[RawMessage]:
        for number, word in enumerate(b"".join(stream.chunks).split(), 1):
            yield RawMessage(None, word, stream.filename, Place(stream.name, number))

    words = Framing("words", read, timed=False)
    source = FileSource(tape(b"a b c", "gzip"), None, framing=words)
    assert [(b"a", "tape"), (b"b", "tape"), (b"c", "tape")] == [(m.payload, m.origin) for m in source]  # type: ignore[union-attr]
    assert "framing='words'" in repr(source)


def test_repr(tape: Write) -> None:
    """It says what was asked for."""
    path = tape(lines(1))
    assert f"FileSource(['{path}'], None, framing='auto', symbols=('X',))" == repr(FileSource(path, None, symbols="X"))
    many = repr(FileSource([path] * 5, None))
    assert (3, True) == (many.count(str(path)), ", ..." in many)


def test_zstd_without_the_extra(tape: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra; a file that needs none is not disturbed."""
    packed, plain = tape(lines(1), "zstd", name="a"), tape(lines(1), name="b")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra):
        next(iter(FileSource(packed, None)))
    assert [1] == times_of(FileSource(plain, None))


# LOBSTER pairs among files


MESSAGES = "AAPL_{}_34200000_57600000_message_1.csv"


def lobster(tape: Write, day: str, *seconds: int, book: bool = True) -> list[Path]:
    """A pair of files of a day, or a message file alone."""
    name = MESSAGES.format(day)
    paths = [tape(b"".join(b"%d,1,7,18,5853300,1\n" % second for second in seconds), name=name)]
    if book:
        paths.append(tape(b"1,1,1,1\n" * len(seconds), "gzip", name=name.replace("message", "orderbook") + ".gz"))
    return paths


def test_pairs_are_found_by_name(tape: Write) -> None:
    """In any order, compressed or not; several days are one tape by the exchange's time."""
    second, first = lobster(tape, "2012-06-22", 1, 2), lobster(tape, "2012-06-21", 3, 4)
    source = FileSource([second[1], *first, second[0]], "lobster")
    expected = [b"AAPL,2012-06-%d,%d," % key for key in ((21, 3), (21, 4), (22, 1), (22, 2))]
    assert expected == [m.payload[:18] for m in source]  # type: ignore[union-attr]
    assert {None} == {m.ts_recv for m in source}
    assert (source.progress()[1],) * 2 == source.progress()


def test_a_message_file_may_be_alone(tape: Write) -> None:
    """What stands beside it on the disk is not looked for."""
    path, _ = lobster(tape, "2012-06-21", 3)
    (message,) = FileSource(path, "lobster")
    assert b"AAPL,2012-06-21,3,1,7,18,5853300,1" == message.payload  # type: ignore[union-attr]


def test_an_orderbook_file_may_not(tape: Write) -> None:
    """It says nothing without its messages."""
    _, path = lobster(tape, "2012-06-21", 3)
    with pytest.raises(UsageError, match="comes without its message file"):
        next(iter(FileSource(path, "lobster")))


def test_a_pair_inside_a_zip(tape: Write, tmp_path: Path) -> None:
    """The names of the members are the names that count."""
    message, book = lobster(tape, "2012-06-21", 3)
    with zipfile.ZipFile(tmp_path / "pair.zip", "w") as archive:
        archive.write(message, "AAPL/" + message.name)
        archive.writestr("AAPL/" + book.name.removesuffix(".gz"), "1,1,1,1\n")
    (joined,) = FileSource(tmp_path / "pair.zip", "lobster")
    assert b"AAPL,2012-06-21,3,1,7,18,5853300,1,1,1,1,1" == joined.payload  # type: ignore[union-attr]


# Handles, iterators, progress


def test_it_can_be_iterated_again(tape: Write, compression: str) -> None:
    """Each time from the beginning, also while another iteration is running."""
    source = FileSource(tape(lines(1, 2, 3), compression), None)
    running = iter(source)
    next(running)
    assert [1, 2, 3] == times_of(source) == times_of(source)
    assert [2, 3] == times_of(running)


def test_closing_an_iterator_closes_its_files(tape: Write, compression: str) -> None:
    """At once, and not when a collector comes by."""
    paths = [tape(lines(*range(0, 90_000, 3)), compression, name="a"), tape(lines(*range(1, 90_000, 3)), name="b")]
    before = open_files()
    running = iter(FileSource(paths, None))
    next(running), next(running)
    assert set(map(str, paths)) == open_files() - before
    running.close()  # type: ignore[attr-defined]
    assert before == open_files()


def test_with_closes_everything(tape: Write) -> None:
    """Every iterator that is still running ends with the block, and the source can be used again."""
    path = tape(lines(*range(30_000)))
    before = open_files()
    with FileSource(path, None) as source:
        first, second = iter(source), iter(source)
        next(first), next(second)
        assert {str(path)} == open_files() - before
    assert before == open_files()
    assert ([], []) == (list(first), list(second))
    assert 30_000 == len(list(source))


def test_an_abandoned_iterator_leaves_no_warning(tape: Write, compression: str) -> None:
    """Dropping it is enough: no ResourceWarning, nothing left open."""
    path = tape(lines(*range(30_000)), compression)
    before = open_files()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in FileSource([path, path], None):
            break
        gc.collect()
    assert before == open_files()


def test_an_error_closes_the_files(tape: Write) -> None:
    """Whatever is raised, nothing stays open behind it."""
    bad = tape(lines(1) + b"bad\n" + lines(*range(30_000)), name="a")
    before = open_files()
    _, error = until_error(FileSource([bad, tape(lines(0, 5), name="b")], None))
    assert error is not None
    assert before == open_files()


def test_progress_goes_from_nothing_to_all(tape: Write, compression: str) -> None:
    """Bytes on the disk, never backwards, complete at the end; a new iteration begins anew."""
    paths = [tape(lines(*range(start, 9_000, 2)), compression, name=str(start)) for start in (0, 1)]
    source = FileSource(paths, None, chunk_size=512)
    total = sum(path.stat().st_size for path in paths)
    assert (0, total) == source.progress()
    seen = [source.progress() for _ in source]
    assert all(a[0] <= b[0] <= total for a, b in pairwise(seen))
    assert (total, total) == source.progress()
    running = iter(source)
    next(running)
    assert source.progress()[0] < total
    source.close()


# Real captures


def test_real_websocket_and_rest_halves(data_file: Callable[[str], Path]) -> None:
    """KuCoin: nine snapshots among 4,721 messages, all in the order of their receive times."""
    source = FileSource([data_file("captures/KUCOIN.ws.1.0.gz"), data_file("captures/KUCOIN.http.0.0.gz")], None)
    found: list[Any] = list(source)
    times = [message.ts_recv for message in found]
    assert (4_730, sorted(times)) == (len(found), times)
    assert 9 == sum(message.origin.startswith("https://api.kucoin.com/") for message in found)
    first = next(number for number, message in enumerate(found) if message.origin)
    assert 0 < first < 4_721


def test_two_real_days_are_one_tape(data_file: Callable[[str], Path]) -> None:
    """Binance spot across midnight: 79,744 lines in order, whichever day is named first."""
    days = [data_file(f"binance_spot/ethusdt_2024080{day}.gz") for day in (8, 9)]
    before = open_files()
    seen, last, most = 0, 0, 0
    for message in FileSource(days[::-1], None):
        assert message.ts_recv is not None
        assert message.ts_recv >= last
        last = message.ts_recv
        if seen % 5_000 == 0:
            most = max(most, len(open_files() - before))
        seen += 1
    assert (79_744, 1) == (seen, most)


def test_a_real_zip(data_file: Callable[[str], Path]) -> None:
    """Bybit's archive: one member of fifty lines."""
    path = data_file("bybit/bybit-xrpusdt-ob500.data.zip")
    found: list[Any] = list(FileSource(path, None))
    assert 50 == len(found)
    assert Place(f"{path}!2024-12-01_XRPUSDT_ob500.data", 1, 0) == found[0].place
    assert found[0].payload.startswith(b'{"topic":"orderbook.500.XRPUSDT","type":"snapshot"')


def test_a_real_capture_cut_anywhere(data_file: Callable[[str], Path], tmp_path: Path) -> None:
    """Wherever a real gzip is cut, what is delivered is a prefix of the tape, and the error says so."""
    whole = data_file("captures/GATEIO.ws.1.0.gz")
    payloads = [m.payload for m in FileSource(whole, None)]  # type: ignore[union-attr]
    data = whole.read_bytes()
    path = tmp_path / "cut.gz"
    for size in range(20, len(data), 997):
        path.write_bytes(data[:size])
        found, error = until_error(FileSource(path, None, framing="capture"))
        assert payloads[: len(found)] == [m.payload for m in found]
        assert isinstance(error, TruncatedSource)
