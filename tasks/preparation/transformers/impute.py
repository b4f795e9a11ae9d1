"""STUB to be replaced: impute."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class SimpleImpute(Transformer):
    """STUB."""

    KEY = "impute"

    def __init__(self, columns: Any = None, by: Any = None, value: Any = None, indicator: Any = None) -> None:
        self.columns = columns
        self.by = by
        self.value = value
        self.indicator = indicator

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
