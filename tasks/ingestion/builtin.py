"""The data sets that ship inside scikit-learn, in the order in which their rows arrive.

Source for ``step.py``; no network and no disk is used.
"""

from __future__ import annotations

import datetime
import hashlib
import re

import numpy as np
import pyarrow as pa

from tasks.dataset import array_to_tensor_column
from tasks.ingestion.arrival import count_arrived_rows
from tasks.ingestion.parts import Part, cut_into_parts
from tasks.workflow import SklearnSource

TABLE_TARGET = "target"  # scikit-learn's own word
IMAGE_TARGET = "label"
IMAGE_COLUMN = "image"


def read_sklearn(source: SklearnSource, night: datetime.date) -> list[Part]:
    """Read what had arrived of a built-in data set by a night.

    Parameters
    ----------
    source : SklearnSource
    night : datetime.date

    Returns
    -------
    list of Part
        ``digits`` has ``image`` (uint8 tensors of shape (8, 8, 1), 0 to 16) and ``label`` (int64).
        The tables have scikit-learn's feature names as :func:`make_safe_name` writes them
        (float64) and ``target``, the name of the class (string).
        ``source`` is the data set's name, ``line`` the row's number in scikit-learn, from 1.

    Raises
    ------
    SourceError
        When no row had arrived.

    Notes
    -----
    The rows of ``digits`` arrive as scikit-learn has them: writer after writer, each with all ten
    digits, so every part of them holds all classes. Those of the tables are sorted by class in
    ``iris`` and ``wine``; they arrive in the order of a digest of their number, which is the same
    on every machine, so that the first night already sees all classes.
    """
    rows = _load_digits() if source.dataset == "digits" else _load_table(source.dataset)
    order = np.arange(rows.num_rows)
    if source.dataset != "digits":
        order = order[np.argsort([_digest(i) for i in range(rows.num_rows)])]
    n_arrived = count_arrived_rows(source.dataset, rows.num_rows, source.arrives, night)
    arrived = order[:n_arrived]
    return cut_into_parts(source.dataset, rows.take(pa.array(arrived)), pa.array(arrived + 1))


def make_safe_name(name: str) -> str:
    """Write a name in snake case: lower case, every run of other signs than letters and digits as ``_``.

    Examples
    --------
    >>> make_safe_name("sepal length (cm)")
    'sepal_length_cm'
    >>> make_safe_name("od280/od315_of_diluted_wines")
    'od280_od315_of_diluted_wines'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _digest(row_number: int) -> bytes:
    return hashlib.blake2b(str(row_number).encode(), digest_size=8).digest()


def _load_digits() -> pa.Table:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype(np.uint8)[..., np.newaxis]  # whole numbers from 0 to 16
    return pa.table(
        {
            IMAGE_COLUMN: array_to_tensor_column(images),
            IMAGE_TARGET: pa.array(digits.target.astype(np.int64)),
        }
    )


def _load_table(dataset: str) -> pa.Table:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{dataset}")()
    columns = {
        make_safe_name(name): pa.array(loaded.data[:, i].astype(np.float64))
        for i, name in enumerate(loaded.feature_names)
    }
    columns[TABLE_TARGET] = pa.array([str(loaded.target_names[code]) for code in loaded.target])
    return pa.table(columns)
