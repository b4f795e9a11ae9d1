"""Training history: loss and accuracy or error over the epochs, on training and on validation rows.

Pure module of the reporting stage; the data come from the training's history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.reporting.style import (
    MUTED,
    TRAINING,
    VALIDATION,
    WRONG,
    count_on,
    new_axes,
    say_count,
    say_metric,
    say_number,
    say_score,
    set_headline,
    set_legend,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PART_COLOURS = {"training": TRAINING, "validation": VALIDATION}
UNITS = {
    "loss": "loss (cross-entropy, nats)",
    "accuracy": "accuracy (share of rows)",
    # Of numbers and series, which networks learn standardised.
    "squared_loss": "loss (MSE, standardised)",
    "mae": "MAE (standardised)",
}
MAX_MARKED_EPOCHS = 15  # past that dots only thicken the line
# Overfitting is said where the validation loss ends this much above its least value: its last three
# epochs together, because one epoch alone wavers by a tenth on a few hundred rows.
OVERFITTING_RATIO = 1.25
N_LAST_EPOCHS = 3


@styled
def plot_training_history(
    data: pd.DataFrame, measure: str, model: str, ax: Axes | None = None
) -> Axes:
    """Lines: one measure over the epochs, on training and validation rows.

    Parameters
    ----------
    data : DataFrame
        Columns ``epoch`` (from 1), ``part`` (training, validation), ``measure``, ``value``; both
        measures, because the best epoch is that of the least validation loss.
    measure : {"loss", "accuracy", "mae"}
    model : str
        The candidate's name.
    ax : Axes, optional

    Returns
    -------
    Axes
        The best epoch is marked where there are validation rows, and what comes after it is shaded
        where the network overfits.
    """
    ax = new_axes(ax)
    rows = data[data["measure"] == measure]
    for part, colour in PART_COLOURS.items():
        line = rows[rows["part"] == part]
        if line.empty:
            continue
        marker = "o" if len(line) <= MAX_MARKED_EPOCHS else None
        ax.plot(
            line["epoch"], line["value"], color=colour, label=part, marker=marker, markersize=4.5
        )
    best = find_best_epoch(data)
    if best is not None:
        ax.axvline(
            best,
            color=MUTED,
            linewidth=1.2,
            linestyle=(0, (4, 3)),
            zorder=1,
            label=f"best epoch ({best})",
        )
    if best is not None and is_overfitting(data):
        last = int(data["epoch"].max())
        ax.axvspan(best, last, color=WRONG, alpha=0.14, lw=0, zorder=0, label="overfitting")
    ax.set_xlabel("epoch")
    is_squared = measure == "loss" and "mae" in set(data["measure"])
    ax.set_ylabel(UNITS["squared_loss"] if is_squared else UNITS.get(measure, measure))
    count_on(ax.xaxis)
    ax.margins(x=0.03)
    if measure != "accuracy":
        ax.set_ylim(bottom=0)
    set_legend(ax)
    course = _say_course(data) if measure == "loss" else _say_level(rows, measure, best)
    set_headline(ax, f"{shorten(model)}: {course}")
    return ax


def find_best_epoch(data: pd.DataFrame) -> int | None:
    """Find the epoch with the least validation loss; None without validation rows."""
    losses = data[(data["measure"] == "loss") & (data["part"] == "validation")]
    losses = losses.dropna(subset=["value"]).sort_values(["value", "epoch"])
    return None if losses.empty else int(losses["epoch"].iloc[0])


def is_overfitting(data: pd.DataFrame) -> bool:
    """Whether the validation loss turns up after the best epoch, and ends clearly above its least value."""
    best = find_best_epoch(data)
    if best is None:
        return False
    losses = data[(data["measure"] == "loss") & (data["part"] == "validation")]
    after = losses[losses["epoch"] > best]["value"].tail(N_LAST_EPOCHS)
    return float(after.median()) > OVERFITTING_RATIO * float(losses["value"].min())


def find_gap(data: pd.DataFrame, measure: str, epoch: int) -> float | None:
    """Find how far validation lies above training at an epoch; None without both."""
    at = data[(data["measure"] == measure) & (data["epoch"] == epoch)].dropna(subset=["value"])
    values = dict(zip(at["part"], at["value"], strict=True))
    if not {"training", "validation"} <= values.keys():
        return None
    return float(values["validation"] - values["training"])


def _say_level(rows: pd.DataFrame, measure: str, best: int | None) -> str:
    """Say the value at the best epoch, or at the last one without validation rows."""
    part = "training" if best is None else "validation"
    line = rows[rows["part"] == part]
    at = line[line["epoch"] == (line["epoch"].max() if best is None else best)]
    if at.empty:
        return f"{say_metric(measure)} over the epochs"
    value = say_score(measure, float(at["value"].iloc[0]))
    if best is None:
        return f"{value} training {say_metric(measure)} at the last epoch"
    gap = find_gap(rows, measure, best)
    return f"{value} validation {say_metric(measure)} at the best epoch{_say_gap(measure, gap)}"


def _say_gap(measure: str, gap: float | None) -> str:
    if gap is None:
        return ""
    size = f"{abs(gap) * 100:.1f} points" if measure == "accuracy" else say_number(abs(gap))
    return f", {size} {'above' if gap > 0 else 'below'} training"


def _say_course(data: pd.DataFrame) -> str:
    n_epochs = int(data["epoch"].max())
    best = find_best_epoch(data)
    epochs = say_count(n_epochs, "epoch")
    if best is None:
        return f"{epochs} of training, without validation rows to compare with"
    if is_overfitting(data):
        return f"overfits after epoch {best} of {n_epochs}"
    if best == n_epochs and n_epochs > 1:
        return f"still improves in the last of {epochs}"
    return f"validation loss levels off at epoch {best} of {n_epochs}"
