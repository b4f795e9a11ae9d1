"""The look of every chart, in one place: colours, type, axes, titles and how numbers are written.

Pure module of the reporting stage; nothing global changes, the style holds inside ``chart_style()`` only.
"""

from __future__ import annotations

import functools
import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

INK = "#1f2430"  # text
MUTED = "#5b6472"  # axes' labels, notes
GRID = "#e3e6eb"
QUIET = "#7b8794"  # what stands back: baselines, rest

# Hues that stay apart for red-green colour-blind eyes when taken in this order, all with a contrast of
# 3 : 1 or more on white and on the report's dark ground (WCAG 1.4.11); past four, labels must help.
PALETTE = (
    "#2a78b8",
    "#d9730d",
    "#1a936f",
    "#c8452f",
    "#9a5fb4",
    "#3994cc",
    "#8c8a1f",
    "#d1578f",
    "#9c6b4a",
    QUIET,
)
TRAINING, VALIDATION, HOLDOUT = PALETTE[0], PALETTE[1], PALETTE[2]
ACCENT = PALETTE[0]
WRONG = PALETTE[3]
SEQUENCE = ("#dcebf7", "#a9cfea", "#67a9d6", "#2a78b8", "#14507f")  # little to much

HALO = "#fefefe"  # behind words on a crowded map
# What the report swaps for its dark page: ink and ground, never the data.
DARK = {INK: "#eceef2", MUTED: "#a9b2bf", GRID: "#303743", HALO: "#171b23"}

WIDTH, HEIGHT = 5.2, 3.4  # inches: two fit beside each other, and 10 pt is legible at 390 pixels
MAX_LABEL_CHARACTERS = 22
_TITLE_CHARACTERS_PER_INCH = 10.6

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same figure on every machine
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a class's name is a dollar
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.09,
    "figure.constrained_layout.w_pad": 0.09,
    "grid.color": GRID,
    "grid.linewidth": 0.9,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 2.2,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "patch.linewidth": 0,
    "patch.edgecolor": "none",
    "image.interpolation": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",  # text stays text: small files, and a reader's own fonts have every script
}


@contextmanager
def chart_style() -> Iterator[None]:
    """Draw and save in Nocturne's style inside the ``with`` block; afterwards all is as before."""
    import matplotlib as mpl

    with mpl.rc_context(cast("Any", _STYLE)):  # its stubs want one of 300 literal names
        yield


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a chart function, so that it draws in Nocturne's style wherever it is called."""

    @functools.wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> R:
        with chart_style():
            return function(*args, **kwargs)

    return draw


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """Make an empty figure that no global list holds: it goes when its last user does.

    Parameters
    ----------
    width, height : float
        Inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def new_axes(ax: Axes | None, width: float = WIDTH, height: float = HEIGHT) -> Axes:
    """Take the caller's axes, or make some in a figure of their own."""
    return new_figure(width, height).subplots() if ax is None else ax


def count_on(axis: Axis) -> None:
    """Put an axis's ticks on whole numbers: there is no half row and no half epoch."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def tick_numbers(value: float, _: float | None = None) -> str:
    """Write a number at an axis: with separators from a thousand on, else as short as it can be."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def set_headline(ax: Axes, text: str) -> None:
    """Write a chart's message over it: over the figure where the axes are alone, else over the axes."""
    figure = ax.get_figure(root=True)
    if figure is None or len(figure.axes) > 1:
        ax.set_title(text, loc="left")
    else:
        set_figure_headline(figure, text)


def set_figure_headline(figure: Figure, text: str) -> None:
    """Write a message over a whole figure, flush left and broken to its width."""
    n_characters = int(figure.get_figwidth() * _TITLE_CHARACTERS_PER_INCH)
    figure.suptitle(textwrap.fill(text, n_characters), x=0.015, ha="left")


def set_legend(ax: Axes, n_columns: int = 3) -> None:
    """Explain the colours: under the figure where the axes are alone, so that nothing is covered."""
    figure = ax.get_figure(root=True)
    if figure is None or len(figure.axes) > 1:
        ax.legend(loc="best")
    else:
        figure.legend(
            *ax.get_legend_handles_labels(),
            loc="outside lower left",
            ncols=n_columns,
            handlelength=1.4,
            columnspacing=1.3,
        )


def get_headline(figure: Figure) -> str:
    """Read a figure's message, in one line."""
    return figure.get_suptitle().replace("\n", " ")


