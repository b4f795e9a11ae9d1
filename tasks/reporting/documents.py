"""From the documents that the stages hand over to the tidy tables that charts and report show.

Pure module of the reporting stage. Whatever is missing from a document is missing from its table; what a
night did not make is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
import pandas as pd

from tasks.reporting.series import Series
from tasks.reporting.style import get_float

if TYPE_CHECKING:
    from tasks.reporting.explained import Explained
    from tasks.reporting.forecasts import ForecastWindows
    from tasks.reporting.mining.findings import MiningSection
    from tasks.reporting.numbers import PredictedNumbers
    from tasks.reporting.training import Training

Document = Mapping[str, Any]
TREE = "decision tree (readable)"  # its name among the models, which no candidate can have


@dataclass(frozen=True)
class Mistakes:
    """Hold-out rows that the challenger got wrong, most confident first.

    Parameters
    ----------
    rows : DataFrame
        Columns ``id``, ``true``, ``predicted``, ``confidence``.
    n_wrong : int
        Mistakes in all.
    images : ndarray of shape (n_rows, height, width, channels) or None
        None for tables.
    """

    rows: pd.DataFrame
    n_wrong: int
    images: npt.NDArray[Any] | None


@dataclass(frozen=True)
class NightDocuments:
    """Everything that a night's charts and report are made from.

    Parameters
    ----------
    scores, decision, cleaning_report : mapping or None
        The JSON documents of those stages.
    histories : mapping of str to mapping
        The training history per candidate and baseline.
    trainings : mapping of str to Training
        What each of them took and reached.
    learning_curve : mapping or None
        How the challenger does on a part of the training rows.
    explained : Explained or None
        Why the challenger says what it says.
    numbers : PredictedNumbers or None
        Of a regression: true and predicted numbers.
    forecasts : ForecastWindows or None
        Of a forecast: a few windows with what came and what was forecast.
    validations : mapping of str to mapping
        ``raw`` and ``clean``: what was expected of the data, and what was found.
    findings : tuple of MiningSection
        What mining found, in the order of the report.
    mistakes : Mistakes or None
    series : tuple of Series
        The features over time, where the workflow has a time column.
    """

    scores: Document | None = None
    decision: Document | None = None
    cleaning_report: Document | None = None
    histories: Mapping[str, Document] = field(default_factory=dict)
    trainings: Mapping[str, Training] = field(default_factory=dict)
    learning_curve: Document | None = None
    explained: Explained | None = None
    numbers: PredictedNumbers | None = None
    forecasts: ForecastWindows | None = None
    validations: Mapping[str, Document] = field(default_factory=dict)
    findings: tuple[MiningSection, ...] = ()
    mistakes: Mistakes | None = None
    series: tuple[Series, ...] = ()


def tabulate_rows(report: Document) -> pd.DataFrame:
    """Rows in, out, quarantined, duplicate; added and merged by a time grid: ``kind``, ``n_rows``."""
    counts = {
        "in": int(report["rows_in"]),
        "added": int(report.get("rows_added") or 0),
        "out": int(report["rows_out"]),
        "quarantined": int(report["rows_quarantined"]),
        "duplicates": int(report["rows_duplicate"]),
        "merged": int(report.get("rows_merged") or 0),
    }
    for kind in ("added", "merged"):  # most nights have no time grid
        if not counts[kind]:
            del counts[kind]
    return pd.DataFrame({"kind": list(counts), "n_rows": list(counts.values())})


def tabulate_reasons(report: Document) -> pd.DataFrame:
    """Rows in quarantine by reason, most frequent first: columns ``reason``, ``n_rows``."""
    reasons: Mapping[str, int] = report.get("quarantined_by_reason") or {}
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return pd.DataFrame(ordered, columns=["reason", "n_rows"])


def tabulate_classes(report: Document) -> pd.DataFrame:
    """Rows of each class in each part: columns ``split``, ``class``, ``n_rows``; none without a target."""
    by_split: Mapping[str, Mapping[str, int]] = report.get("rows_by_split") or {}
    # Rows without a class are counted under an empty name.
    classes = sorted({c for counts in by_split.values() for c in counts} - {""}, key=_natural_order)
    return pd.DataFrame(
        [(s, c, int(counts.get(c, 0))) for s, counts in by_split.items() for c in classes],
        columns=["split", "class", "n_rows"],
    )


def get_kind(scores: Document) -> str:
    """Get what was predicted: classification, regression or forecast."""
    return str(scores.get("kind", "classification"))


def name_rows(scores: Document) -> str:
    """Name what the hold-out consists of: rows, or windows of a series."""
    return "window" if get_kind(scores) == "forecast" else "row"


def is_error(scores: Document) -> bool:
    """Whether a smaller value of the metric that decides is better."""
    return bool(scores.get("is_error", False))


def tabulate_scores(scores: Document) -> pd.DataFrame:
    """Every model on the hold-out: ``model``, ``role``, ``label``, ``value``, ``low``, ``high``.

    ``value`` is the metric that decides; the challenger's role is ``challenger``, and that of a tree
    which :func:`add_tree` put beside the models ``tree``.
    """
    metric = scores["metric"]
    rows = []
    for name, model in scores["models"].items():
        low, high = (get_float(v) for v in (model.get("interval") or {}).get(metric, (None, None)))
        value = get_float(model["holdout"].get(metric))
        rows.append((name, find_role(scores, name), label_model(scores, name), value, low, high))
    return pd.DataFrame(rows, columns=["model", "role", "label", "value", "low", "high"])


def find_role(scores: Document, name: str) -> str:
    """Find a model's part in the night: challenger, candidate, champion, baseline or tree."""
    return "challenger" if name == scores["challenger"] else str(scores["models"][name]["role"])


