"""STUB to be replaced: encode."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class OneHotEncode(Transformer):
    """STUB."""

    KEY = "one_hot"

    def __init__(self, columns: Any = None, min_rows: Any = None, max_categories: Any = None) -> None:
        self.columns = columns
        self.min_rows = min_rows
        self.max_categories = max_categories

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError


class OrdinalEncode(Transformer):
    """STUB."""

    KEY = "ordinal"

    def __init__(self, columns: Any = None, order: Any = None, min_rows: Any = None) -> None:
        self.columns = columns
        self.order = order
        self.min_rows = min_rows

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError


class TargetEncode(Transformer):
    """STUB."""

    KEY = "target_encode"

    def __init__(self, columns: Any = None, min_rows: Any = None, n_folds: Any = None) -> None:
        self.columns = columns
        self.min_rows = min_rows
        self.n_folds = n_folds

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
