"""The JSON documents of mining: figures rounded alike, written alike, so that a retry gives the same bytes.

Used by the steps of all kinds.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

SIGNIFICANT_DIGITS = 6  # more would be noise, and differ from machine to machine


def round_figure(value: float) -> float:
    """Round to six significant digits.

    Examples
    --------
    >>> round_figure(0.123456789), round_figure(1234567.8)
    (0.123457, 1234570.0)
    """
    return float(f"{float(value):.{SIGNIFICANT_DIGITS}g}")


def round_or_none(value: float | None) -> float | None:
    """Round to six significant digits; what is no number becomes None, which JSON has.

    Examples
    --------
    >>> round_or_none(1 / 3), round_or_none(float("nan")), round_or_none(None)
    (0.333333, None, None)
    """
    return None if value is None or not math.isfinite(value) else round_figure(value)


def round_figures(value: Any) -> Any:
    """Round every float inside mappings and lists; what is not finite becomes None.

    Examples
    --------
    >>> round_figures({"a": [1 / 3, float("nan")], "n": 7})
    {'a': [0.333333, None], 'n': 7}
    """
    if isinstance(value, dict):
        return {key: round_figures(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [round_figures(inner) for inner in value]
    return round_or_none(value) if isinstance(value, float) else value


def write_document(document: Any, path: Path) -> None:
    """Write a JSON document, figures as they are.

    Raises
    ------
    ValueError
        When a figure is not finite: what is not defined is None.
    """
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text, encoding="utf-8")
