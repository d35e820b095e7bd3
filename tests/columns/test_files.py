"""Columns on disk: every format gives back exactly what it was given, maps what it can, and owns up to damage."""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.columns import UNDEF_PRICE, UNDEF_SIZE, Events, arrow, schema
from orderbook.errors import CorruptSource, MissingExtra, SourceError, UsageError
from orderbook.events import Clear, Delta, Event, Snapshot, Trade
from orderbook.scale import MAX_SCALE
from orderbook.testing import l2_streams, l3_streams
from orderbook.types import INT64_MAX, INT64_MIN, Action, Flag, Side

NAMES = tuple(schema.DTYPES)
FILES = ("tape.npz", "deflated.npz", "tape.arrow", "tape.parquet")
MAPPED = ("tape.npz", "tape.arrow")
LAST, MBP = int(Flag.LAST), int(Flag.MBP)
PREFIX = "not columns as Events.save() writes them: "

TAPE: list[Event] = [
    Snapshot(symbol="ETHUSDT", bids=[("99.5", 2)], asks=[("100.25", "0.5")], ts_recv=1, sequence=5),
    Delta(symbol="ETHUSDT", bids=[("99.5", 0)], ts_recv=2, ts_event=1, sequence=6),
    Trade(symbol="ETHUSDT", price="100", size=1, side=Side.BID, ts_recv=3, ts_event=2),
]


