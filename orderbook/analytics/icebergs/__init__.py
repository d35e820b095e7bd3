"""Orders that show a part of themselves: what a feed proves, what it suggests, and how sure one can be.

Native icebergs keep their order id and are proven (:class:`NativeIcebergs`); venues that give each tranche a new id
inside one match event are nearly so (:class:`SameEventIcebergs`); prints beyond what was displayed prove hidden volume,
not whose (:class:`HiddenPrints`). Synthetic icebergs, sliced by somebody's software, are a guess with a stated chance
level (:class:`SyntheticIcebergs`); what L2 data can tell is a screen and says so (:class:`L2IcebergScreen`). Each
detection carries ``known_at``, the time of the row that revealed it; nothing is ever back-dated.
"""

from __future__ import annotations

from orderbook.analytics.icebergs.heuristics import (
    Candidate,
    large_vs_neighbours,
    ratio_screen,
    upward_changes,
)
from orderbook.analytics.icebergs.hidden import (
    HiddenPrint,
    HiddenPrints,
)
from orderbook.analytics.icebergs.matching import (
    best_assignment,
)
from orderbook.analytics.icebergs.native import (
    NativeIcebergs,
    icebergs_native,
)
from orderbook.analytics.icebergs.near_far import (
    NearFar,
    calibrate_dt,
    near_far_excess,
)
from orderbook.analytics.icebergs.peak import (
    Peak,
    peak_size,
)
from orderbook.analytics.icebergs.records import (
    ICEBERG_MODES,
    Evidence,
    Iceberg,
    IcebergMode,
    IcebergRule,
    IcebergState,
    PriceSegment,
    Refill,
)
from orderbook.analytics.icebergs.same_event import (
    SameEventIcebergs,
    icebergs_same_event,
)
from orderbook.analytics.icebergs.screen import (
    L2Candidate,
    L2IcebergScreen,
    Replenishment,
    iceberg_screen_l2,
    replenishment,
)
from orderbook.analytics.icebergs.sizes import (
    IcebergSizeModel,
    SizePrediction,
)
from orderbook.analytics.icebergs.synthetic import (
    SyntheticIcebergs,
    chance_level,
    icebergs_synthetic,
)

__all__ = (
    "ICEBERG_MODES",
    "Candidate",
    "Evidence",
    "HiddenPrint",
    "HiddenPrints",
    "Iceberg",
    "IcebergMode",
    "IcebergRule",
    "IcebergSizeModel",
    "IcebergState",
    "L2Candidate",
    "L2IcebergScreen",
    "NativeIcebergs",
    "NearFar",
    "Peak",
    "PriceSegment",
    "Refill",
    "Replenishment",
    "SameEventIcebergs",
    "SizePrediction",
    "SyntheticIcebergs",
    "best_assignment",
    "calibrate_dt",
    "chance_level",
    "iceberg_screen_l2",
    "icebergs_native",
    "icebergs_same_event",
    "icebergs_synthetic",
    "large_vs_neighbours",
    "near_far_excess",
    "peak_size",
    "ratio_screen",
    "replenishment",
    "upward_changes",
)
