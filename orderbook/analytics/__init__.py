"""Measures of books, trades and orders: from the spread to icebergs, each defined, sourced and proven on numbers.

Functions take a book (or a :class:`orderbook.Depth`) and answer with a float, a record, or None where it is undefined.
Classes are estimators that need history: ``update(...)`` them, read ``value``. The same measures on arrays are in
:mod:`orderbook.analytics.arrays`, icebergs in :mod:`orderbook.analytics.icebergs`. Plus is buy pressure, everywhere.

>>> from orderbook import L2Book, analytics
>>> book = L2Book()
>>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15), ("100.03", 5)])
>>> analytics.spread(book, "ticks", tick=0.01), analytics.imbalance(book), analytics.sweep(book, "buy", 20).avg
(2.0, -0.5, 100.0225)
"""

from __future__ import annotations

from orderbook.analytics.conduct import (
    ImbalanceAround,
    Indicator,
    fleeting_share,
    imbalance_around,
    layering_indicator,
    strategic_runs_indicator,
)
from orderbook.analytics.cost import (
    Answer,
    Sweep,
    level_vwap,
    price_for_qty,
    qty_for_price,
    qty_to_move,
    sweep,
)
from orderbook.analytics.depth import (
    DepthWithin,
    Slope,
    depth_within,
    slope,
)
from orderbook.analytics.flow import (
    OFI,
    TradeFlow,
)
from orderbook.analytics.grids import (
    DepthCurve,
    Envelope,
    GridAggregate,
    GridSide,
    HeatmapGrid,
    LadderRow,
    PanelLike,
    depth_curve,
    envelope,
    heatmap_grid,
    ladder_rows,
    price_step,
)
from orderbook.analytics.imbalance import (
    imbalance,
    imbalance_weighted,
    imbalance_within,
)
from orderbook.analytics.impact import (
    EffectiveSpread,
    KyleLambda,
    RealisedSpread,
    SpreadMeans,
)
from orderbook.analytics.lifetimes import (
    Exit,
    FillTable,
    Lifetimes,
    OrderKind,
    OrderLives,
    Risks,
    empirical_fill_table,
    order_kinds,
    order_lifetimes,
)
from orderbook.analytics.liquidity import (
    Liquidity,
    LiquidityScore,
    round_trip_bps,
)
from orderbook.analytics.messages import (
    Burst,
    CancelledImbalance,
    MessageStats,
    MessageSummary,
    cancel_ratio,
    cancelled_volume_imbalance,
    message_burst,
    order_to_trade,
)
from orderbook.analytics.microprice import (
    MicropriceDiagnostics,
    MicropriceModel,
    Wide,
    microprice,
)
from orderbook.analytics.prices import (
    book_state,
    depth_price,
    effective_vamp,
    mid,
    spread,
    vamp,
    weighted_mid,
)
from orderbook.analytics.queueing import (
    HiddenPolicy,
    QueueEstimator,
    QueuePosition,
    QueueVolumes,
    fill_before_move,
    queue_fill_prob,
    queue_fill_time,
)
from orderbook.analytics.resilience import (
    Recovery,
    Resilience,
)
from orderbook.analytics.rolling import (
    LatencyTracker,
    MidHistory,
    Returns,
    Rolling,
)
from orderbook.analytics.survival import (
    CumulativeIncidence,
    SurvivalCurve,
    cumulative_incidence,
    kaplan_meier,
)
from orderbook.analytics.tape import (
    Clock,
    EventBy,
    EventColumns,
    LiveOrder,
    OrderRows,
    OrderTape,
    Trades,
    trades_of,
)
from orderbook.analytics.vpin import (
    VPIN,
)
from orderbook.analytics.walls import (
    Wall,
    large_levels,
    walls,
)

__all__ = (
    "OFI",
    "VPIN",
    "Answer",
    "Burst",
    "CancelledImbalance",
    "Clock",
    "CumulativeIncidence",
    "DepthCurve",
    "DepthWithin",
    "EffectiveSpread",
    "Envelope",
    "EventBy",
    "EventColumns",
    "Exit",
    "FillTable",
    "GridAggregate",
    "GridSide",
    "HeatmapGrid",
    "HiddenPolicy",
    "ImbalanceAround",
    "Indicator",
    "KyleLambda",
    "LadderRow",
    "LatencyTracker",
    "Lifetimes",
    "Liquidity",
    "LiquidityScore",
    "LiveOrder",
    "MessageStats",
    "MessageSummary",
    "MicropriceDiagnostics",
    "MicropriceModel",
    "MidHistory",
    "OrderKind",
    "OrderLives",
    "OrderRows",
    "OrderTape",
    "PanelLike",
    "QueueEstimator",
    "QueuePosition",
    "QueueVolumes",
    "RealisedSpread",
    "Recovery",
    "Resilience",
    "Returns",
    "Risks",
    "Rolling",
    "Slope",
    "SpreadMeans",
    "SurvivalCurve",
    "Sweep",
    "TradeFlow",
    "Trades",
    "Wall",
    "Wide",
    "book_state",
    "cancel_ratio",
    "cancelled_volume_imbalance",
    "cumulative_incidence",
    "depth_curve",
    "depth_price",
    "depth_within",
    "effective_vamp",
    "empirical_fill_table",
    "envelope",
    "fill_before_move",
    "fleeting_share",
    "heatmap_grid",
    "imbalance",
    "imbalance_around",
    "imbalance_weighted",
    "imbalance_within",
    "kaplan_meier",
    "ladder_rows",
    "large_levels",
    "layering_indicator",
    "level_vwap",
    "message_burst",
    "microprice",
    "mid",
    "order_kinds",
    "order_lifetimes",
    "order_to_trade",
    "price_for_qty",
    "price_step",
    "qty_for_price",
    "qty_to_move",
    "queue_fill_prob",
    "queue_fill_time",
    "round_trip_bps",
    "slope",
    "spread",
    "strategic_runs_indicator",
    "sweep",
    "trades_of",
    "vamp",
    "walls",
    "weighted_mid",
)