def shorten(name: object, n_characters: int = MAX_LABEL_CHARACTERS) -> str:
    """Cut a long name at its end, so that it cannot push the chart aside.

    Examples
    --------
    >>> shorten("setosa"), shorten("a" * 40, 10)
    ('setosa', 'aaaaaaaaa…')
    """
    text = " ".join(str(name).split())
    return text if len(text) <= n_characters else text[: n_characters - 1] + "…"


def shorten_middle(name: object, n_characters: int = MAX_LABEL_CHARACTERS) -> str:
    """Cut a long name in its middle: ids of one file, and categories of one column, differ at their end.

    Examples
    --------
    >>> shorten_middle("orders-2026-01-10.csv:1234", 16)
    'orders-…csv:1234'
    """
    text = " ".join(str(name).split())
    if len(text) <= n_characters:
        return text
    n_end = (n_characters + 1) // 2
    return f"{text[: n_characters - n_end - 1]}…{text[len(text) - n_end :]}"


def say_count(n: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> say_count(1, "row"), say_count(1797, "row"), say_count(2, "class", "classes")
    ('1 row', '1,797 rows', '2 classes')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def say_list(names: Sequence[object], most: int = 4) -> str:
    """Write names as a sentence does.

    Examples
    --------
    >>> say_list([3]), say_list([3, 5]), say_list([1, 2, 3, 4, 5])
    ('3', '3 and 5', '1, 2, 3, 4 and 1 more')
    """
    words = [shorten(n) for n in names[:most]]
    if len(names) > most:
        words.append(f"{len(names) - most} more")
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def say_percent(fraction: float) -> str:
    r"""Write a share as a percentage with one decimal, never rounding a miss up to 100 %.

    Examples
    --------
    >>> say_percent(0.98765), say_percent(1.0), say_percent(0.9999)
    ('98.8\xa0%', '100\xa0%', '99.99\xa0%')
    """
    if not math.isfinite(fraction):
        return "unknown"
    if fraction in (0.0, 1.0):
        return f"{fraction * 100:.0f}\N{NO-BREAK SPACE}%"
    text = f"{fraction * 100:.1f}"
    if text in ("100.0", "0.0"):
        text = f"{fraction * 100:.2f}"
    text = {"100.00": "> 99.99", "0.00": "< 0.01"}.get(text, text)
    return f"{text}\N{NO-BREAK SPACE}%"


METRIC_NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "ece": "calibration error",
    "roc_auc": "ROC AUC",
    "rmse": "RMSE",
    "mae": "MAE",
    "mse": "MSE",
    "mase": "MASE",
    "r2": "R\N{SUPERSCRIPT TWO}",
}
_SPELT = frozenset({"rmse", "mae", "mse", "r2"})  # read letter by letter: an RMSE, an R squared
_PERCENTAGES = frozenset({"accuracy", "recall"})
_SHARES = frozenset(
    {"macro_f1", "log_loss", "ece", "roc_auc", "r2"}
)  # and the like: three decimals


def say_metric(name: str) -> str:
    """Write a metric's name as people do."""
    return METRIC_NAMES.get(name, name.replace("_", " "))


def say_number(value: float) -> str:
    """Write a number of any size with the digits that tell it from its neighbours.

    Examples
    --------
    >>> say_number(0.3184), say_number(27.432), say_number(48211.7), say_number(0.00042)
    ('0.318', '27.43', '48,212', '0.00042')
    """
    if not math.isfinite(value):
        return "unknown"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.1f}"
    if size >= 10:
        return f"{value:.2f}"
    return f"{value:.3f}" if size >= 0.01 or not size else f"{value:.3g}"


def say_score(metric: str, value: float) -> str:
    """Write a score in its own unit: accuracy and recall in per cent, other shares with three decimals."""
    if metric in _PERCENTAGES:
        return say_percent(value)
    if metric in _SHARES:
        return f"{value:.3f}" if math.isfinite(value) else "unknown"
    return say_number(value)


def say_reached(metric: str, value: float) -> str:
    r"""Write what a model has reached, behind a "with".

    Examples
    --------
    >>> say_reached("mse", 0.318), say_reached("macro_f1", 0.9), say_reached("accuracy", 1.0)
    ('an MSE of 0.318', 'a macro F1 of 0.900', '100\xa0% accuracy')
    """
    score = say_score(metric, value)
    if metric == "accuracy":
        return f"{score} accuracy"
    return f"{'an' if metric in _SPELT else 'a'} {say_metric(metric)} of {score}"


def get_float(value: Any) -> float:
    """Read a figure of a document, where what is missing is null: NaN then."""
    return float("nan") if value is None else float(value)