@pytest.fixture(scope="module")
def events() -> Events:
    """Three messages in five rows, two of which do not know when they happened."""
    return Events.from_events(TAPE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("columns")


def save(events: Events, path: Path) -> Path:
    """Save as the name says."""
    events.save(path, compress=path.name == "deflated.npz")
    return path


def whole(events: Events) -> tuple[Any, ...]:
    """All that Events hold, bit by bit."""
    columns = [(name, getattr(events, name).dtype.str, getattr(events, name).tobytes()) for name in NAMES]
    return (events.symbol, events.price_exponent, events.size_exponent, *columns)


def listed(folder: Path) -> list[str]:
    """The names in a folder."""
    return [found.name for found in folder.iterdir()]


def refusal(path: Path, **options: Any) -> str:
    """What is said about a file that is not taken, after the path."""
    with pytest.raises(CorruptSource) as caught:
        Events.open(path, **options)
    assert str(caught.value) == f"{path}: {caught.value.message}"
    return caught.value.message.removeprefix(PREFIX)


# -- there and back -------------------------------------------------------------------------------------------------

TIMES = st.sampled_from([INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX]) | st.integers(INT64_MIN, INT64_MAX)
PRICES = st.sampled_from([INT64_MIN + 1, -1, 0, INT64_MAX - 1]) | st.integers(INT64_MIN + 1, INT64_MAX - 1)
SIZES = st.sampled_from([0, 1, INT64_MAX - 1]) | st.integers(0, INT64_MAX - 1)
IDS = st.sampled_from([0, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
EXPONENTS = st.integers(-MAX_SCALE, 0)


@st.composite
def any_rows(draw: st.DrawFn) -> tuple[int, ...]:
    """One row that ends a message, in the order of the columns, with numbers as far out as they come."""
    action = draw(st.sampled_from([Action.MODIFY, Action.TRADE, Action.CLEAR, Action.CANCEL]))
    price, size, flags, side = draw(PRICES), draw(SIZES), LAST, ord(draw(st.sampled_from("BA")))
    if action == Action.MODIFY:
        flags |= MBP | draw(st.sampled_from([0, 1, int(Flag.MAYBE_BAD_BOOK)]))
    elif action != Action.TRADE:
        price, size, side = draw(st.just(UNDEF_PRICE) | PRICES), draw(st.just(UNDEF_SIZE) | SIZES), ord("N")
    return (draw(TIMES), draw(TIMES), int(action), side, flags, price, size, draw(IDS), draw(IDS))


@st.composite
def any_events(draw: st.DrawFn) -> Events:
    """Columns with every number that they may hold, and with any text as the symbol."""
    rows = draw(st.lists(any_rows(), max_size=6))
    columns = {name: [row[i] for row in rows] for i, name in enumerate(NAMES)}
    columns = {name: np.array(values, schema.DTYPES[name]) for name, values in columns.items()}
    symbol = draw(st.text(st.characters(codec="utf-8"), max_size=8))
    return Events(symbol, **columns, price_exponent=draw(EXPONENTS), size_exponent=draw(EXPONENTS))


@pytest.mark.parametrize("name", FILES)
@given(events=any_events())
def test_every_number_comes_back(folder: Path, name: str, events: Events) -> None:
    """The columns, the exponents and the symbol are the same to the bit, verified or not."""
    path = save(events, folder / name)
    assert whole(events) == whole(Events.open(path)) == whole(Events.open(path, verify=False))


@pytest.mark.parametrize("name", FILES)
@given(stream=l2_streams() | l3_streams())
def test_every_tape_comes_back(folder: Path, name: str, stream: list[Event]) -> None:
    """What a venue sends is the same events after a while on disk."""
    events = Events.from_events(stream)
    again = Events.open(save(events, folder / name))
    assert (events, list(events)) == (again, list(again))


@pytest.mark.parametrize("name", FILES)
def test_a_slice_is_saved_alone(tmp_path: Path, events: Events, name: str) -> None:
    """A part of the columns, which lies in the middle of their memory, is a file of its own."""
    assert whole(events[3:]) == whole(Events.open(save(events[3:], tmp_path / name)))


@pytest.mark.parametrize("name", FILES)
def test_many_rows_come_back(tmp_path: Path, name: str) -> None:
    """More rows than are checked together, and a group of Parquet more than one."""
    events = many(1_100_000)
    assert whole(events) == whole(Events.open(save(events, tmp_path / name)))


def many(rows: int, **changes: Any) -> Events:
    """Deletions of levels, a message each."""
    columns: dict[str, Any] = {
        "ts_event": np.arange(rows),
        "ts_recv": np.arange(rows),
        "action": np.full(rows, ord("C"), "u1"),
        "side": np.full(rows, ord("B"), "u1"),
        "flags": np.full(rows, LAST | MBP, "u1"),
        "price": np.arange(rows),
        "size": np.zeros(rows, "i8"),
        "order_id": np.zeros(rows, "u8"),
        "sequence": np.arange(rows, dtype="u8"),
    }
    return Events("X", **columns | changes)


@pytest.mark.parametrize("name", FILES)
def test_the_longest_symbol_comes_back(tmp_path: Path, name: str) -> None:
    """A symbol may have 4096 bytes, whatever they are; one more is refused before anything is written."""
    symbol = "\0é€" + "x" * 4_090
    assert symbol == Events.open(save(Events.from_events([Clear()], symbol), tmp_path / name)).symbol
    with pytest.raises(UsageError) as caught:
        Events.from_events([Clear()], symbol + "x").save(tmp_path / "new.npz")
    assert ("a symbol in a file has at most 4096 bytes, not 4097", [name]) == (
        str(caught.value),
        listed(tmp_path),
    )


def test_a_symbol_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    """Half a surrogate pair is no text that a file can hold."""
    with pytest.raises(UsageError) as caught:
        Events.from_events([Clear()], "\ud800").save(tmp_path / "tape.arrow")
    assert ("a symbol in a file is UTF-8, not '\\ud800'", []) == (str(caught.value), listed(tmp_path))


# -- names and writing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "magic"), [("a", b"PK"), ("A.NPZ", b"PK"), ("a.Arrow", b"ARROW1"), ("b.parquet", b"PAR1")]
)
def test_the_suffix_names_the_format(tmp_path: Path, events: Events, name: str, magic: bytes) -> None:
    """In any case; a name without one is numpy's."""
    events.save(str(tmp_path / name))
    assert (magic, events) == ((tmp_path / name).read_bytes()[: len(magic)], Events.open(str(tmp_path / name)))


@pytest.mark.parametrize(
    ("name", "compress", "message"),
    [
        ("a.feather", False, "columns are saved as .npz, .arrow, .parquet, not as '.feather'"),
        ("a.arrow", True, "compress is for .npz: .arrow is always plain, so that it can be mapped"),
        ("a.parquet", True, "compress is for .npz: .parquet is always compressed"),
    ],
)
def test_what_cannot_be_saved(tmp_path: Path, events: Events, name: str, compress: bool, message: str) -> None:
    """A name or a wish that no format fits is refused, and nothing is written."""
    with pytest.raises(UsageError) as caught:
        events.save(tmp_path / name, compress=compress)
    assert (message, []) == (str(caught.value), listed(tmp_path))


@pytest.mark.parametrize("name", ["tape.arrow", "tape.parquet"])
@pytest.mark.parametrize("call", [Events.save, lambda _, path: Events.open(path)])
def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, events: Events, monkeypatch: pytest.MonkeyPatch, name: str, call: Callable[[Events, Path], None]
) -> None:
    """Saving and opening say what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra) as caught:
        call(events, tmp_path / name)
    assert "this needs pyarrow: pip install 'orderbook-kit[arrow]'" == str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_saving_over_an_open_file(tmp_path: Path, events: Events, name: str) -> None:
    """The columns that are in use keep the file that they map; the name has the new one."""
    path = save(events, tmp_path / name)
    old = Events.open(path)
    save(old[3:], path)
    assert (whole(events), whole(events[3:]), [name]) == (whole(old), whole(Events.open(path)), listed(tmp_path))


@pytest.mark.parametrize("name", FILES)
def test_a_save_that_fails_changes_nothing(
    tmp_path: Path, events: Events, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The old file stays, and no half of the new one."""
    path = save(events, tmp_path / name)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SourceError) as caught:
        save(events[3:], path)
    assert (f"{path}: cannot write the file: No space left on device", [name], events) == (
        str(caught.value),
        listed(tmp_path),
        Events.open(path),
    )


