"""STUB to be replaced: scale."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class Scale(Transformer):
    """STUB."""

    KEY = "scale"

    def __init__(self, columns: Any = None, to: Any = None, range: Any = None, skip_others: Any = None) -> None:
        self.columns = columns
        self.to = to
        self.range = range
        self.skip_others = skip_others

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
