"""The split by a keyed hash of the id."""

from __future__ import annotations

import math
import time

import numpy as np
import pyarrow as pa
import pytest

from tasks.cleaning.duplicates import digest_rows
from tasks.cleaning.split import (
    hash_ids as hash_digests,
)
from tasks.cleaning.split import (
    split_by_hash,
    split_by_source,
    split_by_time,
    to_folds,
    to_fractions,
)
from tasks.workflow import HashSplit, SourceSplit, TimeSplit


def hash_ids(ids: pa.Array, key: str) -> np.ndarray:
    return hash_digests(digest_rows({"id": ids}, ["id"]), key)


IDS = pa.array([f"row-{i}" for i in range(10_000)])
SPLIT = HashSplit(by="hash", validation=0.1, holdout=0.2)


def split(ids: pa.Array, how: HashSplit, key: str) -> list[str]:
    listed: list[str] = split_by_hash(hash_ids(ids, key), how).to_pylist()
    return listed


def test_fractions_are_the_same_on_every_machine() -> None:
    """A change of these figures would send yesterday's hold-out into tomorrow's training rows."""
    fractions = to_fractions(hash_ids(pa.array(["digits:1", "digits:2", "ä"]), "digits"))
    assert fractions.tolist() == [0.5952312884313811, 0.2771515852997032, 0.5160216290818898]


def test_folds_do_not_follow_the_split() -> None:
    """Training rows fall into five folds evenly, within four standard deviations."""
    hashes = hash_ids(IDS, "digits")
    training = to_folds(hashes)[np.array(split(IDS, SPLIT, "digits")) == "train"] % 5
    counts = np.bincount(training, minlength=5)
    assert (abs(counts - len(training) / 5) < 4 * math.sqrt(len(training) * 0.16)).all()


def test_shares_are_those_asked_for() -> None:
    """Within four standard deviations of the binomial distribution over 10,000 rows."""
    parts = split(IDS, SPLIT, "digits")
    for part, share in (("train", 0.7), ("validation", 0.1), ("holdout", 0.2)):
        deviation = math.sqrt(10_000 * share * (1 - share))
        assert abs(parts.count(part) - 10_000 * share) < 4 * deviation


def test_a_row_keeps_its_part_when_rows_are_added_or_reordered() -> None:
    """The part follows from the id alone."""
    whole = dict(zip(IDS.to_pylist(), split(IDS, SPLIT, "x"), strict=True))
    some = pa.array(list(reversed(IDS.to_pylist()))[::7])
    assert split(some, SPLIT, "x") == [whole[i] for i in some.to_pylist()]


def test_the_holdout_stays_when_the_validation_share_changes() -> None:
    """And what is validation at a tenth still is at two tenths."""
    more = split(IDS, HashSplit(by="hash", validation=0.2, holdout=0.2), "x")
    less = split(IDS, SPLIT, "x")
    changed = {(a, b) for a, b in zip(less, more, strict=True) if a != b}
    assert changed == {("train", "validation")}


def test_workflows_do_not_share_their_splits() -> None:
    """Two names agree on a row's part only by chance: 0.7² + 0.1² + 0.2² = 0.54."""
    one = np.array(split(IDS, SPLIT, "one"))
    other = np.array(split(IDS, SPLIT, "other"))
    assert 0.50 < (one == other).mean() < 0.58


def test_the_source_decides_and_the_hash_takes_validation_rows() -> None:
    """The hold-out is the source's; a fifth of its training rows become validation."""
    given = pa.array(["holdout" if i < 1000 else "train" for i in range(10_000)])
    how = SourceSplit(by="source", validation=0.2)
    parts, problems = split_by_source(hash_ids(IDS, "mnist"), given, how)
    listed = parts.to_pylist()
    assert problems == ()
    assert listed[:1000] == ["holdout"] * 1000
    assert abs(listed[1000:].count("validation") - 1800) < 4 * math.sqrt(9000 * 0.2 * 0.8)


def test_a_part_that_the_source_does_not_know_is_a_problem() -> None:
    """Its rows are told with what the source said."""
    given = pa.array(["train", "test", None, "validation"])
    hashes = hash_ids(IDS[:4], "x")
    parts, (problem,) = split_by_source(hashes, given, SourceSplit(by="source"))
    assert (problem.rows.tolist(), problem.values) == ([1, 2], ["test", ""])
    assert (parts[0].as_py(), parts[3].as_py()) == ("train", "validation")


@pytest.mark.parametrize("n_rows", [0, 60_000])
def test_splitting_is_quick(n_rows: int) -> None:
    """60,000 rows in well under a second, and none at all without an error."""
    ids = pa.array([f"mnist/train:{i}" for i in range(n_rows)], pa.string())
    started = time.process_time()
    assert len(split(ids, SPLIT, "mnist")) == n_rows
    assert time.process_time() - started < 1.0


def test_a_series_is_parted_by_time() -> None:
    """Ten days in any order: seven train, the next validates, the last two judge."""
    days = np.datetime64("2026-01-01", "us") + np.arange(10) * np.timedelta64(1, "D")
    bounds = split_by_time(days[::-1], TimeSplit(by="time", validation=0.1, holdout=0.2))
    assert bounds.name_parts(days).to_pylist() == ["train"] * 7 + ["validation"] + ["holdout"] * 2


def test_rows_of_one_time_are_never_parted() -> None:
    """All rows of the hold-out's first day are in the hold-out."""
    days = np.array(["2026-01-01"] * 2 + ["2026-01-02"] * 8, dtype="M8[us]")
    bounds = split_by_time(days, TimeSplit(by="time", validation=0.0, holdout=0.2))
    assert bounds.name_parts(days).to_pylist() == ["train"] * 2 + ["holdout"] * 8