@pytest.mark.parametrize("name", FILES)
def test_a_folder_that_is_not_there(tmp_path: Path, events: Events, name: str) -> None:
    """Neither saving nor opening shows an error of Python's."""
    path = tmp_path / "missing" / name
    with pytest.raises(SourceError) as caught:
        events.save(path)
    assert f"{path}: cannot write the file: No such file or directory" == str(caught.value)
    with pytest.raises(SourceError) as caught:
        Events.open(path)
    assert f"{path}: cannot read the file: No such file or directory" == str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_what_a_link_points_to_is_replaced(tmp_path: Path, events: Events) -> None:
    """The link stays a link."""
    (tmp_path / "link.npz").symlink_to(tmp_path / "tape.npz")
    events.save(tmp_path / "link.npz")
    assert (True, events) == ((tmp_path / "link.npz").is_symlink(), Events.open(tmp_path / "tape.npz"))


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such rights there")
def test_a_file_is_as_readable_as_any(tmp_path: Path, events: Events) -> None:
    """The rights are those of a file that open() makes, not those of a temporary one."""
    (tmp_path / "plain").touch()
    modes = {save(events, tmp_path / name).stat().st_mode for name in FILES}
    assert {(tmp_path / "plain").stat().st_mode} == modes


@pytest.mark.parametrize("name", FILES)
def test_equal_columns_make_equal_files(tmp_path: Path, events: Events, name: str) -> None:
    """No clock and no chance is in a file."""
    first, second = (save(events, tmp_path / part / name) for part in map(made(tmp_path), "ab"))
    assert first.read_bytes() == second.read_bytes()


def made(parent: Path) -> Callable[[str], str]:
    """A function that makes a folder and returns its name."""
    return lambda name: (parent / name).mkdir() or name  # type: ignore[func-returns-value]


# -- memory ---------------------------------------------------------------------------------------------------------


def addresses_of_maps(path: Path) -> list[range]:
    """Where this process has mapped the file, as the kernel tells."""
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(str(path))]
    return [range(*(int(end, 16) for end in line[0].split("-"))) for line in lines]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("name", MAPPED)
def test_columns_are_the_file(tmp_path: Path, name: str, verify: bool) -> None:
    """Each column lies inside the mapped file and owns nothing; so does a slice."""
    opened = Events.open(save(many(5_000), tmp_path / name), verify=verify)
    maps = addresses_of_maps(tmp_path / name)
    for column in NAMES:
        values = getattr(opened, column)
        start = values.__array_interface__["data"][0]
        assert any(start in each and start + values.nbytes - 1 in each for each in maps), column
        assert not values.flags.owndata
        assert np.shares_memory(values, getattr(opened[10:20], column))


