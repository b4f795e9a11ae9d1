"""The proof that hold-out rows were never trained on: digests of the ids, and how many are in common.

Pure functions of ``tasks.evaluation``; what the champion was trained on is looked up in
``champion_rows.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import EvaluationError

How = Literal["by the split's rule", "by its ids", "unknown"]

TRAIN = "train"
_IDS_AT_ONCE = 100_000


@dataclass(frozen=True)
class ChampionRows:
    """How many of tonight's hold-out rows the champion was trained on.

    Parameters
    ----------
    how : {"by the split's rule", "by its ids", "unknown"}
        How that is known: its night dealt rows to parts by the same rule, or its training rows were
        looked through.
    n_common : int or None
        None where it is not known.
    """

    how: How
    n_common: int | None


@dataclass(frozen=True)
class Seen:
    """Which rows trained and which judged: the part ``seen`` of ``scores.json``.

    Parameters
    ----------
    n_training, n_holdout : int
        Rows; of a forecast steps.
    n_common : int
        Hold-out rows that are training rows as well: 0.
    training_sha256, holdout_sha256 : str
        See :func:`digest_ids`.
    champion : ChampionRows or None
        None where there is none.
    """

    n_training: int
    n_holdout: int
    n_common: int
    training_sha256: str
    holdout_sha256: str
    champion: ChampionRows | None = None

    def to_json(self) -> dict[str, Any]:
        """Make the part ``seen`` of ``scores.json``."""
        return asdict(self)


def read_ids(clean: Dataset, part: str, time: str | None = None) -> pa.ChunkedArray:
    """Read what identifies the rows of a part.

    Parameters
    ----------
    clean : Dataset
        Clean rows.
    part : {"train", "validation", "holdout"}
    time : str, optional
        Of a forecast the column of times: a step is known by its time.

    Returns
    -------
    pyarrow.ChunkedArray of strings
    """
    name = time or ID_COLUMN
    ids = clean.table([name], where=pc.field(SPLIT_COLUMN) == part)[name]
    return ids if time is None else ids.cast(pa.timestamp("us")).cast(pa.string())


def prove_unseen(training: pa.ChunkedArray, holdout: pa.ChunkedArray) -> Seen:
    """Prove that no hold-out row was trained on.

    Parameters
    ----------
    training, holdout : pyarrow.ChunkedArray of strings
        Of :func:`read_ids`.

    Returns
    -------
    Seen

    Raises
    ------
    EvaluationError
        When a row is in both parts.
    """
    n_common = count_common(training, holdout)
    if n_common:
        first = holdout.filter(pc.is_in(holdout, value_set=training.combine_chunks()))[0].as_py()
        raise EvaluationError(
            f"{n_common:,} of {len(holdout):,} hold-out rows are training rows too, such as {first!r}.",
            expected="every row in one part of the split alone: who has seen a row must not be judged "
            "by it",
            hint="clear the task clean, so that the rows are split again",
        )
    return Seen(
        n_training=len(training),
        n_holdout=len(holdout),
        n_common=0,
        training_sha256=digest_ids(training),
        holdout_sha256=digest_ids(holdout),
    )


def count_common(training: pa.ChunkedArray, holdout: pa.ChunkedArray) -> int:
    """Count the hold-out rows that are training rows too."""
    is_common = pc.is_in(holdout, value_set=training.combine_chunks())
    return int(np.asarray(is_common).sum())


def digest_ids(ids: pa.ChunkedArray) -> str:
    r"""Compute the SHA-256 of the sorted ids, each with a null character behind it.

    Two nights with the same digest have the same rows in that part, in whatever order.

    Examples
    --------
    >>> digest_ids(pa.chunked_array([["b", "a"]])) == hashlib.sha256(b"a\0b\0").hexdigest()
    True
    """
    whole = hashlib.sha256()
    ordered = ids.take(pc.sort_indices(ids))
    for part in _slice_ids(ordered):
        whole.update("".join(f"{name}\0" for name in part).encode())
    return whole.hexdigest()


def _slice_ids(ids: pa.ChunkedArray) -> Iterator[list[str]]:
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids.slice(start, _IDS_AT_ONCE).to_pylist()
