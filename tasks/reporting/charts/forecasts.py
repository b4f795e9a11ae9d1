"""Charts of forecasts: how the error grows with the steps ahead, and forecasts beside what came.

Pure module of the reporting stage; the data come from the evaluation's scores and predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.reporting.charts.scores import CANDIDATE_COLOUR, CHAMPION_COLOUR
from tasks.reporting.forecasts import MEASURED
from tasks.reporting.style import (
    ACCENT,
    HEIGHT,
    INK,
    MUTED,
    QUIET,
    WIDTH,
    count_on,
    new_axes,
    new_figure,
    say_count,
    say_number,
    set_figure_headline,
    set_headline,
    set_legend,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MAX_LINES = 8  # models with a line of their own, the best of them
MAX_MARKED_STEPS = 15  # past that dots only thicken the line
_DASHES: tuple[Any, ...] = ((0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (2, 2)))


@styled
def plot_horizon(
    data: pd.DataFrame, challenger: str, baseline: str | None, ax: Axes | None = None
) -> Axes:
    """Lines: error of every model against the steps ahead.

    Parameters
    ----------
    data : DataFrame
        Columns ``step`` (from 1), ``model``, ``role``, ``label``, ``mse`` (of standardised values). Of
        more than eight models the best are shown, the challenger and the best baseline among them.
    challenger : str
        Its name; its line stands out.
    baseline : str or None
        The best baseline's name; its line comes second.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, WIDTH, HEIGHT + 0.5)
    means = data.groupby("model", sort=False)["mse"].mean().sort_values(kind="stable")
    first = [name for name in (challenger, baseline) if name in means.index]
    shown = [*first, *(str(name) for name in means.index if name not in first)][:MAX_LINES]
    colours = {"candidate": CANDIDATE_COLOUR, "champion": CHAMPION_COLOUR}
    n_others = 0
    for name in shown:
        line = data[data["model"] == name]
        role = str(line["role"].iloc[0])
        is_first = name in first
        style: Any = "-"
        if not is_first and role != "champion":
            style, n_others = _DASHES[n_others % len(_DASHES)], n_others + 1
        ax.plot(
            line["step"],
            line["mse"],
            color=ACCENT if name == challenger else colours.get(role, QUIET),
            linewidth=2.6 if is_first else 1.4,
            linestyle=style,
            marker="o" if is_first and len(line) <= MAX_MARKED_STEPS else None,
            markersize=4.5,
            zorder=3 if is_first else 2,
            label=shorten(line["label"].iloc[0], 30),
        )
    ax.set_ylim(bottom=0)
    ax.margins(x=0.02)
    count_on(ax.xaxis)
    ax.set_xlabel("steps ahead")
    ax.set_ylabel("MSE (standardised)")
    set_legend(ax, n_columns=2)
    set_headline(ax, _say_horizon(data, challenger, baseline))
    return ax


