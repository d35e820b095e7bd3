"""Icebergs with labels: a made-up market, injection into a real tape, placebos, and the scores of a detector."""

from __future__ import annotations

from orderbook.testing.icebergs.candidates import CandidateScores, score_candidates
from orderbook.testing.icebergs.inject import InjectedIcebergs, inject_icebergs
from orderbook.testing.icebergs.params import IcebergMarket
from orderbook.testing.icebergs.placebo import WindowLink, permuted_sizes, window_links
from orderbook.testing.icebergs.score import IcebergScores, RecallBucket, score_icebergs
from orderbook.testing.icebergs.simulate import SimulatedIcebergs, simulate_icebergs
from orderbook.testing.icebergs.truth import BaseRates, IcebergKind, IcebergTruth, TrueIceberg, TrueLink, TrueOrder

__all__ = (
    "BaseRates",
    "CandidateScores",
    "IcebergKind",
    "IcebergMarket",
    "IcebergScores",
    "IcebergTruth",
    "InjectedIcebergs",
    "RecallBucket",
    "SimulatedIcebergs",
    "TrueIceberg",
    "TrueLink",
    "TrueOrder",
    "WindowLink",
    "inject_icebergs",
    "permuted_sizes",
    "score_candidates",
    "score_icebergs",
    "simulate_icebergs",
    "window_links",
)
