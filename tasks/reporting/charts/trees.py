"""The picture of a decision tree: what it asks from left to right, and what the answers come to.

Pure module of the reporting stage; the data come from mining's folder of the tree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.reporting.style import (
    HALO,
    INK,
    MUTED,
    PALETTE,
    QUIET,
    SEQUENCE,
    WIDTH,
    new_axes,
    say_count,
    say_percent,
    set_headline,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Node = Mapping[str, Any]

# Inches. The questions are one below the other, each further right than the one before it, so that no two
# can overlap; the leaves stand in a column at the right.
PITCH = 0.6  # from leaf to leaf
STEP = 0.48  # from question to question
BOX_HEIGHT = 0.44
LEAF_LEFT, LEAF_WIDTH = 3.42, WIDTH - 0.12 - 3.42
MAX_QUESTION_WIDTH = 2.2
SPINE = 0.17  # where an answer's line leaves its question
CHARACTER = 0.0705  # mean width of one, at 8.4 pt

ON_COLOUR = "#1e242f"  # words on a leaf: not swapped on a dark page, where the leaf stays as light
LEAST_TINT, MOST_TINT = 0.12, 0.6  # of a class's colour in a leaf: as mixed as can be, and pure
MOST_OF_SEQUENCE = 0.62  # of the colours of numbers: words on darker ones could not be read


@styled
def plot_tree(
    data: pd.DataFrame, target: str, classes: Sequence[object] = (), ax: Axes | None = None
) -> Axes:
    """Boxes and lines: a decision tree from its first question to its leaves.

    Parameters
    ----------
    data : DataFrame
        Nodes, the yes before the no: ``node``, ``parent`` (-1 of the first), ``answer`` (yes, no),
        ``depth``, ``kind`` (question, leaf, folded), ``column`` and ``condition`` (of a question),
        ``prediction``, ``n_rows``, ``share`` (0 to 1), ``purity`` (0 to 1) or ``std`` (in the target's unit), ``n_leaves``.
    target : str
    classes : sequence, optional
        In the order of their colours; without them the target is a number.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    nodes: list[Node] = data.to_dict("records")  # type: ignore[assignment] # its keys are text
    ends = [node for node in nodes if node["kind"] != "question"]
    ax = new_axes(ax, WIDTH, 0.55 + PITCH * len(ends))
    n_levels = 1 + max((n["depth"] for n in nodes if n["kind"] == "question"), default=0)
    width = min(MAX_QUESTION_WIDTH, LEAF_LEFT - 0.22 - STEP * (n_levels - 1))
    places = _place(nodes)
    for node in nodes:
        if node["parent"] >= 0:
            _draw_answer(ax, node, places)
    paint = _Paint(ends, classes)
    for node in nodes:
        x, y = places[node["node"]]
        if node["kind"] == "question":
            _draw_question(ax, node, x, y, width)
        else:
            _draw_end(ax, node, x, y, paint)
    ax.set_xlim(-0.04, WIDTH - 0.1)
    ax.set_ylim(PITCH * len(ends), 0)
    ax.set_axis_off()
    n_leaves = say_count(int(nodes[0]["n_leaves"]), "leaf", "leaves")
    verb = "decide" if classes else "estimate"
    first = f"{shorten(nodes[0]['column'], 30)} {shorten(nodes[0]['condition'], 20)}"
    set_headline(
        ax,
        f"{first} is asked first; {n_leaves} {verb} {shorten(target)}"
        if len(ends) > 1
        else f"No question helps to {verb} {shorten(target)}",
    )
    return ax


class _Paint:
    """The colours of the leaves: hue by class and tint by purity, or from little to much."""

    def __init__(self, ends: Sequence[Node], classes: Sequence[object]) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        self.hues = {str(name): PALETTE[i % len(PALETTE)] for i, name in enumerate(classes)}
        self.least_purity = 1 / max(len(classes), 2)
        self.sequence = LinearSegmentedColormap.from_list("nocturne", list(SEQUENCE))
        means = [float(end["prediction"]) for end in ends] if not classes else [0.0]
        self.low, self.high = min(means), max(means)

    def get(self, end: Node) -> tuple[float, ...]:
        """Give a leaf's colour."""
        from matplotlib.colors import to_rgb

        if not self.hues:
            place = (float(end["prediction"]) - self.low) / ((self.high - self.low) or 1.0)
            return tuple(self.sequence(place * MOST_OF_SEQUENCE))
        hue = to_rgb(self.hues.get(str(end["prediction"]), QUIET))
        pure = max(0.0, (end["purity"] - self.least_purity) / (1 - self.least_purity))
        tint = LEAST_TINT + (MOST_TINT - LEAST_TINT) * pure
        return tuple(1 - tint * (1 - part) for part in hue)


def _place(nodes: Sequence[Node]) -> dict[int, tuple[float, float]]:
    """Place leaves in a column, and each question between the leaves of its yes and of its no."""
    children: dict[int, list[Node]] = {}
    for node in nodes:
        children.setdefault(node["parent"], []).append(node)
    places: dict[int, tuple[float, float]] = {}
    n_ends = 0

    def place(node: Node) -> None:
        nonlocal n_ends
        if node["kind"] != "question":
            places[node["node"]] = (LEAF_LEFT, (n_ends + 0.5) * PITCH)
            n_ends += 1
            return
        yes, no = children[node["node"]]
        place(yes)
        places[node["node"]] = (node["depth"] * STEP, n_ends * PITCH)
        place(no)

    place(nodes[0])
    return places


def _draw_answer(ax: Axes, node: Node, places: dict[int, tuple[float, float]]) -> None:
    x, y = places[node["node"]]
    parent_x, parent_y = places[node["parent"]]
    spine = parent_x + SPINE
    ax.plot(
        [spine, spine, x],
        [parent_y, y, y],
        color=QUIET,
        alpha=0.6,
        linewidth=0.9 + 5 * node["share"],
        solid_joinstyle="round",
        zorder=1,
    )
    ax.text(
        spine + 0.06,
        y,
        node["answer"],
        ha="left",
        va="center",
        fontsize=7.2,
        color=MUTED,
        zorder=2,
        bbox={"boxstyle": "round,pad=0.12", "facecolor": HALO, "edgecolor": "none"},
    )


def _draw_question(ax: Axes, node: Node, x: float, y: float, width: float) -> None:
    _draw_box(ax, x, y, width, facecolor=HALO, edgecolor=QUIET, linewidth=0.9)
    n_characters = int((width - 0.12) / CHARACTER)
    column, condition = shorten(node["column"], n_characters), f"{node['condition']}?"
    lines = [column, shorten(condition, n_characters)]
    if len(column) + len(condition) < n_characters:
        lines = [f"{column} {condition}"]
    rows = say_count(int(node["n_rows"]), "row")
    where: dict[str, Any] = {"ha": "left", "zorder": 4, "linespacing": 1.08}
    if len(lines) == 1:
        ax.text(x + 0.08, y + 0.01, lines[0], va="bottom", fontsize=8.4, color=INK, **where)
        ax.text(x + 0.08, y + 0.04, rows, va="top", fontsize=7.6, color=MUTED, **where)
    else:
        ax.text(x + 0.08, y, "\n".join(lines), va="center", fontsize=8.4, color=INK, **where)


def _draw_end(ax: Axes, node: Node, x: float, y: float, paint: _Paint) -> None:
    is_folded = node["kind"] == "folded"
    _draw_box(
        ax,
        x,
        y,
        LEAF_WIDTH,
        facecolor=paint.get(node),
        edgecolor=QUIET if is_folded else "none",
        linewidth=1.1 if is_folded else 0,
        linestyle=(0, (3, 2)) if is_folded else "solid",
    )
    rows = say_count(int(node["n_rows"]), "row")
    if paint.hues:
        first = shorten(node["prediction"], 20)
        second = f"{rows}, {say_percent(node['purity'])} pure"
    else:
        first = f"{node['prediction']:,.4g}"
        spread = node["std"] if math.isfinite(node["std"]) else 0.0
        second = f"\N{PLUS-MINUS SIGN} {spread:,.3g}, {rows}"
    if is_folded:
        first = f"+ {int(node['n_leaves']):,} leaves, {'mostly ' if paint.hues else ''}{first}"
        first = shorten(first, 22)
    where: dict[str, Any] = {"ha": "left", "zorder": 4, "color": ON_COLOUR}
    weight = "normal" if is_folded else "bold"
    ax.text(x + 0.08, y + 0.01, first, va="bottom", fontsize=8.6, fontweight=weight, **where)
    ax.text(x + 0.08, y + 0.04, second, va="top", fontsize=7.6, **where)


def _draw_box(ax: Axes, x: float, y: float, width: float, **look: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    box = FancyBboxPatch(
        (x, y - BOX_HEIGHT / 2),
        width,
        BOX_HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.06",
        zorder=3,
        **look,
    )
    ax.add_patch(box)
