"""Which charts a night gets, in which section, with which words beside them.

Pure module of the reporting stage: documents in, drawn figures out; ``tasks.reporting.step`` saves them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd

from tasks.reporting import charts, cleaned, documents
from tasks.reporting.documents import Document, NightDocuments
from tasks.reporting.series import Series
from tasks.reporting.style import get_headline, say_count, say_metric, say_percent, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEARNING_CAPTIONS = {
    "loss": "Training and validation should fall together; where validation turns up while training "
    "goes on falling, the network learns its rows by heart.",
    "accuracy": "A lasting gap between the lines is what the network knows of its training rows alone.",
}

Section = Literal["scores", "training", "data", "mining"]


@dataclass(frozen=True)
class Chart:
    """A drawn chart and what is said about it.

    Parameters
    ----------
    name : str
        Stem of its files.
    section : {"scores", "training", "data", "mining"}
    figure : Figure
    data : DataFrame
        What is drawn, row by row.
    caption : str
        How to read it.
    alt : str
        What it shows, for someone who does not see it; the title is put before it.
    """

    name: str
    section: Section
    figure: Figure
    data: pd.DataFrame
    caption: str
    alt: str

    @property
    def title(self) -> str:
        """The chart's message."""
        return get_headline(self.figure)


def draw_charts(night: NightDocuments) -> Iterator[Chart]:
    """Draw the charts that a night's documents allow, one at a time.

    Parameters
    ----------
    night : NightDocuments

    Yields
    ------
    Chart
    """
    if night.scores is not None:
        yield from _draw_scores(night.scores, night)
    for model, history in night.histories.items():
        yield from _draw_training(model, history)
    if night.cleaning_report is not None:
        yield from _draw_data(night.cleaning_report)
    for i, series in enumerate(night.series, start=1):
        yield from _draw_series(series, i)
    if night.clusters is not None:
        yield from _draw_mining(night.clusters, night)


def _draw_scores(scores: Document, night: NightDocuments) -> Iterator[Chart]:
    metric, challenger = scores["metric"], scores["challenger"]
    data = documents.tabulate_scores(scores)
    yield Chart(
        "scores",
        "scores",
        _figure(charts.plot_scores(data, metric, scores["n_holdout"])),
        data,
        f"Every model predicted the same {say_count(scores['n_holdout'], 'hold-out row')}. The bars are "
        "95\N{NO-BREAK SPACE}% bootstrap intervals: where two overlap widely, the difference may be chance.",
        f"Dot plot of {say_metric(metric)} with intervals for {say_count(len(data), 'model')}.",
    )
    mistakes = night.mistakes
    if mistakes is not None and mistakes.images is not None and len(mistakes.rows):
        yield Chart(
            "mistakes",
            "scores",
            _figure(
                charts.plot_mistakes(mistakes.rows, mistakes.images, challenger, mistakes.n_wrong)
            ),
            mistakes.rows,
            "Wrong with high confidence: look here first for wrong labels, unreadable images and "
            "kinds of image that training has too few of.",
            f"Gallery of {say_count(len(mistakes.rows), 'image')} with true and predicted class.",
        )
    if challenger in (scores.get("confusion") or {}):
        data = documents.tabulate_confusion(scores, challenger)
        yield Chart(
            "confusion",
            "scores",
            _figure(charts.plot_confusion(data, challenger)),
            data,
            "Numbers are hold-out rows; on the diagonal they are right. The colour is the share of the "
            "true class.",
            f"Confusion matrix of {shorten(challenger)} over "
            f"{say_count(len(scores['classes']), 'class', 'classes')}.",
        )


def _draw_training(model: str, history: Document) -> Iterator[Chart]:
    data = documents.tabulate_history(history)
    if data.empty:
        return
    epochs = say_count(int(data["epoch"].max()), "epoch")
    for measure, caption in LEARNING_CAPTIONS.items():
        shown = data[data["measure"] == measure]
        if not shown.empty:
            yield Chart(
                f"learning_{model}_{measure}",
                "training",
                _figure(charts.plot_learning_curve(data, measure, model)),
                shown,
                caption,
                f"Line chart of {measure} of {shorten(model)} over {epochs}.",
            )


def _draw_data(report: Document) -> Iterator[Chart]:
    data = documents.tabulate_rows(report)
    yield Chart(
        "rows",
        "data",
        _figure(charts.plot_row_account(data)),
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
            _figure(charts.plot_class_frequencies(data)),
            data,
            "A row keeps its part from night to night: the hold-out is never trained on.",
            "Stacked bar chart of rows per class, by training, validation and hold-out.",
        )
    data = documents.tabulate_reasons(report)
    if not data.empty:
        yield Chart(
            "quarantine",
            "data",
            _figure(charts.plot_quarantine_reasons(data)),
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
        _figure(charts.plot_missing_values(data, int(report["rows_in"]), n_columns)),
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
        _figure(charts.plot_series(series.rows, series.name, series.n_rows)),
        series.rows,
        "A coloured ground shows the parts of the split. Filled-in values were not measured."
        f"{sampled}",
        f"Line chart of {shorten(series.name)} over time.",
    )


def _draw_mining(clusters: Document, night: NightDocuments) -> Iterator[Chart]:
    ratio = clusters["explained_variance_ratio"]
    explained = (ratio[0], ratio[1]) if len(ratio) > 1 else None
    table = documents.tabulate_clusters(clusters)
    if night.members is not None and len(ratio) > 1:
        n_shown = len(night.members)
        sampled = (
            f"{n_shown:,} of {say_count(clusters['n_rows'], 'training row')} are shown."
            if n_shown < clusters["n_rows"]
            else f"All {say_count(n_shown, 'training row')} are shown."
        )
        for by, what in (("class", "class"), ("cluster", "cluster")):
            if by not in night.members:
                continue
            yield Chart(
                f"map_by_{by}",
                "mining",
                _figure(charts.plot_map(night.members, by, explained)),
                night.members,
                f"Each point is a row, coloured by its {what}. {sampled} Groups that overlap here may "
                "lie apart along further components.",
                f"Scatter chart of {say_count(n_shown, 'row')} coloured by {what}.",
            )
    curve = documents.tabulate_silhouette(clusters)
    if len(curve) > 1:
        n_rows = say_count(clusters["n_rows_silhouette"], "row")
        yield Chart(
            "silhouette",
            "mining",
            _figure(charts.plot_silhouette_curve(curve, clusters["k"])),
            curve,
            f"1 means far from every other cluster, 0 on the border. Measured on {n_rows}.",
            f"Line chart of the mean silhouette for {say_count(len(curve), 'number')} of clusters.",
        )
    data = documents.tabulate_variance(clusters)
    yield Chart(
        "explained_variance",
        "mining",
        _figure(charts.plot_explained_variance(data)),
        data,
        "The clusters were looked for on these components of the standardised inputs, fitted on "
        f"{say_count(clusters['n_rows_fitted'], 'training row')}.",
        f"Line chart rising to {say_percent(float(data['cumulative'].iloc[-1]))}.",
    )
    if night.centres is not None:
        yield Chart(
            "centres",
            "mining",
            _figure(charts.plot_cluster_centres(table, night.centres)),
            table,
            "Mean of the cluster's training images, pixel by pixel. Sharp means alike.",
            f"Gallery of {say_count(len(table), 'mean image')}.",
        )


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("These axes were removed from their figure.")
    return figure
