"""How everybody scores on a part of the hold-out: class by class, and slice by slice.

Pure functions of ``tasks.evaluation``. A model may be better as a whole and worse for somebody: the gate
looks at what the challenger loses in each group.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.evaluation.classification import ClassificationScorer
from tasks.evaluation.scorer import Scorer
from tasks.evaluation.slices import Slice
from tasks.metrics import (
    compute_metric,
    compute_recall,
    count_confusion,
    is_smaller_better,
    score_values,
)
from tasks.workflow import Metric

RECALL = "recall"


@dataclass(frozen=True)
class Group:
    """A part of the hold-out, and how everybody scores on it.

    Parameters
    ----------
    by : {"class", "slice"}
    column : str or None
        Of a slice: whose value the rows share.
    value : str
        The class, or the value.
    n_rows : int
        Hold-out rows; 0 for a class that the hold-out lacks.
    metric : str
        Of a class recall; of a slice what the night is decided by (macro F1 over the classes that its
        rows have; of R2, which needs the spread of the whole hold-out, rmse).
    is_error : bool
        Whether less is better.
    scores : mapping of str to float
        By the names of the models; NaN for none.
    loss : float
        How much worse the challenger is than the champion: a difference, of errors a share of the
        champion's error. Negative where it is better; NaN where one of them has no figure.
    """

    by: Literal["class", "slice"]
    column: str | None
    value: str
    n_rows: int
    metric: str
    is_error: bool
    scores: Mapping[str, float]
    loss: float

    def to_json(self) -> dict[str, Any]:
        """Make an entry of ``groups`` in ``scores.json``."""
        return asdict(self)


def score_groups(
    scorer: Scorer,
    predictions: Mapping[str, npt.NDArray[Any] | None],
    slices: Sequence[Slice],
    metric: Metric,
    *,
    challenger: str,
    champion: str | None,
) -> tuple[Group, ...]:
    """Score everybody by class and by slice.

    Parameters
    ----------
    scorer : Scorer
    predictions : mapping of str to ndarray of shape (n_rows, ...) or None
        Of all judged rows; None where a model says no numbers.
    slices : sequence of Slice
        Of all judged rows.
    metric : str
        What the night is decided by.
    challenger : str
    champion : str or None
        None where there is none.

    Returns
    -------
    tuple of Group
        Classes in the order of their codes, then the slices' values in the order of the slice.
    """
    found = list(_score_classes(scorer, predictions)) if isinstance(scorer, ClassificationScorer) else []  # fmt: skip
    for cut in slices:
        found += _score_slice(scorer, predictions, cut, metric)
    return tuple(
        Group(
            **part,
            loss=measure_loss(
                part["metric"],
                part["scores"][challenger],
                part["scores"][champion] if champion is not None else math.nan,
            ),
        )
        for part in found
    )


def measure_loss(metric: str, challenger: float, champion: float) -> float:
    """Measure how much worse the challenger is than the champion.

    Returns
    -------
    float
        Of errors as a share of the champion's: 0.05 is a twentieth more. Where the champion makes no
        error at all, any error is a loss of 1, which no limit allows. NaN where one of them has no
        figure.

    Examples
    --------
    >>> measure_loss("recall", 0.75, 1.0), measure_loss("rmse", 6.0, 5.0)
    (0.25, 0.2)
    >>> measure_loss("recall", 0.75, math.nan)
    nan
    """
    if not is_smaller_better(metric):
        return champion - challenger
    if champion == 0.0:
        return 1.0 if challenger > 0.0 else challenger  # 0, or no number
    return (challenger - champion) / champion


def _score_classes(
    scorer: ClassificationScorer, predictions: Mapping[str, npt.NDArray[Any] | None]
) -> Iterator[dict[str, Any]]:
    nothing = np.full(len(scorer.classes), np.nan)
    recalls = {
        name: nothing if values is None else compute_recall(scorer.count_confusion(values))
        for name, values in predictions.items()
    }
    n_of = np.bincount(scorer.target[scorer.is_holdout], minlength=len(scorer.classes))
    for code, value in enumerate(scorer.classes):
        yield {
            "by": "class",
            "column": None,
            "value": str(value),
            "n_rows": int(n_of[code]),
            "metric": RECALL,
            "is_error": False,
            "scores": {name: float(recall[code]) for name, recall in recalls.items()},
        }


def _score_slice(
    scorer: Scorer,
    predictions: Mapping[str, npt.NDArray[Any] | None],
    cut: Slice,
    metric: Metric,
) -> Iterator[dict[str, Any]]:
    used: Metric = "rmse" if metric == "r2" else metric
    for code, value in enumerate(cut.values):
        rows = scorer.is_holdout & (cut.codes == code)
        yield {
            "by": "slice",
            "column": cut.column,
            "value": value,
            "n_rows": int(rows.sum()),
            "metric": used,
            "is_error": is_smaller_better(used),
            "scores": {
                name: math.nan
                if values is None
                else _measure(scorer, used, scorer.target[rows], values[rows])
                for name, values in predictions.items()
            },
        }


def _measure(
    scorer: Scorer, metric: Metric, target: npt.NDArray[Any], predicted: npt.NDArray[Any]
) -> float:
    """Compute one figure on some rows, of which there is at least one."""
    if isinstance(scorer, ClassificationScorer):
        confusion = count_confusion(target, predicted.argmax(axis=1), len(scorer.classes))
        if metric != "macro_f1":
            return compute_metric("accuracy", confusion)
        # Of the classes that the rows have: in a slice of one class, a row that is taken for another
        # class would count for half of the figure.
        n_true = confusion.sum(axis=1)
        f1 = 2.0 * np.diag(confusion) / np.maximum(n_true + confusion.sum(axis=0), 1)
        return float(f1[n_true > 0].mean())
    scores = score_values(target, predicted)
    return scores.mae if metric == "mae" else scores.rmse
