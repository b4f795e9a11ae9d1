"""Learning curve: what the challenger's settings reach on growing shares of the training rows.

Pure module of the reporting stage; the data come from the step ``learning_curve``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tasks.reporting.charts.training_history import PART_COLOURS
from tasks.reporting.style import (
    HEIGHT,
    INK,
    WIDTH,
    new_axes,
    say_count,
    say_metric,
    say_number,
    say_percent,
    say_score,
    set_headline,
    set_legend,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# What the validation error loses per doubling of the rows, as a share of it. Learning curves follow a
# power law (Hestness et al. 2017, arXiv:1712.00409) with exponents of about 0.07 to 0.35, which is 5 to
# 22 % a doubling: 10 % lies in the middle, and 2 % is below what any of them still gained.
STEEP, FLAT = 0.10, 0.02
# Even if no row got worse, k better ones lie only sqrt(k) standard deviations from none (McNemar).
MIN_CHANGED_ROWS = 3.5  # fewer than four
MIN_TICK_DISTANCE = 0.14  # of the axis: closer numbers of rows would overlap


@styled
def plot_learning_curve(
    data: pd.DataFrame,
    measure: str,
    model: str,
    n_validation: int | None = None,
    *,
    noun: str = "row",
    ax: Axes | None = None,
) -> Axes:
    """Lines: score on training and validation rows against the number of training rows.

    Parameters
    ----------
    data : DataFrame
        Columns ``n_rows`` (rising), ``part`` (training, validation), ``value``.
    measure : {"accuracy", "mae"}
    model : str
        The challenger's name.
    n_validation : int, optional
        Validation rows, which say how much of a difference may be chance.
    noun : {"row", "window"}
        What was trained on.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    ax = new_axes(ax, WIDTH, HEIGHT + 0.25)
    factor = 100.0 if measure == "accuracy" else 1.0
    for part, colour in PART_COLOURS.items():
        line = data[data["part"] == part]
        if line.empty:
            continue
        values = line["value"].to_numpy(dtype=np.float64) * factor
        ax.plot(
            line["n_rows"], values, color=colour, marker="o", markersize=5, label=f"{part} {noun}s"
        )
        for n_rows, value, score in zip(line["n_rows"], values, line["value"], strict=True):
            if part == "validation" and math.isfinite(value):
                ax.annotate(
                    say_score(measure, float(score)),
                    (n_rows, value),
                    (0, -7 if measure == "accuracy" else 7),
                    textcoords="offset points",
                    ha="center",
                    va="top" if measure == "accuracy" else "bottom",
                    color=INK,
                    fontsize=9,
                )
    ax.set_xscale("log")
    ticks = _choose_ticks(sorted({int(n) for n in data["n_rows"]}))
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FixedFormatter([f"{n:,}" for n in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.margins(x=0.09, y=0.2)
    ax.locator_params(axis="y", nbins=5)
    ax.set_xlabel(f"training {noun}s (logarithmic)")
    ax.set_ylabel("accuracy (%)" if measure == "accuracy" else "MAE (standardised)")
    set_legend(ax)
    set_headline(ax, f"{shorten(model, 26)}: {say_outlook(data, measure, n_validation, noun)}")
    return ax


def say_outlook(
    data: pd.DataFrame, measure: str, n_validation: int | None = None, noun: str = "row"
) -> str:
    """Say whether more rows would help, by what the last ones brought on validation rows.

    Parameters
    ----------
    data : DataFrame
        As for :func:`plot_learning_curve`.
    measure : {"accuracy", "mae"}
    n_validation : int, optional
    noun : {"row", "window"}

    Returns
    -------
    str

    Notes
    -----
    With the validation errors ``e1`` on ``n1`` rows and ``e2`` on ``n2``, the share lost per doubling
    is ``1 - (e2 / e1) ** (1 / log2(n2 / n1))``; the error of an accuracy is its distance from 1. A
    change in accuracy of fewer than four validation rows, or of less than their binomial standard
    error, is called chance.
    """
    line = data[(data["part"] == "validation") & data["value"].notna()]
    if len(line) < 2:
        missing = "a second point" if len(line) else f"validation {noun}s"
        return f"without {missing} nobody can say whether more data would help"
    (n_before, before), (n_after, after) = (
        (int(n), float(v)) for n, v in line[["n_rows", "value"]].tail(2).to_numpy()
    )
    is_share = measure == "accuracy"
    e1, e2 = (1 - before, 1 - after) if is_share else (before, after)
    course = (
        f"from {n_before:,} to {say_count(n_after, noun)} validation {say_metric(measure)} "
        f"{_say_change(before, after, measure)}"
    )
    if is_share and n_validation:
        n_changed = abs(after - before) * n_validation
        deviation = math.sqrt(max(after * (1 - after), 1e-12) * n_validation)
        if n_changed < max(deviation, MIN_CHANGED_ROWS):
            rows = say_count(n_validation, f"validation {noun}")
            return f"more data may or may not help; {course}, which is within chance on {rows}"
    if e1 <= 0 or e2 < 0:
        return f"no validation error is left for more data to lower; {course}"
    lost = 1 - (e2 / e1) ** (1 / math.log2(n_after / n_before))
    if lost >= STEEP:
        return f"more data would probably help; {course}"
    if lost >= FLAT:
        return f"more data would help a little; {course}"
    return f"more data of this kind would hardly help; {course}"


def _choose_ticks(counts: list[int]) -> list[int]:
    """Choose the counts that an axis has room for, the last one always."""
    width = math.log(counts[-1] / counts[0]) or 1.0
    chosen = [counts[-1]]
    for n in reversed(counts[:-1]):
        if math.log(chosen[-1] / n) >= MIN_TICK_DISTANCE * width:
            chosen.append(n)
    return chosen[::-1]


def _say_change(before: float, after: float, measure: str) -> str:
    if before == after:
        return f"stayed at {say_score(measure, after)}"
    verb = "rose" if after > before else "fell"
    if measure == "accuracy":
        return f"{verb} from {say_percent(before)} to {say_percent(after)}"
    return f"{verb} from {say_number(before)} to {say_number(after)}"
