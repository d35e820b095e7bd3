"""Files as blocks: taken line by line, or with lines passed over unseen, they give what an iteration gives."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.blocks import Block, BlockSource, has_blocks
from orderbook.errors import SourceError
from orderbook.events import Disconnect, Fault
from orderbook.sources import FileSource, MemorySource
from orderbook.sources import blocks as module
from orderbook.sources.framing import FRAMINGS, Framing
from orderbook.types import RawMessage
from orderbook.verdicts import OnError

SKIP = OnError.SKIP
DATE = b"2024-08-08T23:54:%02d.%07dZ "
TIMED = ("ns_json", "tardis_raw", "capture")


def stamped(framing: str, second: int, fraction: int = 0) -> bytes:
    """The beginning of a line that was received in a second of one minute."""
    if framing == "tardis_raw":
        return DATE % (second, fraction)
    if framing == "capture":
        return b"17231612%02d.%06d: " % (second, fraction)
    return b"17231612%02d%09d " % (second, fraction) if framing == "ns_json" else b""


def shown(item: Any) -> Any:
    """An item with all that it says; errors by their text and place."""
    if isinstance(item, Fault):
        return "fault", type(item.error), str(item.error), getattr(item.error, "place", None), item.ts_recv
    return item, getattr(item, "place", None)


def gathered(items: Iterator[Any]) -> list[Any]:
    """All items, and the error that ended them."""
    found: list[Any] = []
    try:
        for item in items:
            found.append(shown(item))
    except SourceError as error:
        found.append((type(error), str(error), error.place))
    return found


def line_by_line(source: FileSource) -> Iterator[Any]:
    """What the blocks of a source give when each line is taken as an item."""
    for item in source.blocks():
        if not isinstance(item, Block):
            yield item
            continue
        while (taken := item.take()) is not None:
            yield taken


def passing(source: FileSource, plain: Callable[[bytes, str], bool], most: int) -> Iterator[Any]:
    """The same, but that plain lines are passed as a compiled reader does; None stands for each of them."""
    for block in source.blocks():
        if not isinstance(block, Block):
            yield block
            continue
        while block:
            at, lines = block.at, 0
            while block.is_quick and lines < most and (end := block.data.find(b"\n", at, block.end)) >= 0:
                line = bytes(block.data[at:end]).removesuffix(b"\r")
                parse = FRAMINGS[block.framing].lines
                assert parse is not None
                if not plain(line, block.framing):
                    break
                item = parse()(line, module.Place("x"))
                if block.before is not None and isinstance(item, RawMessage) and (item.ts_recv or 0) >= block.before:
                    break
                at, lines = end + 1, lines + 1
                yield None
            block.passed(at, lines)
            taken = block.take()
            if taken is None:
                break
            yield taken


def is_plain(line: bytes, framing: str) -> bool:
    """A line that is a message."""
    return line.endswith(b"}") and b"{" in line


def same(make: Callable[[], FileSource]) -> list[Any]:
    """Check every way of reading against the iteration, which is returned."""
    wanted = gathered(iter(make()))
    assert wanted == gathered(line_by_line(make()))
    for most in (1, 3, 1_000):
        got = gathered(passing(make(), is_plain, most))
        assert len(wanted) == len(got)
        assert all(mine in (theirs, (None, None)) for mine, theirs in zip(got, wanted, strict=True))
    return wanted


@st.composite
def files(draw: Any, framing: str) -> bytes:
    """Lines of a recording: messages whose times mostly go on, blank ones, odd ones, ends of both kinds."""
    second = draw(st.integers(0, 20))
    lines = []
    for _ in range(draw(st.integers(0, 14))):
        second = min(59, max(0, second + draw(st.sampled_from([0, 0, 1, 3, -2]))))
        kind = draw(st.integers(0, 11))
        line = stamped(framing, second, draw(st.integers(0, 3))) + b'{"u":%d}' % len(lines)
        if kind == 0:
            line = b""
        elif kind == 1:
            line = draw(
                st.sampled_from(
                    [b"  ", b"x", line[:-3], line + b" " * 30, b"\0" * 40, b"wss://h/ws <-> 1.5", line[:20]]
                )
            )
        lines.append(line + draw(st.sampled_from([b"\n", b"\n", b"\r\n"])))
    data = b"".join(lines)
    return data.removesuffix(b"\n") if draw(st.booleans()) else data


@pytest.mark.parametrize("framing", ["ns_json", "tardis_raw", "capture", "ndjson"])
@given(data=st.data())
@settings(max_examples=25)
def test_one_file(framing: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever its lines, its chunks, its blocks and its limit."""
    path = tmp_path_factory.mktemp("one", numbered=True) / "tape"
    path.write_bytes(data.draw(files(framing)))
    options: dict[str, Any] = {
        "framing": framing,
        "chunk_size": data.draw(st.sampled_from([1, 2, 7, 33, 100, 65_536])),
        "max_message": data.draw(st.sampled_from([20, 45, 64, 1 << 20])),
        "on_error": data.draw(st.sampled_from([OnError.RAISE, SKIP])),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", data.draw(st.sampled_from([1, 50, 300, 1 << 18])))
        same(lambda: FileSource(path, None, **options))


@given(data=st.data())
@settings(max_examples=40)
def test_several_files(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files that overlap in time, with ties and times that turn back, are merged in one order."""
    folder = tmp_path_factory.mktemp("many", numbered=True)
    framing = data.draw(st.sampled_from(TIMED))
    paths = [folder / str(i) for i in range(data.draw(st.integers(2, 4)))]
    for path in paths:
        path.write_bytes(data.draw(files(framing)))
    chunk, on_error = data.draw(st.sampled_from([1, 40, 65_536])), data.draw(st.sampled_from([OnError.RAISE, SKIP]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", data.draw(st.sampled_from([1, 70, 1 << 18])))
        same(lambda: FileSource(paths, None, framing=framing, chunk_size=chunk, on_error=on_error))


def test_a_connection_that_is_lost_at_the_border_of_two_blocks(
    tape: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blank line that says so stands first in a block, after lines that nobody looked at."""
    monkeypatch.setattr(module, "BLOCK", 1)
    lines = [b"", *(stamped("tardis_raw", n) + b"{}" for n in (1, 2, 3)), b"", b"", stamped("tardis_raw", 4) + b"{}"]
    path = tape(b"\n".join(lines) + b"\n")
    for chunk in range(1, 140):
        wanted = same(lambda size=chunk: FileSource(path, None, framing="tardis_raw", chunk_size=size))  # type: ignore[misc]
        assert 2 == sum(isinstance(item, Disconnect) for item, *_ in wanted)


@pytest.mark.parametrize("cut", [-1, -9, -30, -60])
@pytest.mark.parametrize("on_error", OnError)
def test_a_damaged_end_comes_after_everything_before_it(
    tmp_path: Path, cut: int, on_error: OnError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines that are whole are given first, then the error with its place."""
    lines = [stamped("ns_json", n % 60, n) + b'{"u":%d}\n' % (n * 7919) for n in range(400)]
    path = tmp_path / "tape.gz"
    path.write_bytes(gzip.compress(b"".join(lines), mtime=0)[:cut])
    for block in (1, 1_000, 1 << 18):
        monkeypatch.setattr(module, "BLOCK", block)
        wanted = same(lambda: FileSource([path], None, framing="ns_json", on_error=on_error, chunk_size=100))
        assert len(wanted) > 100


@pytest.mark.parametrize("on_error", OnError)
def test_a_stream_that_is_damaged_inside_a_line_that_is_too_long(tmp_path: Path, on_error: OnError) -> None:
    """Both say where that line began."""
    head, middle = stamped("ns_json", 1) + b"{}\n", bytes(range(33, 127)) * 300
    packed = gzip.compress(head + middle + b"\n" + head, 0, mtime=0)
    path = tmp_path / "tape.gz"
    for cut in (-300, -5_000, -1):
        path.write_bytes(packed[:cut])
        same(lambda: FileSource(path, None, framing="ns_json", on_error=on_error, max_message=100, chunk_size=64))


def test_members_of_a_zip_are_files(tmp_path: Path) -> None:
    """In blocks as one by one."""
    path = tmp_path / "tape.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, seconds in (("b", (1, 3, 5)), ("a", (2, 3, 4))):
            archive.writestr(name, b"".join(stamped("capture", n) + b"{}\n" for n in seconds))
    wanted = same(lambda: FileSource(path, None, framing="capture"))
    assert 6 == len(wanted)


def test_a_framing_of_ones_own_is_merged_by_its_own_time(tape: Callable[..., Path]) -> None:
    """Where a framing says by what its items are merged, blocks are merged by that."""

    def by_number(item: Any) -> int | None:
        return int(item.payload[5:-1]) if isinstance(item, RawMessage) else None

    paths = [tape(b"".join(b'{"u":%d}\n' % n for n in range(i, 10, 2)), name=f"tape{i}") for i in (0, 1)]
    for lines in (FRAMINGS["ndjson"].lines, None):
        mine = replace(FRAMINGS["ndjson"], name="mine", timed=True, key=by_number, lines=lines)
        wanted = same(lambda mine=mine: FileSource(paths, None, framing=mine))  # type: ignore[misc]
        assert list(range(10)) == [by_number(item) for item, _ in wanted]


def test_a_framing_of_ones_own_does_not_pass_for_another(tape: Callable[..., Path]) -> None:
    """It is known by what it is and not by what it is called."""

    def parse(line: bytes, place: module.Place) -> RawMessage:
        return RawMessage(None, line[::-1], "", place)

    mine = Framing("ndjson", FRAMINGS["ndjson"].read, timed=False, lines=lambda: parse)
    source = FileSource(tape(b"}{\n"), None, framing=mine)
    assert [""] == [item.framing for item in source.blocks() if isinstance(item, Block)]


def test_the_largest_times(tape: Callable[..., Path]) -> None:
    """A file may wait for the last nanosecond there is."""
    last = b"%d {}\n" % (2**63 - 1)
    paths = [tape(data, name=name) for name, data in (("a", b"5 {}\n" + last), ("b", last + last))]
    assert 4 == len(same(lambda: FileSource(paths, None, framing="ns_json")))


def test_a_long_line_is_looked_at_once(tape: Callable[..., Path]) -> None:
    """Not joined again with every chunk: that would cost the square of its length."""
    path = tape(stamped("ns_json", 1) + b'{"u":"' + b"x" * 3_000_000 + b'"}\n')
    items = list(line_by_line(FileSource(path, None, framing="ns_json", chunk_size=512)))
    assert 3_000_000 < len(items[0].payload)


def test_what_has_blocks() -> None:
    """A source that changes what is iterated over has none that would say the same."""

    class Filtered(FileSource):
        def __iter__(self) -> Iterator[Any]:
            return (item for item in super().__iter__() if item.ts_recv)

    class Other:
        blocks = ()

        def __iter__(self) -> Iterator[Any]:
            return iter(())

    assert has_blocks(FileSource(__file__, None))
    assert not any(map(has_blocks, (Filtered(__file__, None), Other(), MemorySource([]), [])))
    with pytest.raises(NotImplementedError):
        BlockSource().blocks()