@styled
def plot_forecasts(
    data: pd.DataFrame,
    column: str,
    challenger: str,
    baseline: str | None = None,
    errors: tuple[float, float] | None = None,
    axes: Sequence[Axes] | None = None,
) -> list[Axes]:
    """Lines: a few windows, one below the other, with what came and what was forecast.

    Parameters
    ----------
    data : DataFrame
        Columns ``window`` (from 1), ``time``, ``model`` (``measured`` or a model's name), ``is_ahead``
        and ``value``; a missing value breaks its line.
    column : str
        What is forecast.
    challenger, baseline : str
        Models of the data; the baseline may be missing.
    errors : (float, float), optional
        Mean absolute error of the two over the whole hold-out, in the column's own unit: the message.
    axes : sequence of Axes, optional
        One per window.

    Returns
    -------
    list of Axes
    """
    numbers = sorted(set(data["window"]))
    if axes is None:
        figure = new_figure(WIDTH, 1.15 + 1.55 * len(numbers))
        axes = list(figure.subplots(len(numbers), 1, squeeze=False)[:, 0])
    models = [name for name in (challenger, baseline) if name is not None]
    colours = {MEASURED: INK, challenger: ACCENT, baseline: QUIET}
    for number, ax in zip(numbers, axes, strict=True):
        window = data[data["window"] == number]
        for name in (MEASURED, *models):
            line = window[window["model"] == name].sort_values("time", kind="stable")
            ax.plot(
                line["time"].to_numpy(),
                line["value"].to_numpy(dtype=np.float64),
                color=colours[name],
                linewidth=1.5 if name == MEASURED else 2.2,
                linestyle=_DASHES[0] if name == baseline else "-",
                marker="o" if _count_steps(window) <= MAX_MARKED_STEPS else None,
                markersize=3.5,
                zorder=2 if name == baseline else 3,
                label="what came" if name == MEASURED else shorten(name, 26),
            )
        ahead = window[window["is_ahead"]]["time"]
        ax.axvline(ahead.min(), color=MUTED, linewidth=1, linestyle=_DASHES[1], zorder=1)
        ax.set_title(
            _say_window(window, models), loc="left", fontsize=8.8, fontweight="normal", color=MUTED
        )
        _set_times(ax)
        ax.locator_params(axis="y", nbins=4)
        ax.set_ylabel(shorten(column, 16))
    _set_common_legend(axes)
    root = axes[0].get_figure(root=True)
    if root is not None:
        set_figure_headline(root, _say_errors(column, challenger, baseline, errors))
    return list(axes)


def _set_times(ax: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    ax.margins(x=0.01)


def _set_common_legend(axes: Sequence[Axes]) -> None:
    figure = axes[0].get_figure(root=True)
    if figure is not None:
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=3, handlelength=1.6)


def _count_steps(window: pd.DataFrame) -> int:
    return int(window[window["is_ahead"]]["time"].nunique())


def _say_window(window: pd.DataFrame, models: Sequence[str]) -> str:
    """Say when the forecast begins, and how far the models are off in this window."""
    ahead = window[window["is_ahead"]]
    values = ahead.pivot_table(index="time", columns="model", values="value", dropna=False)
    told = [
        f"{shorten(name, 24)} {say_number(float((values[name] - values[MEASURED]).abs().mean()))}"
        for name in models
        if name in values and MEASURED in values
    ]
    start = str(ahead["time"].min())[:16].removesuffix(" 00:00")
    return f"from {start}; off by: {', '.join(told)}" if told else f"from {start}"


def _say_errors(
    column: str, challenger: str, baseline: str | None, errors: tuple[float, float] | None
) -> str:
    name = shorten(column)
    if errors is None or not np.isfinite(errors[0]):
        return f"{name}: forecasts and what came"
    said = f"{name}: {shorten(challenger, 26)} is off by {say_number(errors[0])} on average"
    if baseline is None or not np.isfinite(errors[1]):
        return said
    return f"{said}, {shorten(baseline, 26)} by {say_number(errors[1])}"


def _say_horizon(data: pd.DataFrame, challenger: str, baseline: str | None) -> str:
    """Say how the challenger's error grows, and at how many steps the best baseline is better."""
    table = data.pivot_table(index="step", columns="model", values="mse", dropna=False)
    name = shorten(challenger, 26)
    if challenger not in table or not np.isfinite(table[challenger]).any():
        return f"{name} has no error by step ahead"
    line = table[challenger].dropna()
    n_steps = len(table)
    if n_steps == 1:
        said = f"{name} has an MSE of {say_number(float(line.iloc[0]))} one step ahead"
    else:
        begin, end = float(line.iloc[0]), float(line.iloc[-1])
        verb = "grows" if end > begin else "goes"
        said = f"{name}: error {verb} from {say_number(begin)} one step ahead to "
        said += f"{say_number(end)} at step {n_steps:,}"
    if baseline is None or baseline not in table:
        return said
    n_lost = int((table[baseline] < table[challenger]).sum())
    other = shorten(baseline, 26)
    if not n_lost:
        return f"{said}, always below {other}" if n_steps > 1 else f"{said}, below {other}"
    if n_lost == n_steps:
        return f"{said}; {other} is always better" if n_steps > 1 else f"{said}; {other} is better"
    return f"{said}; {other} is better at {n_lost:,} of {say_count(n_steps, 'step')}"