@pytest.mark.parametrize("name", FILES)
def test_opened_columns_are_as_the_contract_says(tmp_path: Path, events: Events, name: str) -> None:
    """Of the type of the column, contiguous, aligned and read-only."""
    opened = Events.open(save(events, tmp_path / name))
    for column, dtype in schema.DTYPES.items():
        values = getattr(opened, column)
        flags = values.flags
        assert (dtype, True, True, False) == (values.dtype, flags.c_contiguous, flags.aligned, flags.writeable)
        with pytest.raises(ValueError, match="WRITEABLE"):
            values.flags.writeable = True


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
@pytest.mark.parametrize("name", MAPPED)
def test_the_map_goes_with_its_last_column(tmp_path: Path, name: str) -> None:
    """A column outlives its Events, and then the file is let go."""
    price = Events.open(save(many(5_000), tmp_path / name)).price
    assert (4_999, True) == (int(price[-1]), bool(addresses_of_maps(tmp_path / name)))
    del price
    assert [] == addresses_of_maps(tmp_path / name)


@pytest.mark.parametrize("name", FILES)
def test_opened_events_pickle(tmp_path: Path, events: Events, name: str) -> None:
    """A worker gets the columns, wherever they are kept."""
    path = save(events, tmp_path / name)
    assert whole(events) == whole(pickle.loads(pickle.dumps(Events.open(path))))


# -- other tools ----------------------------------------------------------------------------------------------------

ARROW_TYPES = ["timestamp[ns, tz=UTC]"] * 2 + ["uint8"] * 3 + ["int64"] * 2 + ["uint64"] * 2


@pytest.mark.parametrize("name", ["tape.arrow", "tape.parquet"])
def test_pyarrow_reads_the_columns(tmp_path: Path, events: Events, name: str) -> None:
    """Integers as they are, times as moments, a missing time as null."""
    path = save(events, tmp_path / name)
    table = pq.read_table(path) if name.endswith("parquet") else pa.ipc.open_file(path).read_all()
    assert (list(NAMES), ARROW_TYPES) == (table.column_names, [str(kind) for kind in table.schema.types])
    assert [None, None, None, 1, 2] == table["ts_event"].cast("int64").to_pylist()
    assert (events.price.tolist(), list(b"RAACT")) == (table["price"].to_pylist(), table["action"].to_pylist())


def test_an_arrow_file_is_one_batch(tmp_path: Path) -> None:
    """However many rows it has."""
    assert 1 == pa.ipc.open_file(save(many(200_000), tmp_path / "tape.arrow")).num_record_batches


def test_pandas_reads_parquet(tmp_path: Path, events: Events) -> None:
    """Times are in UTC, a missing one is NaT."""
    frame = pd.read_parquet(save(events, tmp_path / "tape.parquet"))
    assert [True, True, True, False, False] == frame["ts_event"].isna().tolist()
    assert (pd.Timestamp(3, tz="UTC"), events.size.tolist()) == (frame["ts_recv"][4], frame["size"].tolist())


@pytest.mark.parametrize(("name", "read"), [("tape.parquet", pl.read_parquet), ("tape.arrow", pl.read_ipc)])
def test_polars_reads_both(tmp_path: Path, events: Events, name: str, read: Callable[..., Any]) -> None:
    """The same columns, with nulls for missing times."""
    frame = read(save(events, tmp_path / name))
    assert (3, events.price.tolist(), list(NAMES)) == (
        frame["ts_event"].null_count(),
        frame["price"].to_list(),
        frame.columns,
    )


