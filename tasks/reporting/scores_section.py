"""The report's section on the comparison: its charts, tiles and tables for classes, numbers and forecasts.

Pure module of the reporting stage: scores and predictions go in, drawn charts and rows come out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tasks.reporting import charts, documents
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.documents import Document, NightDocuments
from tasks.reporting.forecasts import average_column_errors, tabulate_horizon
from tasks.reporting.numbers import PredictedNumbers, tabulate_errors
from tasks.reporting.style import get_float, say_count, say_metric, say_score, shorten

# The columns of the table of scores.
METRICS = {
    "classification": ("accuracy", "macro_f1", "log_loss", "ece", "roc_auc"),
    "regression": ("rmse", "mae", "r2"),
    "forecast": ("mse", "mae", "mase"),
}
UNITS = {
    "classification": "Of log loss and calibration error (how far a model is surer, or less sure, than it "
    "is right) smaller is better.",
    "regression": "RMSE and MAE are in the target's own unit, smaller is better; R\N{SUPERSCRIPT TWO} is "
    "the share of the variance that is explained.",
    "forecast": "Of values standardised by the training rows, averaged over windows, steps and columns; "
    "smaller is better. MASE is in units of the naive forecast's error on the training rows.",
}
_COLOURS = {"candidate": "blue: networks", "champion": "orange: champion", "baseline": "grey: classical baselines"}  # fmt: skip


def draw_scores(night: NightDocuments) -> Iterator[Chart]:
    """Draw how the models compare, and what the challenger gets wrong.

    Parameters
    ----------
    night : NightDocuments

    Yields
    ------
    Chart
    """
    scores = night.scores
    if scores is None:
        return
    yield _draw_comparison(documents.add_tree(night) or scores)
    if night.mistakes is not None:
        yield from _draw_mistakes(night.mistakes, scores["challenger"])
    if scores["challenger"] in (scores.get("confusion") or {}):
        yield _draw_confusion(scores)
    if scores["challenger"] in (scores.get("calibration") or {}):
        yield _draw_calibration(scores)
    yield from _draw_horizon(scores)
    yield from _draw_forecasts(night, scores)
    if night.numbers is not None and len(night.numbers.rows):
        yield from _draw_numbers(night.numbers, scores["challenger"])


def make_score_tiles(scores: Document) -> list[dict[str, str]]:
    """Make the tiles of challenger, champion and best baseline."""
    metric = scores["metric"]
    champion = next((n for n, m in scores["models"].items() if m["role"] == "champion"), None)
    best = documents.find_best_baseline(scores)
    tiles = []
    for name in dict.fromkeys((scores["challenger"], champion, best)):
        if name is None or name not in scores["models"]:
            continue
        model = scores["models"][name]
        interval = (model.get("interval") or {}).get(metric)
        low, high = (say_score(metric, get_float(v)) for v in interval or (None, None))
        note = f"95\N{NO-BREAK SPACE}% interval {low} to {high}" if interval else ""
        is_baseline = name == best and name != scores["challenger"]
        label = f"{shorten(name, 24)} (baseline)" if is_baseline else shorten(documents.label_model(scores, name), 34)  # fmt: skip
        tiles.append(
            {
                "label": f"{label}: {say_metric(metric)}",
                "value": say_score(metric, get_float(model["holdout"].get(metric))),
                "note": note,
                "kind": documents.find_role(scores, name),
            }
        )
    return tiles


def list_models(night: NightDocuments) -> list[dict[str, Any]]:
    """List the rows of the table of scores, best first, the decision tree among them."""
    scores = documents.add_tree(night)
    if scores is None:
        return []
    metric, sign = scores["metric"], 1 if documents.is_error(scores) else -1
    rows: list[dict[str, Any]] = []
    for name, model in scores["models"].items():
        interval = (model.get("interval") or {}).get(metric)
        chosen_by = (model.get("validation") or {}).get(metric)
        rows.append(
            {
                "label": documents.label_model(scores, name),
                "role": documents.find_role(scores, name),
                # None where a model was not asked: the tree has no calibration.
                "holdout": [
                    get_float(model["holdout"][m]) if m in model["holdout"] else None
                    for m in list_metrics(scores)
                ],
                "value": get_float(model["holdout"].get(metric)),
                "validation": chosen_by,
                "interval": [get_float(v) for v in interval] if interval else None,
                "latency_ms": model.get("latency_ms"),
                "size_mb": size / 1e6 if (size := model.get("size_bytes")) else None,
            }
        )
    return sorted(rows, key=lambda row: _order(sign * row["value"]))


def list_metrics(scores: Document | None) -> tuple[str, ...]:
    """List the metrics that the table of scores has columns for: those that some model has."""
    if scores is None:
        return ()
    known = {name for model in scores["models"].values() for name in model["holdout"]}
    return tuple(name for name in METRICS[documents.get_kind(scores)] if name in known)


def list_problems(scores: Document | None) -> list[str]:
    """List the models that have no figures, and why, as sentences."""
    if scores is None:
        return []
    return [
        f"{documents.label_model(scores, name)} {model['problem'].rstrip('.')}."
        for name, model in scores["models"].items()
        if model.get("problem")
    ]


def explain_units(scores: Document | None) -> str:
    """Say what the metrics are measured in, and which way is better."""
    return UNITS[documents.get_kind(scores)] if scores is not None else ""


def _order(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _draw_comparison(scores: Document) -> Chart:
    metric, n_holdout = scores["metric"], int(scores["n_holdout"])
    noun = documents.name_rows(scores)
    data = documents.tabulate_scores(scores)
    roles = {"candidate" if r == "challenger" else r for r in data["role"]}
    colours = "; ".join(words for role, words in _COLOURS.items() if role in roles)
    tree = (
        " The decision tree is there to be read beside the others: it is no candidate and never "
        "becomes challenger."
        if "tree" in roles
        else ""
    )
    return Chart(
        "scores",
        "scores",
        get_figure(
            charts.plot_scores(
                data, metric, n_holdout, is_error=documents.is_error(scores), noun=noun
            )
        ),
        data,
        f"Every model predicted the same {say_count(n_holdout, f'hold-out {noun}')}. The bars are "
        "95\N{NO-BREAK SPACE}% bootstrap intervals: where two overlap widely, the difference may be "
        f"chance. {colours[:1].upper()}{colours[1:]}.{tree}",
        f"Dot plot of {say_metric(metric)} with intervals for {say_count(len(data), 'model')}.",
        source="scores",
    )


def _draw_mistakes(mistakes: documents.Mistakes, challenger: str) -> Iterator[Chart]:
    if mistakes.images is None or not len(mistakes.rows):
        return
    yield Chart(
        "mistakes",
        "scores",
        get_figure(
            charts.plot_mistakes(mistakes.rows, mistakes.images, challenger, mistakes.n_wrong)
        ),
        mistakes.rows,
        "Wrong with high confidence: look here first for wrong labels, unreadable images and "
        "kinds of image that training has too few of.",
        f"Gallery of {say_count(len(mistakes.rows), 'image')} with true and predicted class.",
        source="scores",
    )


def _draw_confusion(scores: Document) -> Chart:
    challenger = scores["challenger"]
    data = documents.tabulate_confusion(scores, challenger)
    return Chart(
        "confusion",
        "scores",
        get_figure(charts.plot_confusion(data, challenger)),
        data,
        "Numbers are hold-out rows; on the diagonal they are right. The colour is the share of the "
        "true class.",
        f"Confusion matrix of {shorten(challenger)} over "
        f"{say_count(len(scores['classes']), 'class', 'classes')}.",
        source="scores",
    )


def _draw_calibration(scores: Document) -> Chart:
    challenger = scores["challenger"]
    data = documents.tabulate_calibration(scores, challenger)
    return Chart(
        "calibration",
        "scores",
        get_figure(charts.plot_calibration(data, challenger)),
        data,
        "Hold-out rows in fifteenths by the probability of the class that was named, the larger the dot "
        "the more rows. On the dashed line a model is right as often as it says; below, it is too sure.",
        f"Reliability diagram of {shorten(challenger)}: accuracy against confidence in "
        f"{say_count(len(data), 'bin')}.",
        source="scores",
    )


def _draw_horizon(scores: Document) -> Iterator[Chart]:
    data = tabulate_horizon(scores)
    if data.empty:
        return
    baseline = documents.find_best_baseline(scores)
    yield Chart(
        "horizon",
        "scores",
        get_figure(charts.plot_horizon(data, scores["challenger"], baseline)),
        data,
        "The further ahead, the harder: squared errors of values standardised by the training rows, "
        f"averaged over {say_count(int(scores['n_holdout']), 'hold-out window')} and all columns.",
        f"Line chart of MSE over {say_count(int(data['step'].max()), 'step')} ahead for "
        f"{say_count(data['model'].nunique(), 'model')}.",
        source="scores",
    )


def _draw_forecasts(night: NightDocuments, scores: Document) -> Iterator[Chart]:
    windows = night.forecasts
    if windows is None or windows.rows.empty:
        return
    challenger, baseline = scores["challenger"], documents.find_best_baseline(scores)
    shown = baseline if baseline in set(windows.rows["model"]) else None
    n_windows = windows.rows["window"].nunique()
    yield Chart(
        "forecasts",
        "scores",
        get_figure(
            charts.plot_forecasts(
                windows.rows,
                windows.column,
                challenger,
                shown,
                _average_first_column(scores, challenger, shown),
            )[0]
        ),
        windows.rows,
        "Windows spread evenly over the hold-out, chosen by their place and not by how they turned out, "
        "in the series' own unit; a dotted line is where the forecast begins. The title speaks of the "
        "whole hold-out, not of these windows.",
        f"Line charts of {shorten(windows.column)} over time, measured and forecast, for "
        f"{say_count(n_windows, 'window')}.",
        source="scores",
    )


def _average_first_column(
    scores: Document, challenger: str, baseline: str | None
) -> tuple[float, float] | None:
    models = (scores.get("horizon") or {}).get("models") or {}
    if challenger not in models:
        return None
    first = float(average_column_errors(scores, challenger)[0])
    if baseline not in models or baseline is None:
        return first, float("nan")
    return first, float(average_column_errors(scores, baseline)[0])


def _draw_numbers(numbers: PredictedNumbers, challenger: str) -> Iterator[Chart]:
    rows, n_rows = numbers.rows, numbers.n_rows
    sampled = f" {len(rows):,} of {n_rows:,} rows, evenly spaced." if len(rows) < n_rows else ""
    yield Chart(
        "predicted",
        "scores",
        get_figure(charts.plot_predicted(rows, challenger, numbers.target, n_rows)),
        rows,
        "On the dashed line a prediction is right; above it is too high. A cloud that is flatter than "
        f"the line means that high values are predicted too low and low ones too high.{sampled}",
        f"Scatter chart of predicted against true {shorten(numbers.target)}.",
        source="scores",
    )
    errors = tabulate_errors(numbers)
    yield Chart(
        "errors",
        "scores",
        get_figure(charts.plot_errors(errors, challenger, numbers.target, numbers.baseline)),
        errors,
        "Right of 0 the prediction was too high. The narrower, the better; the outline is the best "
        f"classical baseline.{sampled}"
        if numbers.baseline is not None
        else f"Right of 0 the prediction was too high. The narrower, the better.{sampled}",
        f"Histogram of the errors of {shorten(challenger)}.",
        source="scores",
    )
