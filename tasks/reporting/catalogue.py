"""Which charts a night gets, in which section, with which words beside them.

Pure module of the reporting stage: documents in, drawn figures out; ``tasks.reporting.step`` saves them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.reporting import charts, cleaned, documents
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.decision_section import draw_decision
from tasks.reporting.documents import Document, NightDocuments
from tasks.reporting.interpretation_section import draw_interpretation
from tasks.reporting.scores_section import draw_scores
from tasks.reporting.series import Series
from tasks.reporting.style import say_count, shorten
from tasks.reporting.training_section import draw_training


def draw_charts(night: NightDocuments) -> Iterator[Chart]:
    """Draw the charts that a night's documents allow, one at a time.

    Parameters
    ----------
    night : NightDocuments

    Yields
    ------
    Chart
    """
    yield from draw_decision(night)
    yield from draw_scores(night)
    yield from draw_training(night)
    yield from draw_interpretation(night)
    if night.cleaning_report is not None:
        yield from _draw_data(night.cleaning_report)
    for i, series in enumerate(night.series, start=1):
        yield from _draw_series(series, i)
    drawn: set[str] = set()
    for section in night.findings:
        for chart in section.draw():
            # Components and clusters both have a map by class: the first section shows it.
            if chart.name not in drawn:
                yield chart
            drawn.add(chart.name)


def _draw_data(report: Document) -> Iterator[Chart]:
    data = documents.tabulate_rows(report)
    yield Chart(
        "rows",
        "data",
        get_figure(charts.plot_row_account(data)),
        data,
        "Rows in = rows used + rows quarantined + duplicates removed."
        if set(data["kind"]).isdisjoint({"added", "merged"})
        else "Rows in + added = rows used + rows quarantined + duplicates removed + merged.",
        "Bar chart of the rows that came in, were used, quarantined and removed as duplicates.",
    )
    yield from _draw_holes(report)
    data = documents.tabulate_classes(report)
    if not data.empty:
        yield Chart(
            "classes",
            "data",
            get_figure(charts.plot_class_frequencies(data)),
            data,
            "A row keeps its part from night to night: the hold-out is never trained on.",
            "Stacked bar chart of rows per class, by training, validation and hold-out.",
        )
    data = documents.tabulate_reasons(report)
    if not data.empty:
        yield Chart(
            "quarantine",
            "data",
            get_figure(charts.plot_quarantine_reasons(data)),
            data,
            "Every row in quarantine is kept with its source, its line and this reason.",
            f"Bar chart of {say_count(len(data), 'reason')} for quarantine.",
        )


def _draw_holes(report: Document) -> Iterator[Chart]:
    data = cleaned.tabulate_holes(report)
    if data.empty:
        return
    n_columns = len(cleaned.list_columns(report))
    yield Chart(
        "missing",
        "data",
        get_figure(charts.plot_missing_values(data, int(report["rows_in"]), n_columns)),
        data,
        "Empty on arrival; marked as missing by a text that stands for it; set missing because the "
        "value could not be used. The table says how they were filled.",
        f"Bar chart of missing values in {say_count(data['column'].nunique(), 'column')}.",
    )


def _draw_series(series: Series, number: int) -> Iterator[Chart]:
    if series.rows.empty:
        return
    sampled = (
        f" The line shows the extremes of {say_count(series.n_rows, 'row')}."
        if len(series.rows) < series.n_rows
        else ""
    )
    yield Chart(
        # Numbered and not named: a column may be called anything, a file may not.
        f"series_{number}",
        "data",
        get_figure(charts.plot_series(series.rows, series.name, series.n_rows)),
        series.rows,
        "A coloured ground shows the parts of the split. Filled-in values were not measured."
        f"{sampled}",
        f"Line chart of {shorten(series.name)} over time.",
    )