@pytest.mark.parametrize("compress", [False, True])
def test_numpy_reads_its_own(tmp_path: Path, events: Events, compress: bool) -> None:
    """A padded archive is an archive."""
    events.save(tmp_path / "tape.npz", compress=compress)
    with np.load(tmp_path / "tape.npz", allow_pickle=False) as archive:
        assert {name: getattr(events, name).tolist() for name in NAMES} == {
            name: archive[name].tolist() for name in NAMES
        }
    with zipfile.ZipFile(tmp_path / "tape.npz") as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_an_archive_that_numpy_wrote(tmp_path: Path, events: Events, write: Callable[..., None]) -> None:
    """The file of an earlier version, whose arrays begin anywhere: what lies askew is copied."""
    members: dict[str, Any] = {name: getattr(events, name) for name in NAMES}
    members |= {"version": np.int64(1), "symbol": np.frombuffer(b"ETHUSDT", "u1")}
    members |= {"price_exponent": np.int64(-2), "size_exponent": np.int64(-1)}
    write(tmp_path / "tape.npz", **members)
    opened = Events.open(tmp_path / "tape.npz")
    assert (whole(events), {True}) == (whole(opened), {getattr(opened, name).flags.aligned for name in NAMES})


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table], **options: Any) -> Path:
    """An Arrow or Parquet file after another tool had it in its hands."""
    if path.suffix == ".parquet":
        pq.write_table(change(pq.read_table(path)), path, **options)
        return path
    table = change(pa.ipc.open_file(path.read_bytes()).read_all())
    batch = options.pop("max_chunksize", None)
    with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, batch)
    return path


def test_several_batches_are_joined(tmp_path: Path, events: Events) -> None:
    """Another tool may cut the rows into batches, and a batch may be empty."""
    path = rewritten(save(events, tmp_path / "tape.arrow"), lambda table: table, max_chunksize=2)
    assert 3 == pa.ipc.open_file(path).num_record_batches
    assert whole(events) == whole(Events.open(path))


def test_several_row_groups_are_joined(tmp_path: Path, events: Events) -> None:
    """The same in Parquet, with another compression and another order of the columns."""
    path = save(events, tmp_path / "tape.parquet")
    rewritten(path, lambda table: table.select(NAMES[::-1]), row_group_size=2, compression="snappy")
    assert whole(events) == whole(Events.open(path))


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("name", ["tape.arrow", "tape.parquet"])
def test_whatever_lies_below_a_null(tmp_path: Path, events: Events, name: str, verify: bool) -> None:
    """Another tool need not keep the mark of a missing time below its null."""

    def cleared(table: pa.Table) -> pa.Table:
        kind = table.schema.field("ts_event").type
        return table.set_column(0, "ts_event", pa.array([None, None, None, 1, 2], kind)).replace_schema_metadata(
            table.schema.metadata
        )

    path = rewritten(save(events, tmp_path / name), cleared)
    assert whole(events) == whole(Events.open(path, verify=verify))


# -- files that are not taken ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"PK", b"ARROW1", b"ARROW1\0\0ARROW1", b"PAR1PAR1", b"PAR1" * 9, b"x" * 100])
@pytest.mark.parametrize("suffix", [".npz", ".arrow", ".parquet"])
def test_other_files_are_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    """What only begins or ends like a file of ours, or not even that."""
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    assert refusal(path)


