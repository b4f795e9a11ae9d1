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

if TYPE_CHECKING:
    from tasks.reporting.mining.findings import MiningSection

Document = Mapping[str, Any]
TREE = "decision tree (readable)"  # its name among the models, which no candidate can have
PART_NAMES = {"train": "training", "validation": "validation", "holdout": "hold-out"}


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
        The training history per candidate.
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


def tabulate_history(history: Document) -> pd.DataFrame:
    """Loss and accuracy per epoch: columns ``epoch`` (from 1), ``part``, ``measure``, ``value``."""
    rows = [
        (row["epoch"], PART_NAMES.get(row["part"], row["part"]), measure, float(row[measure]))
        for row in history.get("rows") or ()
        for measure in ("loss", "accuracy")
        if row.get(measure) is not None
    ]
    return pd.DataFrame(rows, columns=["epoch", "part", "measure", "value"])


def tabulate_scores(scores: Document) -> pd.DataFrame:
    """Every model on the hold-out: ``model``, ``role``, ``label``, ``value``, ``low``, ``high``.

    ``value`` is the metric that decides; the challenger's role is ``challenger``, and that of a tree
    which :func:`add_tree` put beside the models ``tree``.
    """
    metric = scores["metric"]
    rows = []
    for name, model in scores["models"].items():
        low, high = (model.get("interval") or {}).get(metric, (float("nan"), float("nan")))
        role = "challenger" if name == scores["challenger"] else model["role"]
        rows.append((name, role, label_model(scores, name), model["holdout"][metric], low, high))
    return pd.DataFrame(rows, columns=["model", "role", "label", "value", "low", "high"])


def label_model(scores: Document, name: str) -> str:
    """Name a model for people: with its part in the night, and the champion's version."""
    model = scores["models"][name]
    if name == scores["challenger"]:
        return f"{name} (challenger)"
    if model["role"] == "champion" and model.get("version"):
        return f"champion (version {model['version']})"
    return name


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
        the workflow's target and was scored on as many hold-out rows; None without scores.
    """
    scores = night.scores
    if scores is None:
        return None
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


def _natural_order(name: str) -> tuple[int, float, str]:
    """Numbers by size, then names by alphabet: JSON made the classes text."""
    try:
        return (0, float(name), "")
    except ValueError:
        return (1, 0.0, name)
