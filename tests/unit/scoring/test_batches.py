"""Batches through a model that refuses some rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import CleaningError, ScoringError
from tasks.scoring.batches import MAX_REFUSED_AT_FIRST, score_batches, tell_reason


class Doubler:
    """Says twice the value of each row; a negative one makes it refuse what it was given."""

    def __init__(self) -> None:
        self.n_rows_asked: list[int] = []

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Predict, or refuse."""
        self.n_rows_asked.append(rows.num_rows)
        values = rows.column("x").to_numpy()
        if (values < 0).any():
            row = int(np.argmax(values < 0))
            raise CleaningError(f"Row {row} cannot be predicted: x: negative: '{values[row]:g}'.")
        return pa.RecordBatch.from_pydict({"prediction": values * 2})


def make_batches(values: list[float], size: int) -> list[pa.RecordBatch]:
    return pa.table({"id": [str(i) for i in range(len(values))], "x": values}).to_batches(size)


def test_all_rows_are_predicted_in_their_order() -> None:
    """One call per batch where nothing is refused."""
    model = Doubler()
    scored = list(score_batches(make_batches([1.0, 2.0, 3.0], 2), model))
    assert [one.outputs["prediction"].to_pylist() for one in scored] == [[2.0, 4.0], [6.0]]
    assert [one.places.tolist() for one in scored] == [[0, 1], [0]]
    assert model.n_rows_asked == [2, 1]


def test_a_refused_row_costs_itself_and_not_the_batch() -> None:
    """Its reason is told without the number that it had in the piece that was asked about."""
    values = [float(i) for i in range(100)]
    values[37] = values[90] = -1.0
    (scored,) = score_batches(make_batches(values, 100), Doubler())
    assert scored.refused.tolist() == [37, 90]
    assert scored.reasons == ("x: negative: '-1'.",) * 2
    assert scored.places.tolist() == [i for i in range(100) if i not in (37, 90)]
    assert scored.outputs["prediction"].to_pylist() == [2.0 * i for i in scored.places]


def test_one_bad_row_of_eight_thousand_takes_few_calls() -> None:
    """Twice the logarithm, not one call per row."""
    values = [1.0] * 8192
    values[5000] = -1.0
    model = Doubler()
    list(score_batches(make_batches(values, 8192), model))
    assert len(model.n_rows_asked) <= 1 + 2 * 13


def test_a_model_that_refuses_everything_is_asked_no_further() -> None:
    """The error has the first reason, and comes long before the last row."""
    model = Doubler()
    with pytest.raises(ScoringError, match=r"refuses all of the first 200 rows; the first: x: neg"):
        list(score_batches(make_batches([-1.0] * 50_000, 8192), model))
    assert model.n_rows_asked.count(1) == MAX_REFUSED_AT_FIRST


def test_few_rows_that_are_all_refused_are_an_error_too() -> None:
    """Nothing was predicted: there is nothing to publish."""
    with pytest.raises(ScoringError, match="refuses all of the first 3 rows"):
        list(score_batches(make_batches([-1.0] * 3, 2), Doubler()))


def test_many_refused_rows_after_a_good_one_are_quarantined() -> None:
    """One row that was predicted shows that the model works."""
    scored = list(score_batches(make_batches([1.0] + [-1.0] * 300, 64), Doubler()))
    assert sum(len(one.refused) for one in scored) == 300
    assert sum(len(one.places) for one in scored) == 1


def test_no_row_at_all_is_an_error() -> None:
    """Not an empty success."""
    with pytest.raises(ScoringError, match="There is no row to score"):
        list(score_batches([], Doubler()))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("\na  b\nmore"), "a b"),
        (MemoryError(), "MemoryError"),
        (ValueError("x" * 1000), "x" * 300),
    ],
    ids=["lines", "no text", "long"],
)
def test_reasons_are_one_short_line(error: Exception, reason: str) -> None:
    """Whatever a model raises."""
    assert tell_reason(error) == reason
