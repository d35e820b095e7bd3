"""Scores of what names no orders: screens of levels, and heuristics that only point at a price."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

from orderbook.testing.icebergs.score import ratio
from orderbook.testing.icebergs.truth import IcebergKind, IcebergTruth, TrueIceberg

__all__ = ("CandidateScores", "LevelCandidate", "score_candidates")


class LevelCandidate(Protocol):
    """What is read of a candidate: a side, a price, and when it was said."""

    @property
    def side(self) -> int:
        """+1 or -1."""

    @property
    def price(self) -> float:
        """The price as a number of the market, not of ticks."""

    @property
    def known_at(self) -> int:
        """When it was said, ns UTC."""


class CandidateScores(NamedTuple):
    """``right`` of the ``candidates`` point at an iceberg; ``found`` of the ``icebergs`` were pointed at.

    Beside it belongs the score of pointing at everything, which is the base rate.

    >>> CandidateScores(10, 4, 8, 2).precision, CandidateScores(0, 0, 8, 0).precision
    (0.4, None)
    """

    candidates: int
    right: int
    icebergs: int
    found: int

    @property
    def precision(self) -> float | None:
        """The share of the candidates that is right."""
        return ratio(self.right, self.candidates)

    @property
    def recall(self) -> float | None:
        """The share of the icebergs found."""
        return ratio(self.found, self.icebergs)


def score_candidates(
    candidates: Iterable[LevelCandidate],
    truth: IcebergTruth,
    *,
    kinds: Collection[IcebergKind] = ("native", "synthetic", "same_event"),
    grace: int = 1_000_000_000,
    price_scale: float = 0.01,
) -> CandidateScores:
    """Compare candidates with the icebergs at work at their side and price. O(candidates x icebergs of a price).

    A candidate is right if an iceberg that the tape reveals (:class:`~orderbook.testing.TrueIceberg`) was live there
    when it was said, or up to ``grace`` ns before, because a screen speaks after what it saw. ``price_scale`` turns the
    tape's ints into prices.

    >>> from types import SimpleNamespace
    >>> from orderbook.testing.icebergs.simulate import IcebergMarket, simulate_icebergs
    >>> truth = simulate_icebergs(IcebergMarket(seconds=60, native=3600), seed=1).truth
    >>> one = next(iceberg for iceberg in truth.icebergs if iceberg.revealed)
    >>> said = SimpleNamespace(side=one.side, price=one.price * 0.01, known_at=one.begun)
    >>> score_candidates([said], truth).right
    1
    """
    wanted = [iceberg for iceberg in truth.of(*kinds) if iceberg.revealed]
    at: dict[tuple[int, int], list[TrueIceberg]] = {}
    for iceberg in wanted:
        at.setdefault((iceberg.side, iceberg.price), []).append(iceberg)
    count = right = 0
    found: set[int] = set()
    for candidate in candidates:
        count += 1
        here = at.get((int(candidate.side), round(candidate.price / price_scale)), ())
        hit = [iceberg.iceberg_id for iceberg in here if _is_live(iceberg, candidate.known_at, grace)]
        right += bool(hit)
        found.update(hit)
    return CandidateScores(count, right, len(wanted), len(found))


def _is_live(iceberg: TrueIceberg, ts: int, grace: int) -> bool:
    return iceberg.begun <= ts and (iceberg.ended is None or ts <= iceberg.ended + grace)
