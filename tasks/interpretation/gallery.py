"""Which images of the hold-out are explained: confident mistakes, and right ones of as many classes.

Called by ``step``; reads what the evaluation predicted and the clean images themselves.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset, tensor_column_to_array
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import InterpretationError

N_WRONG = 6
N_RIGHT = 6
_TARGET = "target"
_CONFIDENCE = "_confidence"


@dataclass(frozen=True)
class Pictured:
    """One image and what the model said of it.

    Parameters
    ----------
    id : str
    target, predicted : int or str
        Classes.
    confidence : float
        Probability of the predicted class.
    is_wrong : bool
    """

    id: str
    target: int | str
    predicted: int | str
    confidence: float
    is_wrong: bool

    def to_json(self) -> dict[str, Any]:
        """Make its row of ``interpretation.json``."""
        return asdict(self)


def choose_images(
    predictions: Dataset, model: str, *, n_wrong: int = N_WRONG, n_right: int = N_RIGHT
) -> tuple[Pictured, ...]:
    """Choose the most confident mistakes and right answers of a model on the hold-out.

    Parameters
    ----------
    predictions : Dataset
        As the evaluation wrote them: ``id``, ``split``, ``target``, ``<model>``,
        ``<model>_confidence``.
    model : str
    n_wrong, n_right : int, default 6
        At most.

    Returns
    -------
    tuple of Pictured
        Mistakes first, the most confident first; then right ones, one of each class before a second
        one of any.
    """
    columns = [ID_COLUMN, _TARGET, model, model + _CONFIDENCE]
    judged = predictions.table(columns, where=pc.field(SPLIT_COLUMN) == "holdout")
    is_right = pc.equal(judged[_TARGET], judged[model])
    # By id where confidences are equal, so that a retry chooses the same.
    order = [(model + _CONFIDENCE, "descending"), (ID_COLUMN, "ascending")]
    right = judged.filter(is_right).sort_by(order)
    wrong = judged.filter(pc.invert(is_right)).sort_by(order).slice(0, n_wrong)
    seen: dict[Any, int] = {}
    ranks = []  # among the right ones of the same class
    for target in right[_TARGET].to_pylist():
        ranks.append(seen.get(target, 0))
        seen[target] = ranks[-1] + 1
    first = np.argsort(np.array(ranks, dtype=np.int64), kind="stable")[:n_right]
    return (
        *_list(wrong, model, is_wrong=True),
        *_list(right.take(pa.array(first, pa.int64())), model, is_wrong=False),
    )


def read_images(clean: Dataset, column: str, pictured: tuple[Pictured, ...]) -> npt.NDArray[Any]:
    """Read the chosen images, in their order.

    Parameters
    ----------
    clean : Dataset
        Streamed.
    column : str
        Of the tensors.
    pictured : tuple of n_images Pictured

    Returns
    -------
    ndarray of shape (n_images, height, width, channels) in their own dtype

    Raises
    ------
    InterpretationError
        When an image is not among the clean rows.
    """
    ids = [one.id for one in pictured]
    chosen = pc.field(ID_COLUMN).isin(ids)
    table = clean.table([ID_COLUMN, column], where=chosen)
    places = pc.index_in(pa.array(ids), value_set=table[ID_COLUMN].combine_chunks())
    if places.null_count:
        raise InterpretationError(
            f"{places.null_count} of {len(ids)} images are not among the clean rows.",
            expected="every row that was judged",
            hint="clear the tasks clean and evaluate together, so that they belong to each other",
        )
    return tensor_column_to_array(table[column])[np.asarray(places, dtype=np.int64)]


def _list(rows: pa.Table, model: str, *, is_wrong: bool) -> list[Pictured]:
    return [
        Pictured(
            row[ID_COLUMN],
            row[_TARGET],
            row[model],
            float(row[model + _CONFIDENCE]),
            is_wrong,
        )
        for row in rows.to_pylist()
    ]