def retyped(name: str, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    """A change of the type of one column."""
    return lambda table: table.set_column(
        table.schema.get_field_index(name), name, table[name].cast(kind, safe=False)
    ).replace_schema_metadata(table.schema.metadata)


def described(**changes: Any) -> Callable[[pa.Table], pa.Table]:
    """A change of the metadata, with the right checksum."""

    def change(table: pa.Table) -> pa.Table:
        header = json.loads(table.schema.metadata[b"orderbook"]) | changes
        del header["checksum"]
        header = {key: value for key, value in header.items() if value is not ...}
        header["checksum"] = zlib.crc32(arrow._json(header))
        return table.replace_schema_metadata({b"orderbook": json.dumps(header)})

    return change


FORGED: list[tuple[Callable[[pa.Table], pa.Table], str]] = [
    (lambda table: table.replace_schema_metadata(None), "its schema has no metadata `orderbook`"),
    (lambda table: table.replace_schema_metadata({b"orderbook": b"[]"}), "version None, this library knows 1"),
    (described(version=2), "version 2, this library knows 1"),
    (described(symbol=7), "its metadata has no `symbol`"),
    (described(rows=5.0), "its metadata has no `rows`"),
    (described(price_exponent=...), "its metadata has no `price_exponent`"),
    (described(rows=6), "ts_event has 5 of 6 rows"),
    (described(checksums={}), "ts_event does not have its checksum"),
    (described(size_exponent=1), f"size_exponent is from -{MAX_SCALE} to 0, not 1"),
    (lambda table: table.drop_columns(["price"]), "no column price, or several"),
    (lambda table: table.append_column("price", table["size"]), "no column price, or several"),
    (lambda table: table.slice(1), "ts_event has 4 of 5 rows"),
    (retyped("price", pa.float64()), "price is double, not int64"),
    (retyped("order_id", pa.int64()), "order_id is int64, not uint64"),
    (retyped("ts_event", pa.timestamp("us", "UTC")), "ts_event is timestamp[us, tz=UTC], not timestamp[ns, tz=UTC]"),
    (retyped("flags", pa.string()), "flags is string, not uint8"),
]


@pytest.mark.parametrize("name", ["tape.arrow", "tape.parquet"])
@pytest.mark.parametrize(("change", "reason"), FORGED, ids=[reason for _, reason in FORGED])
def test_forged_tables_are_refused(
    tmp_path: Path, events: Events, name: str, change: Callable[[pa.Table], pa.Table], reason: str
) -> None:
    """What lacks something, or says something else than it holds."""
    path = rewritten(save(events, tmp_path / name), lambda table: table)
    assert events == Events.open(path)
    assert reason == refusal(rewritten(path, change))


@pytest.mark.parametrize("name", ["tape.arrow", "tape.parquet"])
def test_a_number_is_never_null(tmp_path: Path, events: Events, name: str) -> None:
    """Only a time can be missing as a null."""

    def holed(table: pa.Table) -> pa.Table:
        prices = pa.array([None, *table["price"].to_pylist()[1:]], "int64")
        return table.set_column(5, "price", prices).replace_schema_metadata(table.schema.metadata)

    assert "price has nulls" == refusal(rewritten(save(events, tmp_path / name), holed))


@pytest.mark.parametrize("name", FILES)
def test_rows_that_no_event_writes_are_refused(tmp_path: Path, name: str) -> None:
    """They are found at the end of a long file as well; unverified, when the rows are first needed."""
    rows = 70_000
    events = many(rows)
    side = events.side.copy()
    side[-1] = 0
    bad = Events.__new__(Events)._set("X", {name: getattr(events, name) for name in NAMES} | {"side": side}, 0, 0)
    path = save(bad, tmp_path / name)
    reason = f"row {rows - 1}: no such side"
    assert reason == refusal(path)
    for use in (list, Events.to_numpy, Events.to_pandas, pickle.dumps, lambda opened: opened.save(tmp_path / "x")):
        opened = Events.open(path, verify=False)
        assert (rows, rows - 1) == (len(opened), int(opened[1:].price[-1]))
        for part in (opened, opened[0:]):
            with pytest.raises(CorruptSource) as caught:
                use(part)
            assert f"{path}: {reason}" == str(caught.value)


def test_rows_are_judged_across_blocks() -> None:
    """An order that replaces another takes its side from the row before, also where a block begins there."""
    for rows in (65_535, 65_536, 65_537, 131_072):
        columns = {name: getattr(many(rows + 1), name).copy() for name in NAMES}
        columns["flags"][-2:] = 0, LAST
        columns["side"][-2:] = ord("N")
        columns["size"][-2:] = UNDEF_SIZE, 1
        columns["action"][-1] = Action.ADD
        assert rows + 1 == len(Events("X", **columns))
        columns["size"][-2] = 1
        with pytest.raises(UsageError) as caught:
            Events("X", **columns)
        assert f"row {rows}: an order without a side" == str(caught.value)


# -- bombs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("deflated.npz", "ts_event unpacks to 50000 rows, more than max_rows=49999"),
        ("tape.parquet", "it unpacks to 50000 rows, more than max_rows=49999"),
    ],
)
def test_a_small_file_of_many_rows_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    """What unpacks to more than is allowed is refused before it is unpacked, and taken where that is allowed."""
    zeros = np.zeros(50_000, "i8")
    events = many(50_000, price=zeros, ts_event=zeros, ts_recv=zeros, sequence=zeros)
    path = save(events, tmp_path / name)
    assert path.stat().st_size < 50_000
    assert reason == refusal(path, max_rows=49_999)
    assert events == Events.open(path, max_rows=50_000)


