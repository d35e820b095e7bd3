"""How good a detector is: what it says, held against what is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

from orderbook.testing.icebergs.truth import BaseRates, IcebergKind, IcebergTruth, TrueIceberg, TrueLink

__all__ = ("DetectedIceberg", "IcebergScores", "RecallBucket", "score_icebergs")

T = TypeVar("T")

_MS: Final = 1_000_000
LATENCIES: Final = (0, 1 * _MS, 5 * _MS, 20 * _MS, 100 * _MS)
PEAKS: Final = (1, 2, 5, 10, 20)
TRANCHES: Final = (2, 3, 4, 6, 8)


class DetectedIceberg(Protocol):
    """What is read of a detected iceberg, such as :class:`orderbook.analytics.Iceberg`."""

    @property
    def order_ids(self) -> Sequence[int]:
        """Its orders, the first one first."""

    @property
    def links(self) -> Sequence[tuple[int, int]]:
        """Pairs of one clip and the next; the same id twice for a refill under the same id."""

    @property
    def executed(self) -> float:
        """What traded, in units of size."""


class RecallBucket(NamedTuple):
    """``found`` of the ``true`` ones from ``low`` up to the next bucket; ``recall`` is None where there are none.

    >>> RecallBucket(2, 10, 4).recall
    0.4
    """

    low: int
    true: int
    found: int

    @property
    def recall(self) -> float | None:
        """The share found."""
        return ratio(self.found, self.true)


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergScores:
    """How detections compare with the truth; a ratio without a denominator is None.

    * links: ``link_precision`` of all links said, ``link_recall`` of the true ones of the kinds asked for;
      ``clear_link_recall`` without those whose predecessor ended beside a twin, which nobody can tell apart;
      ``maker_share``: how many of the wrong links join quotes of one market maker;
    * chains (detected icebergs): ``chain_right``, the share with all links right (without any link: with the right
      order); ``chain_mostly``, the share with more than half of the orders those of icebergs;
    * parents: ``parent_recall``, the share of true icebergs with at least ``min_tranches`` displays of which a link (or
      a fill beyond the display) was found;
    * volume: ``volume_precision``, the share of the executed size said that icebergs traded; ``volume_recall``, the
      share of what those parents traded that was said;
    * recall ``by_latency`` (links, ns), ``by_peak`` (parents, lots) and ``by_tranches`` (parents);
    * ``base``: how common icebergs are on the tape.

    Counts are there so that everybody can make an interval.
    """

    links: int
    right_links: int
    true_links: int
    found_links: int
    clear_links: int
    found_clear_links: int
    maker_links: int
    chains: int
    right_chains: int
    mostly_chains: int
    parents: int
    found_parents: int
    volume: float
    right_volume: float
    true_volume: float
    found_volume: float
    by_latency: tuple[RecallBucket, ...]
    by_peak: tuple[RecallBucket, ...]
    by_tranches: tuple[RecallBucket, ...]
    base: BaseRates

    @property
    def link_precision(self) -> float | None:
        """The share of the links said that are right."""
        return ratio(self.right_links, self.links)

    @property
    def link_recall(self) -> float | None:
        """The share of the true links that was said."""
        return ratio(self.found_links, self.true_links)

    @property
    def clear_link_recall(self) -> float | None:
        """The same, of the links that a tape can tell."""
        return ratio(self.found_clear_links, self.clear_links)

    @property
    def maker_share(self) -> float | None:
        """The share of the wrong links that join quotes of one maker."""
        return ratio(self.maker_links, self.links - self.right_links)

    @property
    def chain_right(self) -> float | None:
        """The share of chains without a wrong link."""
        return ratio(self.right_chains, self.chains)

    @property
    def chain_mostly(self) -> float | None:
        """The share of chains made mostly of iceberg orders."""
        return ratio(self.mostly_chains, self.chains)

    @property
    def parent_recall(self) -> float | None:
        """The share of parents found."""
        return ratio(self.found_parents, self.parents)

    @property
    def volume_precision(self) -> float | None:
        """The share of the volume said that is right."""
        return ratio(self.right_volume, self.volume)

    @property
    def volume_recall(self) -> float | None:
        """The share of the true volume that was said."""
        return ratio(self.found_volume, self.true_volume)


def ratio(part: float, whole: float) -> float | None:
    """A share, or None of nothing."""
    return part / whole if whole else None


def score_icebergs(
    detected: Iterable[DetectedIceberg],
    truth: IcebergTruth,
    *,
    kinds: Collection[IcebergKind] = ("native", "synthetic", "same_event"),
    min_tranches: int = 2,
    size_scale: float = 1.0,
) -> IcebergScores:
    """Compare detected icebergs with the truth. O(detections + truth).

    ``kinds`` are those that the detector is to find: recall counts only these; a right link of another kind is still
    right. A parent counts from ``min_tranches`` displays; with 1 also those that never showed a second one, which
    nobody can find. ``size_scale`` turns lots into the sizes of the detections (``10**size_exponent`` of the tape).

    Raises:
        ValueError: ``min_tranches`` below 1.

    >>> from types import SimpleNamespace
    >>> from orderbook.testing.icebergs.simulate import IcebergMarket, simulate_icebergs
    >>> truth = simulate_icebergs(IcebergMarket(seconds=60, synthetic=3600), seed=1).truth
    >>> link = truth.links[0]
    >>> said = SimpleNamespace(order_ids=(link.prev_id, 7), links=((link.prev_id, link.order_id), (1, 7)), executed=1)
    >>> scores = score_icebergs([said], truth)
    >>> scores.link_precision, scores.chain_right, scores.found_parents
    (0.5, 0.0, 1)
    """
    if min_tranches < 1:
        raise ValueError(f"min_tranches is at least 1, not {min_tranches!r}")
    said = list(detected)
    links = Counter((int(a), int(b)) for iceberg in said for a, b in iceberg.links)
    true = Counter((link.prev_id, link.order_id) for link in truth.links)
    makers = {(link.prev_id, link.order_id) for link in truth.maker_links}
    wanted = _found(links, [link for link in truth.links if link.kind in kinds])
    clear = [found for link, found in wanted if not link.twin]
    pairs = set(true)
    touched = _touched(said, truth, pairs)
    parents = [iceberg for iceberg in truth.of(*kinds) if iceberg.tranches >= min_tranches]
    found = [iceberg.iceberg_id in touched for iceberg in parents]
    return IcebergScores(
        links=links.total(),
        right_links=(links & true).total(),
        true_links=len(wanted),
        found_links=sum(found for _, found in wanted),
        clear_links=len(clear),
        found_clear_links=sum(clear),
        maker_links=sum(count for pair, count in links.items() if pair in makers),
        chains=len(said),
        right_chains=sum(_is_right(iceberg, truth, pairs) for iceberg in said),
        mostly_chains=sum(_is_mostly(iceberg, truth) for iceberg in said),
        parents=len(parents),
        found_parents=sum(found),
        **_volumes(said, parents, truth, size_scale),
        by_latency=_buckets(LATENCIES, wanted, lambda link: link.latency),
        by_peak=_buckets(PEAKS, list(zip(parents, found, strict=True)), lambda iceberg: iceberg.peak),
        by_tranches=_buckets(TRANCHES, list(zip(parents, found, strict=True)), lambda iceberg: iceberg.tranches),
        base=truth.base,
    )


def _found(links: Counter[tuple[int, int]], true: list[TrueLink]) -> list[tuple[TrueLink, bool]]:
    """Which true links were said; of several refills of one order as many as were said, the first ones first."""
    left = Counter(links)
    out = []
    for link in true:
        pair = (link.prev_id, link.order_id)
        out.append((link, left[pair] > 0))
        left[pair] -= 1
    return out


def _touched(said: list[DetectedIceberg], truth: IcebergTruth, true: set[tuple[int, int]]) -> set[int]:
    """The true icebergs of which something right was said."""
    touched = set()
    for iceberg in said:
        right = [a for a, b in iceberg.links if (a, b) in true]
        # Without any link it was found by a fill beyond the display: then the order itself is what was said.
        touched |= {_owner(truth, a) for a in (right if iceberg.links else iceberg.order_ids)}
    return touched - {0}


def _owner(truth: IcebergTruth, order_id: int) -> int:
    order = truth.orders.get(int(order_id))
    return order.iceberg_id if order is not None else 0


def _is_right(iceberg: DetectedIceberg, truth: IcebergTruth, true: set[tuple[int, int]]) -> bool:
    """Every link is true; without one (a fill beyond the display, and gone) the orders are an iceberg's."""
    if iceberg.links:
        return all((a, b) in true for a, b in iceberg.links)
    return all(_owner(truth, order_id) for order_id in iceberg.order_ids)


