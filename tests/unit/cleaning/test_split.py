"""The split by a keyed hash of the id."""

from __future__ import annotations

import math
import time

import numpy as np
import pyarrow as pa
import pytest

from tasks.cleaning.split import hash_ids, split_by_hash, split_by_source
from tasks.workflow import HashSplit, SourceSplit

IDS = pa.array([f"row-{i}" for i in range(10_000)])
SPLIT = HashSplit(by="hash", validation=0.1, holdout=0.2)


def test_fractions_are_the_same_on_every_machine() -> None:
    """Computed with hashlib alone: int(blake2b(id, digest_size=8, key=key)) >> 11, over 2**53."""
    fractions = hash_ids(pa.array(["digits:1", "digits:2", "ä"]), "digits")
    assert fractions.tolist() == [0.7823356953938342, 0.11503939956860576, 0.06375913774190145]


def test_shares_are_those_asked_for() -> None:
    """Within four standard deviations of the binomial distribution over 10,000 rows."""
    parts = split_by_hash(IDS, SPLIT, "digits").to_pylist()
    for part, share in (("train", 0.7), ("validation", 0.1), ("holdout", 0.2)):
        deviation = math.sqrt(10_000 * share * (1 - share))
        assert abs(parts.count(part) - 10_000 * share) < 4 * deviation


def test_a_row_keeps_its_part_when_rows_are_added_or_reordered() -> None:
    """The part follows from the id alone."""
    whole = dict(zip(IDS.to_pylist(), split_by_hash(IDS, SPLIT, "x").to_pylist(), strict=True))
    some = pa.array(list(reversed(IDS.to_pylist()))[::7])
    assert split_by_hash(some, SPLIT, "x").to_pylist() == [whole[i] for i in some.to_pylist()]


def test_the_holdout_stays_when_the_validation_share_changes() -> None:
    """And what is validation at a tenth still is at two tenths."""
    more = split_by_hash(IDS, HashSplit(by="hash", validation=0.2, holdout=0.2), "x").to_pylist()
    less = split_by_hash(IDS, SPLIT, "x").to_pylist()
    changed = {(a, b) for a, b in zip(less, more, strict=True) if a != b}
    assert changed == {("train", "validation")}


def test_workflows_do_not_share_their_splits() -> None:
    """Two names agree on a row's part only by chance: 0.7² + 0.1² + 0.2² = 0.54."""
    one = np.array(split_by_hash(IDS, SPLIT, "one").to_pylist())
    other = np.array(split_by_hash(IDS, SPLIT, "other").to_pylist())
    assert 0.50 < (one == other).mean() < 0.58


def test_the_source_decides_and_the_hash_takes_validation_rows() -> None:
    """The hold-out is the source's; a fifth of its training rows become validation."""
    given = pa.array(["holdout" if i < 1000 else "train" for i in range(10_000)])
    split = SourceSplit(by="source", validation=0.2)
    parts, problems = split_by_source(IDS, given, split, "mnist")
    listed = parts.to_pylist()
    assert problems == ()
    assert listed[:1000] == ["holdout"] * 1000
    assert abs(listed[1000:].count("validation") - 1800) < 4 * math.sqrt(9000 * 0.2 * 0.8)


def test_a_part_that_the_source_does_not_know_is_a_problem() -> None:
    """Its rows are told with what the source said."""
    given = pa.array(["train", "test", None, "validation"])
    parts, (problem,) = split_by_source(IDS[:4], given, SourceSplit(by="source"), "x")
    assert (problem.rows.tolist(), problem.values) == ([1, 2], ["test", ""])
    assert (parts[0].as_py(), parts[3].as_py()) == ("train", "validation")


@pytest.mark.parametrize("n_rows", [0, 60_000])
def test_splitting_is_quick(n_rows: int) -> None:
    """60,000 rows in well under a second, and none at all without an error."""
    ids = pa.array([f"mnist/train:{i}" for i in range(n_rows)], pa.string())
    started = time.process_time()
    assert len(split_by_hash(ids, SPLIT, "mnist")) == n_rows
    assert time.process_time() - started < 1.0
