"""Figures in words: enough digits to tell two models apart, and no more.

Pure function of ``tasks.metrics``; the gate, the command line and the log say figures alike.
"""

from __future__ import annotations

import math


def say_score(value: float | None, *, sign: str = "") -> str:
    """Write a metric's figure for a person.

    Parameters
    ----------
    value : float or None
    sign : {"", "+"}
        ``+`` writes the sign of positive figures too.

    Returns
    -------
    str
        Four decimals, fewer of large figures and more of tiny ones; ``no number`` where there is none.

    Examples
    --------
    >>> say_score(0.97), say_score(35012.4), say_score(0.000012345), say_score(None)
    ('0.9700', '35,012', '1.23e-05', 'no number')
    >>> say_score(0.02, sign="+")
    '+0.0200'
    """
    if value is None or not math.isfinite(value):
        return "no number"
    size = abs(value)
    if 0.0 < size < 1e-2:
        return f"{value:{sign}.3g}"
    n_digits = int(math.log10(size)) + 1 if size >= 10.0 else 1
    return f"{value:{sign},.{max(0, 5 - n_digits)}f}"
