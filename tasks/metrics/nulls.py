"""Figures in documents: JSON has no NaN.

Pure function of ``tasks.metrics``, for whoever writes figures down.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def to_nulls(document: Any) -> Any:
    """Copy a document of figures with null for what is no number: JSON has no NaN."""
    if isinstance(document, Mapping):
        return {key: to_nulls(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [to_nulls(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document
