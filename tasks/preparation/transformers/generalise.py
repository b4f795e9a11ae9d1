"""STUB to be replaced: generalise."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class GeneraliseColumns(Transformer):
    """STUB."""

    KEY = "generalise"

    def __init__(self, columns: Any = None, width: Any = None, period: Any = None, length: Any = None) -> None:
        self.columns = columns
        self.width = width
        self.period = period
        self.length = length

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError


class MaskColumns(Transformer):
    """STUB."""

    KEY = "mask"

    def __init__(self, columns: Any = None, keep: Any = None, n: Any = None) -> None:
        self.columns = columns
        self.keep = keep
        self.n = n

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError


class MergeRareCategories(Transformer):
    """STUB."""

    KEY = "merge_rare"

    def __init__(self, columns: Any = None) -> None:
        self.columns = columns

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
