"""The report's section on training: its charts, and its table of candidates and baselines.

Pure module of the reporting stage: histories and learning curve go in, drawn charts and rows come out.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.reporting import charts
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.documents import Document, NightDocuments, name_rows
from tasks.reporting.style import say_count, say_metric, shorten
from tasks.reporting.training import tabulate_history, tabulate_learning_curve

_WHILE_TRAINING = (
    "Training is measured while the weights still change, with dropout at work: at first validation "
    "may look better."
)
CAPTIONS = {
    "loss": "Training and validation should fall together; where validation turns up while training "
    "goes on falling, the network learns its rows by heart.",
    "accuracy": f"A lasting gap between the lines is what the network knows of its training rows alone. {_WHILE_TRAINING}",
    "mae": "Mean absolute error, in standard deviations of the training rows. A lasting gap between the "
    f"lines is what the network knows of its training rows alone. {_WHILE_TRAINING}",
}


def draw_training(night: NightDocuments) -> Iterator[Chart]:
    """Draw how each network learned, and what the challenger makes of fewer rows.

    Parameters
    ----------
    night : NightDocuments

    Yields
    ------
    Chart
    """
    for model, history in night.histories.items():
        yield from _draw_history(model, history)
    if night.learning_curve is not None:
        yield from _draw_learning_curve(night.learning_curve, night.scores)


def _draw_history(model: str, history: Document) -> Iterator[Chart]:
    data = tabulate_history(history)
    if data.empty:
        return
    epochs = say_count(int(data["epoch"].max()), "epoch")
    for measure, caption in CAPTIONS.items():
        shown = data[data["measure"] == measure]
        if not shown.empty:
            yield Chart(
                f"training_history_{model}_{measure}",
                "training",
                get_figure(charts.plot_training_history(data, measure, model)),
                shown,
                caption,
                f"Line chart of {say_metric(measure)} of {shorten(model)} over {epochs}.",
                source=f"history.{model}",
            )


def _draw_learning_curve(curve: Document, scores: Document | None) -> Iterator[Chart]:
    data = tabulate_learning_curve(curve)
    if data["n_rows"].nunique() < 2:
        return
    measure = str(curve["measure"])
    noun = name_rows(scores) if scores is not None else "row"
    n_validation = (scores or {}).get("n_validation") or None
    yield Chart(
        "learning_curve",
        "training",
        get_figure(
            charts.plot_learning_curve(
                data, measure, str(curve["challenger"]), n_validation, noun=noun
            )
        ),
        data,
        "The challenger's settings, trained anew on a part of the training rows; the last point is the "
        "challenger itself. What more rows would bring is judged by the last step on validation rows, "
        "and holds only if the curve goes on as it went.",
        f"Line chart of {say_metric(measure)} on training and validation rows over "
        f"{say_count(data['n_rows'].nunique(), 'amount')} of training rows.",
        source="learning_curve",
    )
