"""What Great Expectations does with every value and need not, and what it keeps and should not.

Used by ``checks.py`` while it judges. Great Expectations hashes every value of a frame each time it
loads one (1.2 of 1.8 seconds for 1.5 million ids), and asks each value of a column whether it is a
``Decimal`` before it takes a mean (0.5 s for 1.5 million numbers).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

# What is replaced belongs to the process, so one judges at a time.
_LOCK = threading.Lock()


@contextmanager
def take_shortcuts(sha256: str) -> Iterator[None]:
    """Spare Great Expectations the fingerprint of frames, and the search for decimals among floats.

    Parameters
    ----------
    sha256 : str
        Of the dataset, for the fingerprint of every frame: it covers all values, as Great
        Expectations' own would, and is what the rest of the house knows the data by.

    Notes
    -----
    Replaces ``hash_pandas_dataframe`` of ``great_expectations.execution_engine.pandas_execution_engine``
    and ``does_ndarray_contain_decimal_dtype`` of ``great_expectations.util``, and puts them back
    whatever happens. The fingerprint is written into the validation's ``batch_markers`` and
    decides nothing; an array whose type is a number's holds no ``Decimal``. Not reentrant; other
    threads wait.
    """
    from great_expectations import util
    from great_expectations.execution_engine import pandas_execution_engine as engine

    with _LOCK:
        hash_frame, has_decimals = (
            engine.hash_pandas_dataframe,
            util.does_ndarray_contain_decimal_dtype,
        )

        def has_decimals_unless_numbers(data: npt.NDArray[Any]) -> bool:
            is_number = np.issubdtype(data.dtype, np.number)
            return not is_number and bool(has_decimals(data=data))

        engine.hash_pandas_dataframe = lambda _frame: sha256
        util.does_ndarray_contain_decimal_dtype = has_decimals_unless_numbers
        try:
            yield
        finally:
            engine.hash_pandas_dataframe = hash_frame
            util.does_ndarray_contain_decimal_dtype = has_decimals


def forget_frame(batch: Any) -> None:
    """Let a judged frame go: Great Expectations' engine keeps it, and what it filtered from it, for ever.

    Parameters
    ----------
    batch : great_expectations.datasource.fluent.interfaces.Batch
    """
    engine = batch.data.execution_engine
    engine.batch_manager.reset_batch_cache()
    engine.batch_manager._batch_data_cache.clear()  # noqa: SLF001 - there is no other way
    engine._metric_cache.clear()  # noqa: SLF001
