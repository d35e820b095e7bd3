"""The measures on arrays: (T, N) depth in, one value a row out, undefined is NaN.

Arguments come in the order ``bid_px, bid_sz, ask_px, ask_sz``; column 0 is the best level, an absent level is NaN with
size 0 at the right end, as in :class:`orderbook.Panel`. ``reset`` (T,) marks rows that do not continue the row before.
Everything is vectorised and evaluated in blocks of rows that fit in a cache: no function loops over rows in Python, or
has more than a few blocks of memory beside its result.

>>> import numpy as np
>>> from orderbook.analytics import arrays
>>> bid_sz, ask_sz = np.array([[5.0, 10.0], [4.0, 0.0]]), np.array([[15.0, 5.0], [0.0, 0.0]])
>>> arrays.imbalance(bid_sz, ask_sz, depth=2)
array([-0.14285714,         nan])
"""

from __future__ import annotations

from orderbook.analytics.arrays.buckets import (
    VpinBuckets,
    bvc,
    vpin,
    vpin_bvc,
)
from orderbook.analytics.arrays.cost import (
    SWEEP,
    Answers,
    level_vwap,
    liquidity_score,
    price_for_qty,
    qty_for_price,
    qty_to_move,
    round_trip_bps,
    sweep,
)
from orderbook.analytics.arrays.depth import (
    Bands,
    depth_bands,
    depth_slope,
    quote_slope,
    shape_exponent,
    slope_ns,
)
from orderbook.analytics.arrays.flow import (
    IntegratedOFI,
    mlofi,
    mlofi_anchored,
    net_volume,
    ofi,
    ofi_integrated,
    ofi_window,
    trade_imbalance,
)
from orderbook.analytics.arrays.imbalance import (
    imbalance,
    imbalance_weighted,
    imbalance_within,
    imbalance_zscore,
)
from orderbook.analytics.arrays.impact import (
    DollarMean,
    ImpactFit,
    ImpactFits,
    SpreadParts,
    amihud,
    dollar_mean,
    effective_spread,
    kyle_lambda,
    kyle_lambda_rolling,
    mid_change,
)
from orderbook.analytics.arrays.microprice import (
    Edges,
    fit_microprice,
    hidden_depth_from_l1,
    microprice,
    next_mid_change,
    p_up,
)
from orderbook.analytics.arrays.prices import (
    book_state,
    compact,
    depth_price,
    effective_vamp,
    mid,
    spread,
    time_weighted_mean,
    to_ticks,
    vamp,
    weighted_mid,
)
from orderbook.analytics.arrays.recovery import (
    ResilienceCurves,
    band_resilience,
    resilience,
    touch_shocks,
)
from orderbook.analytics.arrays.walls import (
    persistent_walls,
    robust_walls,
)

__all__ = (
    "SWEEP",
    "Answers",
    "Bands",
    "DollarMean",
    "Edges",
    "ImpactFit",
    "ImpactFits",
    "IntegratedOFI",
    "ResilienceCurves",
    "SpreadParts",
    "VpinBuckets",
    "amihud",
    "band_resilience",
    "book_state",
    "bvc",
    "compact",
    "depth_bands",
    "depth_price",
    "depth_slope",
    "dollar_mean",
    "effective_spread",
    "effective_vamp",
    "fit_microprice",
    "hidden_depth_from_l1",
    "imbalance",
    "imbalance_weighted",
    "imbalance_within",
    "imbalance_zscore",
    "kyle_lambda",
    "kyle_lambda_rolling",
    "level_vwap",
    "liquidity_score",
    "microprice",
    "mid",
    "mid_change",
    "mlofi",
    "mlofi_anchored",
    "net_volume",
    "next_mid_change",
    "ofi",
    "ofi_integrated",
    "ofi_window",
    "p_up",
    "persistent_walls",
    "price_for_qty",
    "qty_for_price",
    "qty_to_move",
    "quote_slope",
    "resilience",
    "robust_walls",
    "round_trip_bps",
    "shape_exponent",
    "slope_ns",
    "spread",
    "sweep",
    "time_weighted_mean",
    "to_ticks",
    "touch_shocks",
    "trade_imbalance",
    "vamp",
    "vpin",
    "vpin_bvc",
    "weighted_mid",
)