@pytest.mark.parametrize("name", MAPPED)
def test_what_is_mapped_needs_no_limit(tmp_path: Path, name: str) -> None:
    """A plain file is as large as its rows."""
    assert 1_000 == len(Events.open(save(many(1_000), tmp_path / name), max_rows=1))


def test_a_member_that_inflates_beyond_its_claim(tmp_path: Path, events: Events) -> None:
    """The archive says 48 bytes, the deflated data are megabytes: no more than 48 are inflated."""
    path = save(events, tmp_path / "deflated.npz")
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    real = len(members["price.npy"])
    members["price.npy"] += bytes(64_000_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        info = archive.getinfo("price.npy")
        info.file_size = real
        info.CRC = zlib.crc32(members["price.npy"][:real])
    assert whole(events) == whole(Events.open(path))


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_arrow_file_is_refused(tmp_path: Path, events: Events, compression: str) -> None:
    """It cannot be mapped, and what it unpacks to cannot be known before."""
    path = rewritten(save(events, tmp_path / "tape.arrow"), lambda table: table, compression=compression)
    assert "its columns are compressed and cannot be mapped; use .parquet for a small file" == refusal(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_of_an_archive_are_refused(tmp_path: Path, events: Events, kind: int) -> None:
    """numpy writes none of them."""
    path = save(events, tmp_path / "tape.npz")
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    assert "version is neither stored nor deflated" == refusal(path)


# -- damage ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=FILES)
def good_file(request: pytest.FixtureRequest, folder: Path) -> tuple[Path, bytes, Events]:
    """A place to write to, the bytes of a good file, and what is in it."""
    path = save(Events.from_events(TAPE), folder / f"damaged-{request.param}")
    return path, save(Events.from_events(TAPE), folder / request.param).read_bytes(), Events.from_events(TAPE)


def opened_or_refused(path: Path, content: bytes, **options: Any) -> Events | None:
    """The events of these bytes, None where they are refused as they should be."""
    # Not over the old file: it is mapped, and a map whose file shrinks ends the process.
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    try:
        return Events.open(path, **options)
    except CorruptSource as error:
        named = str(error).startswith(f"{path}: ")
    assert named
    return None


def test_a_file_that_is_cut_off(good_file: tuple[Path, bytes, Events]) -> None:
    """Wherever it ends, it is refused, verified or not."""
    path, content, _ = good_file
    for end in range(0, len(content), 3):
        for verify in (True, False):
            assert opened_or_refused(path, content[:end], verify=verify) is None, end


@given(data=st.data())
def test_flipped_bits(good_file: tuple[Path, bytes, Events], data: st.DataObject) -> None:
    """Damage is refused, or did not touch what the file says; unverified it may be missed, and is no other error."""
    path, content, events = good_file
    flips = data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(1, 255)), min_size=1, max_size=3)
    )
    damaged = bytearray(content)
    for at, mask in flips:
        damaged[at] ^= mask
    opened = opened_or_refused(path, bytes(damaged))
    assert opened is None or whole(events) == whole(opened)
    opened_or_refused(path, bytes(damaged), verify=False)


def test_every_flipped_byte(good_file: tuple[Path, bytes, Events]) -> None:
    """The same for each byte by itself."""
    path, content, events = good_file
    for at in range(0, len(content), 1 + len(content) // 1_500):
        opened = opened_or_refused(path, content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        assert opened is None or whole(events) == whole(opened), at


@pytest.mark.parametrize("name", MAPPED)
def test_a_price_with_a_flipped_bit_is_found(tmp_path: Path, name: str) -> None:
    """A price that could as well be right, in the middle of the rows."""
    path = save(many(1_000), tmp_path / name)
    content = path.read_bytes()
    at = content.find(np.arange(500, 505).tobytes())
    path.unlink()
    path.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    assert refusal(path).endswith("does not have its checksum")
    assert 1_000 == len(Events.open(path, verify=False))
