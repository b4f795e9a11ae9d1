"""STUB to be replaced: calendar."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class CalendarParts(Transformer):
    """STUB."""

    KEY = "calendar"

    def __init__(self, columns: Any = None, parts: Any = None, cyclic: Any = None) -> None:
        self.columns = columns
        self.parts = parts
        self.cyclic = cyclic

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
