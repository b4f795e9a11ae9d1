from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.rows import MiningRows
from tasks.mining.tree.inputs import InputReader, clip_inputs, draw_places
from tasks.mining.tree.target import Target

MakeRows = Callable[..., MiningRows]


@pytest.fixture
def reader(make_rows: MakeRows) -> InputReader:
    """A thousand rows in partitions of 70, every fifth held out; x counts them, z is 3 - x."""
    x = np.arange(1000.0)
    rows = make_rows(
        {"kind": ["even", "odd"] * 500, "x": x, "z": 3 - x},
        "kind",
        split=["holdout" if i % 5 == 0 else "train" for i in range(1000)],
        rows_per_partition=70,
    )
    return InputReader(rows, ("x", "z"), Target("kind", ("even", "odd")))


def test_few_rows_are_read_whole(reader: InputReader) -> None:
    """In their order, each with its class."""
    X, y = reader.sample(10_000, seed=1)
    assert X[:, 0].tolist() == [i for i in range(1000) if i % 5]
    assert (X[:, 1] == 3 - X[:, 0]).all()
    assert (y == X[:, 0] % 2).all()
    held, _ = reader.sample(10_000, seed=1, part="holdout")
    assert held[:, 0].tolist() == list(range(0, 1000, 5))


def test_many_rows_are_drawn(reader: InputReader) -> None:
    """Without repetition, in order, the same for the same seed, and each still with its class."""
    X, y = reader.sample(100, seed=1)
    places = X[:, 0].tolist()
    assert len(set(places)) == 100
    assert places == sorted(places)
    assert (y == X[:, 0] % 2).all()
    assert reader.sample(100, seed=1)[0].tolist() == X.tolist()
    assert reader.sample(100, seed=2)[0].tolist() != X.tolist()


def test_a_part_without_rows_is_empty(reader: InputReader) -> None:
    """There need be no validation rows."""
    X, y = reader.sample(100, seed=1, part="validation")
    assert (X.shape, y.shape) == ((0, 2), (0,))


def test_batches_are_all_rows_once(reader: InputReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little may lie in memory."""
    monkeypatch.setattr("tasks.mining.tree.inputs.BATCH_BYTES", 4 * 2 * 16)
    batches = list(reader.batches("holdout"))
    assert reader.batch_rows == 16
    assert max(len(X) for X, _ in batches) <= 16
    assert np.concatenate([X[:, 0] for X, _ in batches]).tolist() == list(range(0, 1000, 5))


def test_memory_is_bounded_by_the_width(
    reader: InputReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """256 MiB of float32 are 33,554,432 rows of two inputs; a row at least is always read."""
    assert reader.max_rows == 33_554_432
    monkeypatch.setattr("tasks.mining.tree.inputs.MAX_FIT_BYTES", 1)
    assert reader.max_rows == 1


def test_infinite_inputs_stay_beyond_every_threshold() -> None:
    """And missing ones are refused."""
    found = clip_inputs(np.array([[np.inf, -np.inf, 1.0]], dtype=np.float32))
    assert found[0, 0] == -found[0, 1] == np.finfo(np.float32).max
    with pytest.raises(MiningError, match="1 of 2 rows to be scored hold a missing value"):
        clip_inputs(np.array([[np.nan], [1.0]], dtype=np.float32))


def test_places_are_drawn_in_order() -> None:
    """All, where there are no more."""
    assert draw_places(3, 5, seed=1).tolist() == [0, 1, 2]
    drawn = draw_places(100, 5, seed=1)
    assert len(set(drawn.tolist())) == 5
    assert (np.diff(drawn) > 0).all()
