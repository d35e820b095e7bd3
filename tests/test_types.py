"""The plain values."""

from __future__ import annotations

import pytest

from orderbook.types import Action, BookState, Flag, KnownRange, Level, Order, Place, RawMessage, Side, Vwap


@pytest.mark.parametrize("text", ["b", "B", "bid", "BID", "bids", "buy", "Buy", "1", 1])
def test_spellings_of_bid(text: str) -> None:
    """Every venue's word for the buying side."""
    assert Side(text) is Side.BID


@pytest.mark.parametrize("text", ["a", "A", "ask", "asks", "offer", "sell", "Sell", "s", "S", "-1", -1])
def test_spellings_of_ask(text: str) -> None:
    """Every venue's word for the selling side."""
    assert Side(text) is Side.ASK


@pytest.mark.parametrize("text", ["", "x", "bidd", 0, 2, None, "N", 1.5])
def test_other_spellings_are_refused(text: object) -> None:
    """A side is never guessed."""
    with pytest.raises(ValueError, match="is not a valid Side"):
        Side(text)


def test_side_is_a_sign() -> None:
    """+1 is buying pressure; opposite and letter follow."""
    assert [(side * 1, side.opposite, side.letter) for side in Side] == [(1, Side.ASK, "B"), (-1, Side.BID, "A")]


def test_actions_and_flags_are_databentos() -> None:
    """The bytes of DBN's letters and the bits of its flags."""
    assert bytes(Action) == b"ACMRTFN"
    assert [int(flag) for flag in Flag] == [128, 64, 32, 16, 8, 4]


def test_book_state_codes() -> None:
    """The codes that panels and analytics share."""
    assert {state.name: int(state) for state in BookState} == {
        "NORMAL": 0,
        "NO_BID": 1,
        "NO_ASK": 2,
        "EMPTY": 3,
        "LOCKED": 4,
        "CROSSED": 5,
        "STALE": 6,
    }


def test_values_have_the_contract_fields() -> None:
    """Names are the product's face."""
    assert Level._fields == ("price", "size", "count")
    assert Order._fields == ("order_id", "side", "price", "size", "ts_event")
    assert RawMessage._fields[:2] == ("ts_recv", "payload")
    assert KnownRange._fields == ("bid_floor", "ask_ceiling")
    assert Vwap._fields == ("price", "filled", "complete", "known", "worst_price")


def test_place_reads_as_compilers_write_it() -> None:
    """File, then line, or else the byte."""
    places = [Place("a.gz", 3, 99), Place("a.gz", None, 99), Place("a.gz"), Place(None, 4), Place()]
    assert [str(place) for place in places] == ["a.gz:3", "a.gz@99", "a.gz", "<memory>:4", "<memory>"]
