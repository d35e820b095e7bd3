"""Formats by name, and formats that other distributions bring."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orderbook.decode import Decoder, Format, formats, get_format, register
from orderbook.decode.table import CsvTable, EventSpec, JsonTable, Kind, Message
from orderbook.errors import UnknownFormat, UsageError
from orderbook.events import Event, Heartbeat

BUILT_IN = ("binance_coinm", "binance_spot", "binance_usdm", "bitfinex_raw", "lobster", "tardis_csv")

BEATS = JsonTable(messages=(Message(name="beat", events=(EventSpec(kind=Kind.HEARTBEAT),)),))

# What a third party writes: one module, one entry point.
MODULE = """
from orderbook.decode import Format
from orderbook.decode.table import (
    Condition, Deletes, EventSpec, Field, JsonTable, Kind, LevelArrays, Message, SymbolFrom, SymbolRule, Test, Wire,
)

TINY = Format(
    name="tiny",
    rule="none",
    table=JsonTable(
        messages=(
            Message(
                name="book",
                when=(Condition(Test.EQUALS, ("type",), ("book",)),),
                events=(
                    EventSpec(
                        kind=Kind.SNAPSHOT,
                        symbol=(SymbolRule(SymbolFrom.FIELD, ("pair",)),),
                        fields=(Field("ts_event", ("ms",), Wire.INTEGER, unit=1_000_000),),
                        levels=LevelArrays(("buy",), ("sell",), Wire.DECIMAL, Deletes.NOTHING),
                        constants=(("complete", True),),
                    ),
                ),
            ),
        ),
    ),
)

def made():
    from dataclasses import replace
    return replace(TINY, name="tiny_made")

