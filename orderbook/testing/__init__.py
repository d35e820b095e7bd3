"""For the tests of projects that use order books: made-up markets, feeds, faults, models, machines, fixtures.

* :class:`SyntheticMarket` and :func:`write_capture`: a market that does not exist, as events or as files in real
  venue formats;
* :func:`l2_streams`, :func:`l3_streams`, :func:`faulty_streams`, :func:`raw_messages` and smaller ones: Hypothesis
  strategies;
* :class:`Injected`, :func:`drop`, :func:`duplicate` and so on: what goes wrong on the way, and the right verdict;
* :class:`NaiveL2`, :class:`NaiveL3`, :class:`NaiveReplay`, :func:`check_book`: slow, obvious models to compare with;
* :func:`simulate_icebergs`, :func:`inject_icebergs`, :func:`score_icebergs`: icebergs with labels, and how well a
  detector finds them;
* :class:`L2BookMachine`, :class:`L3BookMachine`: state machines that drive a book of yours beside a model.

The strategies and the machines need Hypothesis (``pip install 'orderbook-kit[test]'``), the rest nothing but the
library. A pytest plugin comes with it, see :mod:`orderbook.testing.plugin`.

>>> market = SyntheticMarket(seed=7)
>>> market.stream("binance_spot", 100).rule.name
'binance_spot'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from orderbook.errors import MissingExtra
from orderbook.testing.capture import Capture, write_capture
from orderbook.testing.compare import check_book, check_known
from orderbook.testing.faults import (
    GARBAGE,
    FaultKind,
    Injected,
    Outcome,
    cut,
    drop,
    duplicate,
    flip,
    garbled,
    insert,
    reconnect,
    reorder,
    replaced,
)
from orderbook.testing.market import SyntheticMarket
from orderbook.testing.model import NaiveL2, NaiveL3, NaiveLevel, NaiveOrder, checksum, exact
from orderbook.testing.oracle import NaiveReplay, by_message
from orderbook.testing.streams import Message, Numbering, Stream, Venue, arrive, whole
from orderbook.testing.wire import BinanceWire, BitfinexWire, LobsterWire, TardisWire, get_wire, wire_formats

if TYPE_CHECKING:
    from orderbook.testing.icebergs import (
        BaseRates,
        CandidateScores,
        IcebergKind,
        IcebergMarket,
        IcebergScores,
        IcebergTruth,
        InjectedIcebergs,
        RecallBucket,
        SimulatedIcebergs,
        TrueIceberg,
        TrueLink,
        TrueOrder,
        WindowLink,
        inject_icebergs,
        permuted_sizes,
        score_candidates,
        score_icebergs,
        simulate_icebergs,
        window_links,
    )
    from orderbook.testing.stateful import L2BookMachine, L3BookMachine
    from orderbook.testing.strategies import (
        decimal_texts,
        faulty_streams,
        l2_streams,
        l3_streams,
        levels,
        prices,
        raw_messages,
        sizes,
        snapshots,
    )

# Late, because the pytest plugin imports this package wherever the library is installed.
_ICEBERGS: Final = frozenset(
    """
    BaseRates CandidateScores IcebergKind IcebergMarket IcebergScores IcebergTruth InjectedIcebergs RecallBucket
    SimulatedIcebergs TrueIceberg TrueLink TrueOrder WindowLink inject_icebergs permuted_sizes score_candidates
    score_icebergs simulate_icebergs window_links
    """.split()
)

_WITH_HYPOTHESIS: Final = {
    "L2BookMachine": "stateful",
    "L3BookMachine": "stateful",
    "decimal_texts": "strategies",
    "faulty_streams": "strategies",
    "l2_streams": "strategies",
    "l3_streams": "strategies",
    "levels": "strategies",
    "prices": "strategies",
    "raw_messages": "strategies",
    "sizes": "strategies",
    "snapshots": "strategies",
}


def __getattr__(name: str) -> Any:
    """Import what needs Hypothesis, and what is large, when it is asked for.

    Raises:
        MissingExtra: Hypothesis is not installed.
    """
    if name in _ICEBERGS:
        return getattr(importlib.import_module("orderbook.testing.icebergs"), name)
    if name not in _WITH_HYPOTHESIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_WITH_HYPOTHESIS[name]}")
    except ModuleNotFoundError as error:
        # Hypothesis may be here and miss something of its own; that is another fault.
        if error.name != "hypothesis":
            raise
        raise MissingExtra("hypothesis", "test") from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "GARBAGE",
    "BaseRates",
    "BinanceWire",
    "BitfinexWire",
    "CandidateScores",
    "Capture",
    "FaultKind",
    "IcebergKind",
    "IcebergMarket",
    "IcebergScores",
    "IcebergTruth",
    "Injected",
    "InjectedIcebergs",
    "L2BookMachine",
    "L3BookMachine",
    "LobsterWire",
    "Message",
    "NaiveL2",
    "NaiveL3",
    "NaiveLevel",
    "NaiveOrder",
    "NaiveReplay",
    "Numbering",
    "Outcome",
    "RecallBucket",
    "SimulatedIcebergs",
    "Stream",
    "SyntheticMarket",
    "TardisWire",
    "TrueIceberg",
    "TrueLink",
    "TrueOrder",
    "Venue",
    "WindowLink",
    "arrive",
    "by_message",
    "check_book",
    "check_known",
    "checksum",
    "cut",
    "decimal_texts",
    "drop",
    "duplicate",
    "exact",
    "faulty_streams",
    "flip",
    "garbled",
    "get_wire",
    "inject_icebergs",
    "insert",
    "l2_streams",
    "l3_streams",
    "levels",
    "permuted_sizes",
    "prices",
    "raw_messages",
    "reconnect",
    "reorder",
    "replaced",
    "score_candidates",
    "score_icebergs",
    "simulate_icebergs",
    "sizes",
    "snapshots",
    "whole",
    "window_links",
    "wire_formats",
    "write_capture",
]
