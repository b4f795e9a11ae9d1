"""What each training took and reached, and how it went: from its history and its MLflow run to tables.

Pure module of the reporting stage; drawn by ``charts/training_history.py`` and ``learning_curve.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tasks.reporting.style import get_float

Document = Mapping[str, Any]

PART_NAMES = {"train": "training", "validation": "validation", "holdout": "hold-out"}
MEASURES = (
    "accuracy",
    "mae",
)  # what is measured beside the loss: of classes, of numbers and series
GREATER_IS_BETTER = frozenset({"accuracy"})


@dataclass(frozen=True)
class Training:
    """One training as its MLflow run tells it.

    Parameters
    ----------
    name : str
        The candidate's or the baseline's.
    kind : str
        Such as ``cnn``; empty where the run does not say.
    metrics : mapping of str to float
        What the train step logs: ``n_parameters``, ``n_training_rows``, ``n_epochs``, ``best_epoch``,
        ``fit_seconds``, ``is_converged`` and, of the kept weights, ``final_train_<measure>`` and
        ``final_validation_<measure>``; any of them may be missing.
    """

    name: str
    kind: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRow:
    """A line of the report's table of trainings; what is not known is None.

    Parameters
    ----------
    name : str
    kind : str
        Empty where it is the name.
    n_parameters, n_training_rows : int or None
    n_epochs, best_epoch : int or None
        None of a baseline, whose solver counts in other steps.
    seconds : float or None
    measure : str or None
        What ``train`` and ``validation`` are: accuracy or mae.
    train, validation : float or None
        Of the weights that were kept.
    gap : float or None
        How much worse validation is than training.
    is_converged : bool
    """

    name: str
    kind: str
    n_parameters: int | None
    n_training_rows: int | None
    n_epochs: int | None
    best_epoch: int | None
    seconds: float | None
    measure: str | None
    train: float | None
    validation: float | None
    gap: float | None
    is_converged: bool


def tabulate_history(history: Document) -> pd.DataFrame:
    """Loss and measure per epoch: columns ``epoch`` (from 1), ``part``, ``measure``, ``value``."""
    rows = [
        (row["epoch"], PART_NAMES.get(row["part"], row["part"]), measure, float(row[measure]))
        for row in history.get("rows") or ()
        for measure in ("loss", *MEASURES)
        if row.get(measure) is not None
    ]
    return pd.DataFrame(rows, columns=["epoch", "part", "measure", "value"])


def tabulate_learning_curve(curve: Document) -> pd.DataFrame:
    """Scores by amount of data, fewest rows first: columns ``n_rows``, ``part``, ``value``."""
    rows = [
        (int(point["n_rows"]), PART_NAMES[part], get_float(point[part]))
        for point in sorted(curve.get("points") or (), key=lambda point: int(point["n_rows"]))
        for part in ("train", "validation")
        if point.get(part) is not None
    ]
    return pd.DataFrame(rows, columns=["n_rows", "part", "value"])


def list_trainings(
    trainings: Mapping[str, Training], histories: Mapping[str, Document]
) -> list[TrainingRow]:
    """List the trainings: networks first, then the baselines, which have no epochs.

    Parameters
    ----------
    trainings : mapping of str to Training
    histories : mapping of str to mapping
        By the same names.

    Returns
    -------
    list of TrainingRow
    """
    listed = []
    for name, training in trainings.items():
        if not training.metrics:
            continue
        has_epochs = bool((histories.get(name) or {}).get("rows"))
        listed.append(_describe(training, has_epochs=has_epochs))
    return sorted(listed, key=lambda row: (row.n_epochs is None, row.name))


def _describe(training: Training, *, has_epochs: bool) -> TrainingRow:
    metrics = training.metrics

    def count(name: str) -> int | None:
        return int(metrics[name]) if name in metrics else None

    measure = next((m for m in MEASURES if f"final_train_{m}" in metrics), None)
    train = metrics.get(f"final_train_{measure}")
    validation = metrics.get(f"final_validation_{measure}")
    gap = None
    if measure is not None and train is not None and validation is not None:
        gap = train - validation if measure in GREATER_IS_BETTER else validation - train
    return TrainingRow(
        name=training.name,
        kind=training.kind if training.kind != training.name else "",
        n_parameters=count("n_parameters"),
        n_training_rows=count("n_training_rows"),
        n_epochs=count("n_epochs") if has_epochs else None,
        best_epoch=count("best_epoch") if has_epochs else None,
        seconds=metrics.get("fit_seconds"),
        measure=measure,
        train=train,
        validation=validation,
        gap=gap,
        is_converged=bool(metrics.get("is_converged", 1.0)),
    )
