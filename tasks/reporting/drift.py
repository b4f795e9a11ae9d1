"""A scoring's drift as charts and a page of its own: what has moved, how far, and what chance gives.

Pure module of the reporting stage; ``scoring_step.py`` reads the document and saves what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from tasks.reporting import charts
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.pages import EmbeddedChart, fill_template
from tasks.reporting.style import say_count, shorten

MAX_DISTRIBUTIONS = 4  # columns shown then and now: those that have moved most
MAX_LISTED = 60  # rows of the table; drift.json has all


def draw_drift(document: Mapping[str, Any]) -> Iterator[Chart]:
    """Draw the charts of a scoring.

    Parameters
    ----------
    document : mapping
        ``drift.json``.

    Yields
    ------
    Chart
        None where nothing was judged.
    """
    drift = document["drift"]
    columns: Sequence[Mapping[str, Any]] = drift["columns"]
    if not columns:
        return
    data = tabulate_columns(columns)
    yield Chart(
        "drift",
        "drift",
        get_figure(charts.plot_drift(data, drift["max_psi"])),
        data,
        "A column drifts where its bar reaches beyond the limit and beyond the grey mark, which samples "
        "of this size from the same rows hardly ever reach. What the champion said counts like a column.",
        f"Bar chart of the population stability index of {say_count(len(data), 'column')}.",
    )
    said = [column for column in columns if column["part"] == "prediction"]
    moved = [column for column in columns if column["part"] == "input"][:MAX_DISTRIBUTIONS]
    for i, column in enumerate([*moved, *said], start=1):
        bins = pd.DataFrame(column["bins"])
        is_said = column["part"] == "prediction"
        yield Chart(
            # Numbered and not named: a column may be called anything, a file may not.
            f"distribution_{i}",
            "drift",
            get_figure(charts.plot_distribution(bins, column["name"], is_said=is_said)),
            bins,
            "What the champion said of rows it was not trained on, and of the new ones."
            if is_said
            else "Bins made from the training rows: tenths of the numbers, or the most frequent values.",
            f"Bar chart of {shorten(column['name'])} then and now, bin by bin.",
        )


def tabulate_columns(columns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Tabulate the judged columns: name, part, the indices, what chance gives, and the verdict."""
    names = ["name", "part", "psi", "expected_psi", "chance_psi", "js", "chance_js", "is_drifting"]
    return pd.DataFrame([{name: column[name] for name in names} for column in columns])


def render_page(
    document: Mapping[str, Any],
    drawn: Sequence[EmbeddedChart],
    *,
    description: str,
    provenance: Mapping[str, str],
) -> str:
    """Write a scoring's page: self-contained HTML without scripts, every text from the data escaped.

    Parameters
    ----------
    document : mapping
        ``drift.json``.
    drawn : sequence of EmbeddedChart
    description : str
        The workflow's sentence.
    provenance : mapping of str to str

    Returns
    -------
    str
    """
    drift = document["drift"]
    badge = ("no", "Drift") if drift["is_drifting"] else ("yes", "No drift")
    if drift["problem"] is not None:
        badge = ("kept", "Not judged")
    return fill_template(
        "scoring.html",
        document=document,
        description=description,
        drift=drift,
        columns=drift["columns"][:MAX_LISTED],
        badge=badge,
        charts=drawn,
        provenance=provenance,
    )
