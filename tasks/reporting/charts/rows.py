"""Charts of the rows: how many of each class in each part, and what became of those that came in.

Pure module of the reporting stage; the data come from cleaning's report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.reporting.style import (
    ACCENT,
    HEIGHT,
    HOLDOUT,
    INK,
    PALETTE,
    QUIET,
    TRAINING,
    VALIDATION,
    WIDTH,
    WRONG,
    count_on,
    new_axes,
    say_count,
    say_percent,
    set_headline,
    set_legend,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SPLIT_COLOURS = {"train": TRAINING, "validation": VALIDATION, "holdout": HOLDOUT}
SPLIT_NAMES = {"train": "training", "validation": "validation", "holdout": "hold-out"}
MAX_BARS = 20  # categories with a bar of their own; past that their labels cannot be read
BALANCED_RATIO = 1.5  # classes whose counts differ by less than this are called balanced


@styled
def plot_class_frequencies(data: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Bars: rows of each class, stacked by part of the split.

    Parameters
    ----------
    data : DataFrame
        Columns ``split`` (train, validation, holdout), ``class``, ``n_rows``; classes in the order
        in which they are shown. Of more than 20 classes the largest 19 are shown, the rest as one.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    counts = data.pivot_table(
        index="class", columns="split", values="n_rows", aggfunc="sum", sort=False, fill_value=0
    )
    counts = counts[[s for s in SPLIT_COLOURS if s in counts.columns]]
    totals = counts.sum(axis=1)
    message = _say_balance(totals)
    n_classes = len(counts)
    if n_classes > MAX_BARS:
        kept = totals.sort_values(ascending=False, kind="stable").index[: MAX_BARS - 1]
        rest = counts.drop(kept).sum()
        counts = counts.loc[kept]
        counts.loc[f"{n_classes - len(kept)} other classes"] = rest
    names = [shorten(c) for c in counts.index]
    is_lying = max(map(len, names)) > 6 or len(names) > 12  # then names need a line of their own
    ax = new_axes(ax, WIDTH, max(HEIGHT, 1.3 + 0.24 * len(names)) if is_lying else HEIGHT)
    places = range(len(names))
    start = counts.iloc[:, 0] * 0
    for split in counts.columns:
        n_rows = int(data[data["split"] == split]["n_rows"].sum())
        label = f"{SPLIT_NAMES[split]} ({n_rows:,})"
        bar = ax.barh if is_lying else ax.bar
        bar(
            places,
            counts[split].to_numpy(),
            0.74,
            start.to_numpy(),
            color=SPLIT_COLOURS[split],
            label=label,
        )
        start = start + counts[split]
    if is_lying:
        ax.set_yticks(places, names)
        ax.invert_yaxis()
        ax.set_xlabel("rows")
        ax.grid(visible=True, axis="x")
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_formatter("{x:,.0f}")
    else:
        ax.set_xticks(places, names)
        ax.set_xlabel("class")
        ax.set_ylabel("rows")
        ax.yaxis.set_major_formatter("{x:,.0f}")
    set_legend(ax)
    set_headline(ax, message)
    return ax


@styled
def plot_row_account(data: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Bars: rows that came in, and what became of them.

    Parameters
    ----------
    data : DataFrame
        Columns ``kind`` (in, added, out, quarantined, duplicates, merged) and ``n_rows``.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    n_rows = dict(zip(data["kind"], (int(n) for n in data["n_rows"]), strict=True))
    colours = {
        "in": QUIET,
        "added": PALETTE[2],
        "out": ACCENT,
        "quarantined": WRONG,
        "duplicates": PALETTE[1],
        "merged": PALETTE[4],
    }
    names = {
        "in": "came in",
        "added": "added to the time grid",
        "out": "used",
        "quarantined": "quarantined",
        "duplicates": "duplicates removed",
        "merged": "merged into one step",
    }
    ax = new_axes(ax, WIDTH, 1.0 + 0.4 * len(n_rows))
    bars = ax.barh(
        [names[k] for k in n_rows],
        list(n_rows.values()),
        0.66,
        color=[colours[k] for k in n_rows],
    )
    ax.bar_label(bars, [f"{n:,}" for n in n_rows.values()], padding=5, color=INK)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel("rows")
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    n_added = n_rows.get("added", 0)
    n_all = n_rows["in"] + n_added
    lost = n_all - n_rows["out"]
    share = say_percent(n_rows["out"] / n_all) if n_all else "none"
    added = f"{say_count(n_all, 'row')}, {n_added:,} of them added to the time grid,"
    rows = added if n_added else say_count(n_all, "row")
    set_headline(
        ax,
        f"All {rows} are used" if not lost else f"{share} of {rows} are used, {lost:,} set aside",
    )
    return ax


@styled
def plot_quarantine_reasons(data: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Bars: rows sent to quarantine, by reason.

    Parameters
    ----------
    data : DataFrame
        Columns ``reason`` and ``n_rows``; the 20 most frequent are shown.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    shown = data.sort_values("n_rows", ascending=False, kind="stable").head(MAX_BARS)
    ax = new_axes(ax, WIDTH, 1.5 + 0.32 * len(shown))
    places = range(len(shown))
    bars = ax.barh(places, shown["n_rows"].to_numpy(), 0.66, color=WRONG)
    ax.set_yticks(places, [shorten(r, 34) for r in shown["reason"]])
    ax.bar_label(bars, [f"{n:,}" for n in shown["n_rows"]], padding=5, color=INK)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel("rows")
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    count_on(ax.xaxis)
    top = shown.iloc[0]
    set_headline(
        ax,
        f"{say_count(int(data['n_rows'].sum()), 'row')} in quarantine, most often: "
        f"{shorten(top['reason'], 40)}",
    )
    return ax


def _say_balance(totals: pd.Series[int]) -> str:
    n_classes = say_count(len(totals), "class", "classes")
    least, most = int(totals.min()), int(totals.max())
    if least == most:
        return f"{n_classes}, each with {say_count(most, 'row')}"
    if least and most / least < BALANCED_RATIO:
        return f"{n_classes}, balanced: {least:,} to {most:,} rows each"
    factor = f"{most / least:.1f} times as often as" if least else "often,"
    rare = shorten(totals.idxmin())
    seen = f"{shorten(totals.idxmax())} {factor} {rare}" if least else f"{rare} has no row"
    return f"{n_classes}, not balanced: {seen}"