def _is_mostly(iceberg: DetectedIceberg, truth: IcebergTruth) -> bool:
    owned = sum(_owner(truth, order_id) > 0 for order_id in iceberg.order_ids)
    return 2 * owned > len(iceberg.order_ids)


def _volumes(
    said: list[DetectedIceberg], parents: list[TrueIceberg], truth: IcebergTruth, size_scale: float
) -> dict[str, float]:
    """Executed size that was said, how much of it is right, what the parents traded, and how much of that was said."""
    right = 0.0
    for iceberg in said:
        orders = (truth.orders[order_id] for order_id in set(iceberg.order_ids) if _owner(truth, order_id))
        right += min(iceberg.executed, sum(order.executed for order in orders) * size_scale)
    covered = {order_id for iceberg in said for order_id in iceberg.order_ids}
    ids = {order_id for parent in parents for order_id in parent.order_ids}
    return {
        "volume": float(sum(iceberg.executed for iceberg in said)),
        "right_volume": right,
        "true_volume": sum(truth.orders[order_id].executed for order_id in ids) * size_scale,
        "found_volume": sum(truth.orders[order_id].executed for order_id in ids & covered) * size_scale,
    }


def _buckets(lows: tuple[int, ...], items: list[tuple[T, bool]], key: Callable[[T], int]) -> tuple[RecallBucket, ...]:
    """Count and found from each lower bound up to the next."""
    ends = [*lows[1:], None]
    out = []
    for low, end in zip(lows, ends, strict=True):
        inside = [found for item, found in items if low <= key(item) and (end is None or key(item) < end)]
        out.append(RecallBucket(low, len(inside), sum(inside)))
    return tuple(out)
