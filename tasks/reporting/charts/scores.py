"""Charts of the evaluation: every model on the same hold-out, and what the challenger confuses.

Pure module of the reporting stage; the data come from the evaluation's scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.reporting.style import (
    ACCENT,
    INK,
    MUTED,
    PALETTE,
    QUIET,
    SEQUENCE,
    WIDTH,
    new_axes,
    say_count,
    say_list,
    say_metric,
    say_percent,
    say_reached,
    say_score,
    set_headline,
    shorten,
    styled,
    tick_numbers,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CHAMPION_COLOUR = PALETTE[1]
TREE_COLOUR = PALETTE[2]
CANDIDATE_COLOUR = "#6aa5d4"  # the challenger's hue, stood back
MAX_NUMBERED_CLASSES = 16  # past that the numbers in the cells overlap
MAX_CONFUSION_CLASSES = 40  # past that only the most confused are shown


@styled
def plot_scores(
    data: pd.DataFrame,
    metric: str,
    n_holdout: int,
    *,
    is_error: bool = False,
    noun: str = "row",
    ax: Axes | None = None,
) -> Axes:
    """Dots with intervals: the models' scores on the same hold-out, best on top.

    Parameters
    ----------
    data : DataFrame
        Columns ``model``, ``role`` (challenger, candidate, champion, baseline, tree), ``label``,
        ``value``, ``low``, ``high``; the last two are the 95 % interval and may be missing.
    metric : str
        What ``value`` is.
    n_holdout : int
        Rows of the hold-out.
    is_error : bool, default False
        Whether a smaller value is better.
    noun : {"row", "window"}
        What the hold-out consists of.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    rows = data.sort_values("value", ascending=is_error, kind="stable").reset_index(drop=True)
    colours = {
        "challenger": ACCENT,
        "candidate": CANDIDATE_COLOUR,
        "champion": CHAMPION_COLOUR,
        "baseline": QUIET,
        "tree": TREE_COLOUR,
    }
    ax = new_axes(ax, WIDTH, 1.55 + 0.5 * len(rows))
    is_percent = metric == "accuracy"
    factor = 100.0 if is_percent else 1.0
    for place, row in enumerate(rows.to_dict("records")):
        colour = colours.get(row["role"], QUIET)
        if np.isfinite([row["low"], row["high"]]).all():
            ax.plot(
                [row["low"] * factor, row["high"] * factor],
                [place, place],
                color=colour,
                linewidth=5,
                alpha=0.35,
            )
        ax.plot(row["value"] * factor, place, "o", color=colour, markersize=10)
        ax.annotate(
            say_score(metric, row["value"]),
            (row["value"] * factor, place),
            (0, 9),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=INK,
            fontsize=9.5,
            fontweight="bold" if row["role"] == "challenger" else "normal",
        )
    ax.set_yticks(range(len(rows)), [shorten(label, 30) for label in rows["label"]])
    ax.set_ylim(len(rows) - 0.5, -0.75)
    ax.margins(x=0.08)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    unit = " (%)" if is_percent else ""
    where = f"on the same {say_count(n_holdout, f'hold-out {noun}')}"
    what = (
        f"{say_metric(metric)}, smaller is better," if is_error else f"{say_metric(metric)}{unit}"
    )
    ax.set_xlabel(f"{what}\n{where}" if is_error else f"{what} {where}")
    ax.locator_params(axis="x", nbins=6)
    ax.xaxis.set_major_formatter(tick_numbers)
    set_headline(ax, _say_least(rows, metric) if is_error else _say_lead(rows, metric))
    return ax


