"""Learning curves: loss and accuracy over the epochs, on training and on validation rows.

Pure module of the reporting stage; the data come from the training's history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.reporting.style import (
    MUTED,
    TRAINING,
    VALIDATION,
    count_on,
    new_axes,
    say_count,
    say_metric,
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
UNITS = {"loss": "loss (cross-entropy, nats)", "accuracy": "accuracy (share of rows)"}
MAX_MARKED_EPOCHS = 15  # past that dots only thicken the line
# Overfitting is said where the validation loss ends this much above its least value: its last three
# epochs together, because one epoch alone wavers by a tenth on a few hundred rows.
OVERFITTING_RATIO = 1.25
N_LAST_EPOCHS = 3


@styled
def plot_learning_curve(
    data: pd.DataFrame, measure: str, model: str, ax: Axes | None = None
) -> Axes:
    """Lines: one measure over the epochs, on training and validation rows.

    Parameters
    ----------
    data : DataFrame
        Columns ``epoch`` (from 1), ``part`` (training, validation), ``measure``, ``value``; both
        measures, because the best epoch is that of the least validation loss.
    measure : {"loss", "accuracy"}
    model : str
        The candidate's name.
    ax : Axes, optional

    Returns
    -------
    Axes
        The best epoch is marked where there are validation rows.
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
    ax.set_xlabel("epoch")
    ax.set_ylabel(UNITS.get(measure, measure))
    count_on(ax.xaxis)
    ax.margins(x=0.03)
    if measure == "loss":
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


def _say_level(rows: pd.DataFrame, measure: str, best: int | None) -> str:
    """Say the value at the best epoch, or at the last one without validation rows."""
    part = "training" if best is None else "validation"
    line = rows[rows["part"] == part]
    at = line[line["epoch"] == (line["epoch"].max() if best is None else best)]
    if at.empty:
        return f"{say_metric(measure)} over the epochs"
    value = say_score(measure, float(at["value"].iloc[0]))
    when = "last" if best is None else "best"
    return f"{value} {part} {say_metric(measure)} at the {when} epoch"


def _say_course(data: pd.DataFrame) -> str:
    n_epochs = int(data["epoch"].max())
    best = find_best_epoch(data)
    epochs = say_count(n_epochs, "epoch")
    if best is None:
        return f"{epochs} of training, without validation rows to compare with"
    losses = data[(data["measure"] == "loss") & (data["part"] == "validation")]
    after = losses[losses["epoch"] > best]["value"].tail(N_LAST_EPOCHS)
    if float(after.median()) > OVERFITTING_RATIO * float(losses["value"].min()):
        return f"overfits after epoch {best} of {n_epochs}"
    if best == n_epochs and n_epochs > 1:
        return f"still improves in the last of {epochs}"
    return f"validation loss levels off at epoch {best} of {n_epochs}"
