"""Volume-synchronised measures of trade flow: buckets of equal volume, and bulk classification."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import as_count, as_positive
from orderbook.analytics.arrays._rows import NAN, Array, Floats, as_row
from orderbook.analytics.arrays._windows import as_signs, as_sizes

__all__ = ("VpinBuckets", "bvc", "vpin", "vpin_bvc")

_SLACK: Final = 1e-9
"""The share of a bucket that may be missing when it is called full: 0.1 added ten times is not 1."""


class VpinBuckets(NamedTuple):
    """What :func:`vpin` and :func:`vpin_bvc` return: one entry a full bucket, (K,) each."""

    value: Floats
    """VPIN: the mean imbalance of this bucket and the n - 1 before it; NaN for the first n - 1."""
    imbalance: Floats
    """abs(bought - sold) / volume of the bucket."""
    end: npt.NDArray[np.int64]
    """Row of the trade that filled the bucket: ``ts[end]`` is when its value was known."""


def vpin(side: npt.ArrayLike, size: npt.ArrayLike, bucket: float, n: int = 50) -> VpinBuckets:
    """Return the volume-synchronised probability of informed trading, from the aggressors' sides.

    Trades fill buckets of ``bucket`` volume one after another, and are split where they cross from one to the next;
    the last bucket is dropped unless it is full. The value is the mean of ``abs(bought - sold) / bucket`` over ``n``
    buckets. Volume of unknown side (0) fills a bucket and counts on neither side. O(T + K n), no loop.
    Source: Easley, Lopez de Prado and O'Hara (2012), Review of Financial Studies 25(5), 1457-1493.

    Pitfall: Andersen and Bondarenko (CREATES 2013-42 and 2013-43) find that VPIN from accurate signs behaves
    oppositely to VPIN from bulk classification, and has no predictive power beyond volume and volatility.

    Raises:
        ValueError: ``bucket`` or ``n`` is not above 0, a sign or size is none, or the lengths differ.

    >>> vpin([1, -1, 1, 1, -1, -1], [4, 2, 6, 3, 5, 4], bucket=8, n=3)
    VpinBuckets(value=array([ nan,  nan, 0.75]), imbalance=array([0.5 , 0.75, 1.  ]), end=array([2, 4, 5]))
    """
    signs, sizes, volume = as_signs(side), as_sizes(size), as_positive(bucket, "bucket")
    _same_length(side=signs, size=sizes)
    filled = np.concatenate([[0.0], np.cumsum(sizes)])
    net = np.concatenate([[0.0], np.cumsum(signs * sizes)])
    edges, end = _buckets(filled, volume)
    # Within a trade the net volume grows evenly, so a trade across an edge is split in proportion.
    bought_less_sold = np.diff(np.interp(edges, filled, net))
    return _rolled(np.abs(bought_less_sold) / volume, end, n)


def vpin_bvc(price: npt.ArrayLike, size: npt.ArrayLike, bucket: float, sigma: float, n: int = 50) -> VpinBuckets:
    """Return VPIN without signs: each bucket is split into bought and sold by :func:`bvc`.

    The price change of a bucket is that between the trades that filled it and the bucket before (the first counts
    from the first trade). ``sigma`` is the standard deviation of such changes, in price; take it from an earlier
    period, for from the same rows it would have seen the future. O(T + K n). Source: see :func:`vpin`, whose pitfall
    weighs more here: use signs where the feed has them.

    Raises:
        ValueError: ``bucket``, ``sigma`` or ``n`` is not above 0, a size is none, or the lengths differ.

    >>> vpin_bvc([100.00, 100.02, 100.01, 100.01], [4, 4, 8, 8], bucket=8, sigma=0.02, n=3).value.round(6)
    array([     nan,      nan, 0.355205])
    """
    prices, sizes, volume = np.asarray(price, np.float64), as_sizes(size), as_positive(bucket, "bucket")
    deviation = as_positive(sigma, "sigma")
    _same_length(price=prices, size=sizes)
    _, end = _buckets(np.concatenate([[0.0], np.cumsum(sizes)]), volume)
    with np.errstate(all="ignore"):
        changes = np.diff(np.concatenate([prices[:1], prices[end]])) if len(end) else np.zeros(0)
    bought = bvc(changes, deviation, 1.0)
    return _rolled(np.abs(2 * bought - 1), end, n)


def bvc(change: npt.ArrayLike, sigma: npt.ArrayLike, volume: npt.ArrayLike) -> Floats:
    """Return the bought volume of each bucket by bulk volume classification: ``volume * Phi(change / sigma)``, (K,).

    ``change`` (K,) is the price change over a bucket, ``sigma`` the standard deviation of such changes and ``volume``
    the bucket's, each a number or one a bucket. What is left of the volume was sold. NaN where sigma is not above 0.
    O(K). Source: Easley, Lopez de Prado and O'Hara (2012).

    Pitfall: a guess for tapes without signs; Andersen and Bondarenko (2013) find it worse than the tick rule.

    Raises:
        ValueError: the lengths differ.

    >>> bvc([0.02, -0.01, 0], 0.02, 8).round(6)
    array([6.730758, 2.4683  , 4.      ])
    """
    changes = np.atleast_1d(np.asarray(change, np.float64))
    rows = len(changes)
    deviations = as_row(sigma, rows, "sigma")
    with np.errstate(all="ignore"):
        scores = np.divide(changes, deviations, out=np.full(rows, NAN), where=deviations > 0)
    # numpy has no erf. Buckets are few (trades are many), so the exact one of the C library, called for each, is
    # cheaper than the error of an approximation; erfc keeps its digits in the lower tail, where 1 + erf loses them.
    shares = np.array([math.erfc(score) / 2 for score in (scores * -math.sqrt(0.5)).tolist()])
    bought: Floats = as_row(volume, rows, "volume") * shares
    return bought


def _same_length(**arrays: Array) -> None:
    if len({values.shape for values in arrays.values()}) != 1:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
        raise ValueError(f"one value a trade is needed of each, not {shapes}")


def _buckets(filled: Floats, volume: float) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The edges of the full buckets in cumulative volume, from 0, and the row of the trade that filled each."""
    count = int(filled[-1] / volume + _SLACK)
    edges: Floats = volume * np.arange(count + 1, dtype=np.float64)
    end = np.searchsorted(filled, edges[1:] - volume * _SLACK, side="left") - 1
    return edges, end.astype(np.int64)


def _rolled(imbalance: Floats, end: npt.NDArray[np.int64], n: int) -> VpinBuckets:
    window = as_count(n, "n")
    imbalance = np.minimum(imbalance, 1.0)  # the last bit of a sum may stand above
    value = np.full(len(imbalance), NAN)
    if len(imbalance) >= window:
        value[window - 1 :] = np.lib.stride_tricks.sliding_window_view(imbalance, window).mean(axis=1)
    return VpinBuckets(value, imbalance, end)
