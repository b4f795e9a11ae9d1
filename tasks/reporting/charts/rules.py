"""Charts of association rules: all of them by support, confidence and lift; the first ones; the items.

Pure module of the reporting stage; the data come from mining's folder of rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.reporting.style import (
    ACCENT,
    INK,
    PALETTE,
    QUIET,
    WIDTH,
    new_axes,
    say_count,
    say_percent,
    set_headline,
    set_legend,
    shorten,
    shorten_middle,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

MAX_ITEMS = 15
MAX_RULES = 10  # rules with a line of their own
# Grey to orange: little to much, with contrast on a light and on a dark page.
LIFT_COLOURS = (QUIET, ACCENT, PALETTE[1])
_WIDE = 10.0  # the greatest over the least value: past it an axis is logarithmic
_RULE_CHARACTERS = 70  # over its line
_RIGHT_CHARACTERS = 28
_LEFT_CHARACTERS = 44  # in the headline
_JOINT = " & "


@styled
def plot_rules(
    data: pd.DataFrame, n_rules: int, ax: Axes | None = None, *, what: str = "basket"
) -> Axes:
    """Scatter: rules by their support and confidence, coloured by lift.

    Parameters
    ----------
    data : DataFrame
        Columns ``support``, ``confidence`` (0 to 1) and ``lift``; one row per rule, the best first.
    n_rules : int
        Rules in all, of which these are drawn.
    ax : Axes, optional
    what : {"basket", "row"}

    Returns
    -------
    Axes
        The points are one picture also in SVG: thousands of marks would make a file of megabytes.
    """
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize

    ax = new_axes(ax, WIDTH, 4.0)
    rows = data.sort_values("lift", kind="stable")  # the highest lift lies on top
    lift, support = rows["lift"].to_numpy(), rows["support"].to_numpy() * 100
    low, high = float(lift.min()), float(lift.max())
    shown = "" if len(data) == n_rules else f", the first {len(data):,} drawn"
    spread = f"with a lift of {low:.3g}" + ("" if high == low else f" to {high:.3g}")
    # Before the bar of colours joins the figure, so that the headline stands over both.
    set_headline(ax, f"{say_count(n_rules, 'rule')}{shown}, {spread}")
    if high <= low:
        low, high = low * 0.9, high * 1.1 or 1.0
    is_wide = low > 0 and high / low > _WIDE
    points = ax.scatter(
        support,
        rows["confidence"] * 100,
        c=lift,
        cmap=LinearSegmentedColormap.from_list("lift", list(LIFT_COLOURS)),
        norm=LogNorm(low, high) if is_wide else Normalize(low, high),
        s=float(np.clip(9000 / max(len(rows), 1), 9, 42)),
        alpha=0.8,
        linewidths=0,
        rasterized=True,
    )
    figure = ax.get_figure(root=True)
    if figure is not None:
        bar = figure.colorbar(points, ax=ax, label="lift", shrink=0.85, pad=0.02)
        bar.outline.set_visible(False)
        _write_plainly(bar.ax.yaxis, low, high, is_log=is_wide)
    if support.max() > _WIDE * support.min():
        ax.set_xscale("log")
        _write_plainly(ax.xaxis, float(support.min()), float(support.max()), is_log=True)
    ax.grid(visible=True, axis="both")
    ax.set_xlabel(f"support (% of the {what}s, with both sides)")
    ax.set_ylabel("confidence (%)")
    return ax


@styled
def plot_top_rules(data: pd.DataFrame, ax: Axes | None = None, *, what: str = "basket") -> Axes:
    """Dots: the first rules' confidence where they were found and on the hold-out, against chance.

    Parameters
    ----------
    data : DataFrame
        Columns ``left``, ``right``, ``confidence``, ``holdout`` (missing where it was not counted)
        and ``expected``, the share of the baskets with the right side; the best rule first, at most
        ten are drawn.
    ax : Axes, optional
    what : {"basket", "row"}

    Returns
    -------
    Axes
    """
    rows = data.head(MAX_RULES)
    ax = new_axes(ax, WIDTH, 1.55 + 0.46 * len(rows))
    places = np.arange(len(rows))
    confidence, expected = rows["confidence"] * 100, rows["expected"] * 100
    ax.hlines(places, expected, confidence, color=ACCENT, alpha=0.35, linewidth=4)
    ax.plot(
        expected, places, "|", color=QUIET, markersize=12, markeredgewidth=2.4, label=f"any {what}"
    )
    ax.plot(confidence, places, "o", color=ACCENT, markersize=9, label="with the left side")
    holdout = rows["holdout"].astype(float) * 100
    if holdout.notna().any():
        ax.plot(
            holdout,
            places,
            "D",
            markerfacecolor="none",
            markeredgecolor=PALETTE[1],
            markeredgewidth=2,
            markersize=7,
            label="the same, on the hold-out",
        )
    # Rules are too long for an axis: each is written over its own line, halfway to the one above.
    for place, (left, right) in enumerate(zip(rows["left"], rows["right"], strict=True)):
        ax.annotate(
            say_rule(left, right),
            (0, place),
            (2, 7),
            textcoords="offset points",
            color=INK,
            fontsize=8.6,
            va="bottom",
            annotation_clip=False,
        )
    ax.set_ylim(len(rows) - 0.6, -0.9)
    top = float(np.nanmax([confidence.max(), expected.max(), holdout.max()]))
    ax.set_xlim(0, min(max(top * 1.08, 5), 104))
    ax.set_yticks([])
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(f"share of the {what}s with the right side (%)")
    set_legend(ax)
    set_headline(ax, _say_first(rows, what))
    return ax


@styled
def plot_items(
    data: pd.DataFrame, n_items: int, ax: Axes | None = None, *, what: str = "basket"
) -> Axes:
    """Bars: the items that stand in most baskets.

    Parameters
    ----------
    data : DataFrame
        Columns ``item``, ``n`` (baskets) and ``support`` (0 to 1); the most frequent first, at most
        15 are drawn.
    n_items : int
        Frequent items in all.
    ax : Axes, optional
    what : {"basket", "row"}

    Returns
    -------
    Axes
    """
    rows = data.head(MAX_ITEMS)
    ax = new_axes(ax, WIDTH, 1.2 + 0.25 * len(rows))
    share = rows["support"] * 100
    bars = ax.barh(range(len(rows)), share, 0.7, color=ACCENT)
    ax.bar_label(bars, [f"{n:,}" for n in rows["n"]], padding=4, color=INK, fontsize=9)
    ax.set_yticks(range(len(rows)), [shorten(item, 30) for item in rows["item"]])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(0, float(share.max()) * 1.16)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(f"share of the {what}s (%); numbers are {what}s")
    first = rows.iloc[0]
    set_headline(
        ax,
        f"{shorten(first['item'], 30)} is in {say_percent(float(first['support']))} of the {what}s"
        + (f"; {say_count(n_items, 'item')} are frequent" if n_items > 1 else ""),
    )
    return ax


def say_rule(left: str, right: str) -> str:
    """Write a rule in one line; where it is too long each item of the left side is cut.

    Examples
    --------
    >>> say_rule("herbs", "root vegetables")
    'herbs → root vegetables'
    """
    right = shorten(right, _RIGHT_CHARACTERS)
    return f"{_cut_items(left, _RULE_CHARACTERS - len(right))} → {right}"


def _cut_items(text: str, n_characters: int) -> str:
    """Cut items in their middle, the longest first, so that a column and its value stay in sight."""
    items = [" ".join(item.split()) for item in text.split(_JOINT)]
    room = n_characters - len(_JOINT) * (len(items) - 1)
    longest = max(len(item) for item in items)
    while longest > 6 and sum(min(len(item), longest) for item in items) > room:
        longest -= 1
    return shorten(_JOINT.join(shorten_middle(item, longest) for item in items), n_characters)


def _say_first(rows: pd.DataFrame, what: str) -> str:
    first = rows.iloc[0]
    found, expected = say_percent(float(first["confidence"])), say_percent(float(first["expected"]))
    left, right = " ".join(str(first["left"]).split()), shorten(first["right"], 24)
    if len(left) > _LEFT_CHARACTERS:
        return f"The first rule: {found} have {right}, where {expected} of all {what}s do"
    return f"{found} of the {what}s with {left} have {right}, {expected} of all {what}s do"


def _write_plainly(axis: Axis, low: float, high: float, *, is_log: bool) -> None:
    """Write 0.1, 1 and 10 on an axis, and not powers of ten; a short logarithmic one has 2 and 5 too."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if is_log:
        many = np.log10(high / low) < 2
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if many else (1,)))
        axis.set_minor_formatter(NullFormatter())
        axis.set_tick_params(which="minor", length=0)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
