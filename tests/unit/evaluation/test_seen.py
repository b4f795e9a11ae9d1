"""Hold-out rows were never trained on, and the document proves it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter
from tasks.errors import EvaluationError
from tasks.evaluation.seen import digest_ids, prove_unseen, read_ids


def ids(*names: str) -> pa.ChunkedArray:
    return pa.chunked_array([list(names)], pa.string())


def test_parts_without_a_common_row_are_proven() -> None:
    """The numbers of rows, and the digests of their ids."""
    seen = prove_unseen(ids("a", "c", "b"), ids("d", "e")).to_json()
    assert (seen["n_training"], seen["n_holdout"], seen["n_common"]) == (3, 2, 0)
    assert seen["training_sha256"] == hashlib.sha256(b"a\0b\0c\0").hexdigest()
    assert seen["holdout_sha256"] == hashlib.sha256(b"d\0e\0").hexdigest()
    assert seen["champion"] is None


def test_a_row_in_both_parts_is_refused() -> None:
    """The error names one of them."""
    with pytest.raises(
        EvaluationError, match="1 of 2 hold-out rows are training rows too, such as 'b'"
    ):
        prove_unseen(ids("a", "b"), ids("b", "c"))


def test_a_digest_is_of_the_rows_and_not_of_their_order() -> None:
    """Ids that run together are told apart."""
    assert digest_ids(ids("b", "a")) == digest_ids(pa.chunked_array([["a"], ["b"]]))
    assert digest_ids(ids("ab", "c")) != digest_ids(ids("a", "bc"))
    assert digest_ids(ids()) == hashlib.sha256(b"").hexdigest()


def test_many_ids_are_digested_whole() -> None:
    """Beyond the number that is looked at at once."""
    names = [f"{i:07}" for i in range(250_000)]
    expected = hashlib.sha256("".join(f"{name}\0" for name in names).encode()).hexdigest()
    assert digest_ids(pa.chunked_array([names[::-1]])) == expected


def test_steps_are_known_by_their_times(tmp_path: Path) -> None:
    """Of a series whose grid has given ids of its own."""
    times = np.datetime64("2026-01-01", "us") + np.arange(3) * np.timedelta64(1, "D")
    table = pa.table(
        {"id": ["x", "y", "z"], "split": ["train", "train", "holdout"], "time": pa.array(times)}
    )
    with DatasetWriter(tmp_path / "clean", table.schema) as writer:
        writer.write(table)
    clean = Dataset.open(tmp_path / "clean")
    assert read_ids(clean, "train").to_pylist() == ["x", "y"]
    assert read_ids(clean, "holdout", "time").to_pylist() == ["2026-01-03 00:00:00.000000"]
