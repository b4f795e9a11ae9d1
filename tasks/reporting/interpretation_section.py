"""The report's section on why the challenger says what it says.

Pure module of the reporting stage: the interpretation goes in, drawn charts and figures come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.reporting import charts
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.documents import NightDocuments
from tasks.reporting.explained import Explained, tabulate_importance, tabulate_saliency
from tasks.reporting.style import say_count, shorten

MAX_COLUMNS = 40  # rows of the table; the CSV has all
METHODS = {"integrated_gradients": "integrated gradients"}


def draw_interpretation(night: NightDocuments) -> Iterator[Chart]:
    """Draw what each column is worth, and where in an image the challenger looks.

    Parameters
    ----------
    night : NightDocuments

    Yields
    ------
    Chart
    """
    if night.explained is not None:
        yield from _draw_importance(night.explained)
        yield from _draw_saliency(night.explained)


def tell_interpretation(explained: Explained | None) -> dict[str, Any] | None:
    """Make what the report's template shows; None where nothing was tried."""
    if explained is None:
        return None
    importance = explained.document.get("importance")
    saliency = explained.document.get("saliency")
    reason = explained.document.get("reason")
    if not importance and not saliency and not reason:
        return None
    data = tabulate_importance(explained.document)
    return {
        "challenger": explained.document["challenger"],
        "reason": reason,
        "noun": name_shuffled(explained),
        "importance": importance,
        "columns": data.head(MAX_COLUMNS).to_dict("records"),
        "n_columns": len(data),
        "saliency": saliency,
        "method": METHODS.get(str((saliency or {}).get("method")), (saliency or {}).get("method")),
    }


def name_shuffled(explained: Explained) -> str:
    """Name what a column's values were shuffled among: rows, or windows of a series."""
    return "window" if explained.document.get("kind") == "forecast" else "row"


def _draw_importance(explained: Explained) -> Iterator[Chart]:
    data = tabulate_importance(explained.document)
    if data.empty:
        return
    importance = explained.document["importance"]
    n_repeats = int(importance["n_repeats"])
    yield Chart(
        "importance",
        "interpretation",
        get_figure(
            charts.plot_importance(
                data,
                importance["metric"],
                is_error=bool(importance["is_error"]),
                n_repeats=n_repeats,
            )
        ),
        data,
        f"Each column was shuffled {say_count(n_repeats, 'time')} among "
        f"{say_count(int(importance['n_rows']), f'hold-out {name_shuffled(explained)}')}; the whiskers are one standard deviation "
        "of the shuffles, and grey columns are not told from chance. Columns that say the same stand in "
        "for each other and look less important than they are together.",
        f"Bar chart of what shuffling costs for {say_count(len(data), 'column')}.",
        source="interpretation",
    )


def _draw_saliency(explained: Explained) -> Iterator[Chart]:
    if explained.images is None or explained.attributions is None:
        return
    data = tabulate_saliency(explained)
    if data.empty:
        return
    places = data["place"].to_numpy()
    challenger = str(explained.document["challenger"])
    n_wrong = int(data["is_wrong"].sum())
    yield Chart(
        "saliency",
        "interpretation",
        get_figure(
            charts.plot_saliency(
                data, explained.images[places], explained.attributions[places], challenger
            )
        ),
        data.drop(columns="place"),
        "Orange pixels raise the probability of the class that was named, blue ones lower it. The "
        "strength of the colour is of each picture's own scale, and the picture itself is pale and grey.",
        f"Gallery of {say_count(len(data), 'image')}, {n_wrong:,} of them wrong, with the pixels that "
        f"moved {shorten(challenger)}.",
        source="interpretation",
    )
