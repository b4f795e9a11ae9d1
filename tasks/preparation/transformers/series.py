"""STUB to be replaced: series."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class FillInTime(Transformer):
    """STUB."""

    KEY = "fill_in_time"

    def __init__(self, columns: Any = None, time: Any = None, by: Any = None, max_gap: Any = None, indicator: Any = None) -> None:
        self.columns = columns
        self.time = time
        self.by = by
        self.max_gap = max_gap
        self.indicator = indicator

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError


class RegularGrid(Transformer):
    """STUB."""

    KEY = "regular_grid"

    def __init__(self, time: Any = None, every: Any = None) -> None:
        self.time = time
        self.every = every

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
