"""STUB to be replaced: model_impute."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class ModelImpute(Transformer):
    """STUB."""

    KEY = "model_impute"

    def __init__(self, columns: Any = None, by: Any = None, n_neighbors: Any = None, estimator: Any = None, params: Any = None, indicator: Any = None, seed: Any = None) -> None:
        self.columns = columns
        self.by = by
        self.n_neighbors = n_neighbors
        self.estimator = estimator
        self.params = params
        self.indicator = indicator
        self.seed = seed

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
