"""STUB to be replaced: images."""

from __future__ import annotations

from typing import Any

from tasks.preparation.transformer import Transformed, Transformer


class CheckImages(Transformer):
    """STUB."""

    KEY = "check_images"

    def __init__(self, column: Any = None, min_contrast: Any = None) -> None:
        self.column = column
        self.min_contrast = min_contrast

    def transform(self, frame: Any, folds: Any = None) -> Transformed:
        raise NotImplementedError
