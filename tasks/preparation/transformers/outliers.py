"""STUB to be replaced: outliers."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class Clip(Transformer):
    """STUB."""

    KEY = "clip"

    def __init__(self, columns: Any = None, min: Any = None, max: Any = None) -> None:
        self.columns = columns
        self.min = min
        self.max = max

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError


class Outliers(Transformer):
    """STUB."""

    KEY = "outliers"

    def __init__(self, columns: Any = None, by: Any = None, factor: Any = None, quantiles: Any = None, action: Any = None) -> None:
        self.columns = columns
        self.by = by
        self.factor = factor
        self.quantiles = quantiles
        self.action = action

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