def label_model(scores: Document, name: str) -> str:
    """Name a model for people: with its part in the night, and the champion's version."""
    model = scores["models"][name]
    if name == scores["challenger"]:
        return f"{name} (challenger)"
    if model["role"] == "champion" and model.get("version"):
        return f"champion (version {model['version']})"
    return name


def find_best_baseline(scores: Document) -> str | None:
    """Find the baseline that is best on the hold-out by the metric that decides; None without one."""
    data = tabulate_scores(scores)
    data = data[(data["role"] == "baseline") & data["value"].notna()]
    if data.empty:
        return None
    ordered = data.sort_values("value", ascending=is_error(scores), kind="stable")
    return str(ordered["model"].iloc[0])


def add_tree(night: NightDocuments) -> Document | None:
    """Put the decision tree beside the models of the night's scores.

    It is a model to read and never a candidate: nothing but the report compares it.

    Parameters
    ----------
    night : NightDocuments

    Returns
    -------
    mapping or None
        The scores, with one more model of the role ``tree`` where mining has grown a tree that decides
        the class that is predicted and was scored on as many hold-out rows; None without scores.
    """
    scores = night.scores
    if scores is None or get_kind(scores) != "classification":
        return scores
    for findings in night.findings:
        tree = findings.document
        if (
            tree.get("decides_target")
            and tree.get("holdout")
            and tree.get("n_holdout") == scores["n_holdout"]
        ):
            model = {"role": "tree", **{k: tree[k] for k in ("validation", "holdout", "interval")}}
            return {**scores, "models": {**scores["models"], TREE: model}}
    return scores


def tabulate_confusion(scores: Document, model: str) -> pd.DataFrame:
    """Pairs of true and predicted class: columns ``true``, ``predicted``, ``n_rows``."""
    classes = scores["classes"]
    return pd.DataFrame(
        [
            (true, predicted, int(n))
            for true, row in zip(classes, scores["confusion"][model], strict=True)
            for predicted, n in zip(classes, row, strict=True)
        ],
        columns=["true", "predicted", "n_rows"],
    )


def tabulate_calibration(scores: Document, model: str) -> pd.DataFrame:
    """Bins of how sure a model was, without the empty ones: ``confidence``, ``accuracy``, ``n_rows``."""
    bins = scores["calibration"][model]
    data = pd.DataFrame({name: bins[name] for name in ("confidence", "accuracy", "n_rows")})
    return data[data["n_rows"] > 0].astype({"confidence": float, "accuracy": float}).reset_index(drop=True)  # fmt: skip


def _natural_order(name: str) -> tuple[int, float, str]:
    """Numbers by size, then names by alphabet: JSON made the classes text."""
    try:
        return (0, float(name), "")
    except ValueError:
        return (1, 0.0, name)