@styled
def plot_confusion(data: pd.DataFrame, model: str, ax: Axes | None = None) -> Axes:
    """Heat map: true against predicted class on the hold-out.

    Parameters
    ----------
    data : DataFrame
        Columns ``true``, ``predicted``, ``n_rows``: every pair once, in the order of the classes.
        Of more than 40 classes the most confused are shown.
    model : str
        Whose predictions these are.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    import seaborn as sns
    from matplotlib.colors import LinearSegmentedColormap

    counts = data.pivot_table(
        index="true", columns="predicted", values="n_rows", aggfunc="sum", sort=False
    )
    counts = counts[counts.index]
    message = _say_confusion(data, model)
    note = ""
    if len(counts) > MAX_CONFUSION_CLASSES:
        wrong = counts.to_numpy() * (1 - np.eye(len(counts)))
        worst = np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")
        kept = np.sort(worst[:MAX_CONFUSION_CLASSES])
        note = f" (the {len(kept)} most confused of {len(counts)} classes)"
        counts = counts.iloc[kept, kept]
    ax = new_axes(ax, WIDTH, min(WIDTH, 2.6 + 0.28 * len(counts)))
    is_numbered = len(counts) <= MAX_NUMBERED_CLASSES
    # By row, so that rare classes show their confusion too; the numbers stay counts.
    share = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    sns.heatmap(
        share.to_numpy(),
        ax=ax,
        mask=counts.to_numpy() == 0,  # an empty cell shows the page, light or dark
        cmap=LinearSegmentedColormap.from_list("nocturne", list(SEQUENCE)),
        vmin=0,
        vmax=1,
        annot=counts.map(lambda n: f"{n:,.0f}").to_numpy() if is_numbered else False,
        fmt="",
        annot_kws={"fontsize": 9 if len(counts) <= 10 else 7},
        square=True,
        linewidths=0,
        cbar=not is_numbered,
        cbar_kws=None if is_numbered else {"label": "share of the true class", "shrink": 0.8},
    )
    names = [shorten(c, 14) for c in counts.index]
    places = np.arange(len(names)) + 0.5
    is_slanted = max(map(len, names)) > 3
    ax.set_xticks(
        places, names, rotation=45 if is_slanted else 0, ha="right" if is_slanted else "center"
    )
    ax.set_yticks(places, names, rotation=0)
    ax.set_xlabel(f"predicted class{note}")
    ax.set_ylabel("true class")
    ax.grid(visible=False)
    for edge in (0, len(names)):
        ax.axhline(edge, color=MUTED, linewidth=0.8, clip_on=False)
        ax.axvline(edge, color=MUTED, linewidth=0.8, clip_on=False)
    set_headline(ax, message)
    return ax


def _say_lead(rows: pd.DataFrame, metric: str) -> str:
    """Say who has the highest score, and whom that beats."""
    best = float(rows["value"].iloc[0])
    leaders = rows[rows["value"] == best]
    if leaders.empty:
        return f"No model has a {say_metric(metric)}"
    names = say_list([shorten(label, 30) for label in leaders["label"]])
    verb = "share the lead" if len(leaders) > 1 else "leads"
    reached = say_score(metric, best) if metric == "accuracy" else say_reached(metric, best)
    lead = f"{names} {verb} with {reached}"
    other = _find_beaten(rows, leaders)
    if other is None:
        return lead
    return (
        f"{lead}, ahead of {shorten(other['label'], 30)} with {say_score(metric, other['value'])}"
    )


def _say_least(rows: pd.DataFrame, metric: str) -> str:
    """Say who has the smallest error, and by how much."""
    best = float(rows["value"].iloc[0])
    leaders = rows[rows["value"] == best]
    if leaders.empty:
        return f"No model has an {say_metric(metric)}"
    names = say_list([shorten(label, 30) for label in leaders["label"]])
    verb = "share" if len(leaders) > 1 else "has"
    lead = f"{names} {verb} the smallest {say_metric(metric)}, {say_score(metric, best)}"
    other = _find_beaten(rows, leaders)
    if other is None:
        return lead
    less = say_percent(1 - best / float(other["value"]))
    return f"{lead}: {less} less than {shorten(other['label'], 30)}"


def _find_beaten(rows: pd.DataFrame, leaders: pd.DataFrame) -> dict[str, Any] | None:
    """Find whom the leaders are measured by: the champion, else the best baseline.

    Where no network leads that is the challenger, which lost to what is there already.
    """
    leading = set(leaders["role"])
    behind = rows[rows["value"].notna() & ~rows.index.isin(leaders.index)]
    has_network = bool(leading & {"challenger", "candidate"})
    for role in ("champion", "baseline") if has_network else ("challenger",):
        others = behind[behind["role"] == role].to_dict("records")
        if others and role not in leading:
            return {str(key): value for key, value in others[0].items()}
    return None


def _say_confusion(data: pd.DataFrame, model: str) -> str:
    wrong = data[data["true"] != data["predicted"]]
    n_wrong, n_rows = int(wrong["n_rows"].sum()), int(data["n_rows"].sum())
    if not n_wrong:
        return f"{shorten(model)} has all {say_count(n_rows, 'hold-out row')} right"
    top = wrong.sort_values("n_rows", ascending=False, kind="stable").iloc[0]
    said = f"{shorten(model)} has {n_wrong:,} of {say_count(n_rows, 'hold-out row')} wrong"
    if int(top["n_rows"]) < 2:
        return f"{said}, no two of them alike"
    return (
        f"{said}, most often {shorten(top['true'], 14)} taken for "
        f"{shorten(top['predicted'], 14)} ({int(top['n_rows']):,} times)"
    )