wrong_name = TINY
no_format = {"name": "no_format"}
"""
ENTRY_POINTS = """[orderbook.formats]
tiny = tiny_venue:TINY
tiny_made = tiny_venue:made
tiny_wrong_name = tiny_venue:wrong_name
tiny_no_format = tiny_venue:no_format
tiny_no_attribute = tiny_venue:nothing
tiny_no_module = tiny_nowhere:TINY
"""
METADATA = "Metadata-Version: 2.1\nName: tiny-venue\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class OneHeartbeat:
    """A decoder of a format's own."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.ignored = 0
        self.symbols = symbols

    def decode(self, payload: Any, ts_recv: int | None = None, origin: str = "") -> list[Event]:
        """Anything is a heartbeat."""
        return [Heartbeat(symbol=self.symbols[0], ts_recv=ts_recv)]

    def reset(self) -> None:
        """Nothing to forget."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the third party's wheel is really installed: by pip, or unpacked where there is no pip."""
    folder = tmp_path_factory.mktemp("third_party")
    wheel = folder / "tiny_venue-1.0-py3-none-any.whl"
    files = {
        "tiny_venue.py": MODULE,
        "tiny_venue-1.0.dist-info/METADATA": METADATA,
        "tiny_venue-1.0.dist-info/WHEEL": WHEEL,
        "tiny_venue-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        record = "".join(f"{name},,\n" for name in (*files, "tiny_venue-1.0.dist-info/RECORD"))
        archive.writestr("tiny_venue-1.0.dist-info/RECORD", record)
    if importlib.util.find_spec("pip") is None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")
        return folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    done = subprocess.run(
        [*pip, "--target", str(folder / "site"), str(wheel)], capture_output=True, text=True, check=False, timeout=120
    )
    assert 0 == done.returncode, done.stderr
    return folder / "site"


def run(script: str, root: Path, *paths: Path) -> str:
    """What a script prints in a process of its own that finds the library and the given folders."""
    path = os.pathsep.join(map(str, (root, *paths)))
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


# -- the built-in ones ------------------------------------------------------------------------------------------------


def test_built_in_formats_are_listed() -> None:
    """In order of their names."""
    names = formats()
    assert list(names) == sorted(names)
    assert set(BUILT_IN) <= set(names)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_format_has_its_name(name: str) -> None:
    """By which it is found, always the same one."""
    assert name == get_format(name).name
    assert get_format(name) is get_format(name)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_connection_gets_its_own_decoder(name: str) -> None:
    """State is never shared."""
    first, second = get_format(name).decoder(), get_format(name).decoder()
    assert first is not second
    assert (0, 0) == (first.ignored, second.ignored)


def test_format_is_its_own_answer() -> None:
    """Where a name is asked for, a format will do."""
    mine = Format(name="mine", rule="none", table=BEATS)
    assert mine is get_format(mine)


def test_formats_that_feed_order_books() -> None:
    """Which kind of book each feeds."""
    assert {"bitfinex_raw", "lobster"} == {name for name in BUILT_IN if get_format(name).book == "L3"}


@pytest.mark.parametrize("name", ["binance", "", "BINANCE_SPOT", None, 5, b"lobster"])
def test_unknown_format(name: Any) -> None:
    """The error lists what there is."""
    with pytest.raises(UnknownFormat) as caught:
        get_format(name)
    assert name == caught.value.name
    assert formats() == caught.value.known
    assert str(caught.value).startswith(f"unknown format {name!r}; known are binance_coinm, binance_spot, ")


# -- formats of one's own ---------------------------------------------------------------------------------------------


def test_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's own format is known by its name from then on."""
    monkeypatch.setattr("orderbook.decode.registry._registered", {})
    mine = Format(name="mine", rule="none", table=BEATS)
    assert mine is register(mine)
    assert mine is get_format("mine")
    assert "mine" in formats()
    assert [Heartbeat()] == get_format("mine").decoder().decode(b"{}")


def test_register_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same again is no harm; another under the same name is."""
    monkeypatch.setattr("orderbook.decode.registry._registered", {})
    mine = register(Format(name="mine", rule="none", table=BEATS))
    register(mine)
    with pytest.raises(UsageError) as caught:
        register(replace(mine, rule="binance_spot"))
    assert "there is a format 'mine' already" == str(caught.value)


def test_register_a_built_in_name() -> None:
    """Nobody can change what a name of ours means."""
    with pytest.raises(UsageError) as caught:
        register(Format(name="lobster", rule="none", table=BEATS))
    assert "there is a format 'lobster' already" == str(caught.value)


def test_register_something_else() -> None:
    """Only formats are formats."""
    with pytest.raises(UsageError) as caught:
        register("lobster")  # type: ignore[arg-type]
    assert "expected a Format, got `str`" == str(caught.value)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": ""}, "a format needs a name, not ''"),
        ({"name": 5}, "a format needs a name, not 5"),
        ({"book": "L1"}, "the book of format 'mine' is 'L2' or 'L3', not 'L1'"),
        ({"table": None}, "format 'mine' needs either a table or a function that makes decoders"),
        ({"make": OneHeartbeat}, "format 'mine' needs either a table or a function that makes decoders"),
    ],
)
def test_wrong_format(fields: dict[str, Any], text: str) -> None:
    """Found when it is made, not when it is used."""
    with pytest.raises(UsageError) as caught:
        Format(**{"name": "mine", "rule": "none", "table": BEATS, **fields})
    assert text == str(caught.value)


def test_decoder_of_ones_own() -> None:
    """Where no table can say it, a function makes the decoder."""
    made: Decoder = Format(name="mine", rule="none", make=OneHeartbeat).decoder(["ETHUSDT"])
    assert [Heartbeat(symbol="ETHUSDT", ts_recv=5)] == made.decode(b"whatever", 5)


def test_one_symbol_as_text() -> None:
    """A name is one symbol and not its letters."""
    made: Any = Format(name="mine", rule="none", make=OneHeartbeat).decoder("ETHUSDT")
    assert ("ETHUSDT",) == made.symbols


def test_csv_tables_get_their_interpreter() -> None:
    """The kind of table decides."""
    table = CsvTable(columns=("symbol",), symbol=("symbol",), messages=BEATS.messages)
    assert [Heartbeat(symbol="X")] == Format(name="mine", rule="none", table=table).decoder().decode("X")


# -- other distributions ----------------------------------------------------------------------------------------------


def test_installed_format_is_listed_without_import(installed: Path, project_root: Path) -> None:
    """Listing imports nothing of the third party."""
    script = (
        "import sys; from orderbook.decode import formats; "
        "print('tiny' in formats(), 'binance_spot' in formats(), 'tiny_venue' in sys.modules)"
    )
    assert "True True False" == run(script, project_root, installed)


@pytest.mark.parametrize("name", ["tiny", "tiny_made"])
def test_installed_format_decodes(name: str, installed: Path, project_root: Path) -> None:
    """Its table runs in our interpreter, whether the entry point is a format or makes one."""
    script = f"""
from orderbook.decode import get_format
found = get_format({name!r})
assert found is get_format({name!r})
message = b'{{"type":"book","pair":"ETH-EUR","ms":5,"buy":[["10.5","1"]],"sell":[["11","2"]]}}'
[event] = found.decoder().decode(message, 7)
print(found.name, type(event).__name__, event.symbol, event.ts_event, event.bids[0].price, event.asks[0].size)
"""
    assert f"{name} Snapshot ETH-EUR 5000000 10.5 2.0" == run(script, project_root, installed)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tiny_wrong_name", "format 'tiny_wrong_name' of tiny-venue calls itself 'tiny'"),
        ("tiny_no_format", "format 'tiny_no_format' of tiny-venue is `dict`, not a Format"),
        ("tiny_no_attribute", "format 'tiny_no_attribute' of tiny-venue cannot be imported: "),
        ("tiny_no_module", "format 'tiny_no_module' of tiny-venue cannot be imported: "),
    ],
)
def test_broken_third_party(name: str, text: str, installed: Path, project_root: Path) -> None:
    """The error names the distribution, and no other format suffers."""
    script = f"""
from orderbook.decode import get_format
from orderbook.errors import UsageError
try:
    get_format({name!r})
except UsageError as error:
    print(error)
get_format("lobster"), get_format("tiny")
"""
    assert run(script, project_root, installed).startswith(text)


def test_two_distributions_of_one_name(installed: Path, project_root: Path, tmp_path: Path) -> None:
    """Which one was meant cannot be known."""
    other = tmp_path / "other_venue-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text(METADATA.replace("tiny-venue", "other-venue"), encoding="utf-8")
    (other / "entry_points.txt").write_text("[orderbook.formats]\ntiny = other:TINY\n", encoding="utf-8")
    script = """
from orderbook.decode import get_format
from orderbook.errors import UsageError
try:
    get_format("tiny")
except UsageError as error:
    print(error)
"""
    text = "format 'tiny' is brought by other-venue and tiny-venue: remove all but one"
    assert text == run(script, project_root, installed, tmp_path)


def test_built_in_names_cannot_be_taken(project_root: Path, tmp_path: Path) -> None:
    """A distribution that offers one of our names is not asked."""
    other = tmp_path / "other_venue-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text(METADATA, encoding="utf-8")
    (other / "entry_points.txt").write_text("[orderbook.formats]\nlobster = nowhere:NOTHING\n", encoding="utf-8")
    script = "from orderbook.decode import get_format; print(get_format('lobster').rule)"
    assert "lobster" == run(script, project_root, tmp_path)
