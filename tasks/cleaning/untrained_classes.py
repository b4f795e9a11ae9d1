"""Rows of classes that no training row has, taken out of the clean rows: no model could know them.

Called by ``passes.py`` after the second pass, when the rows of every class are counted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.cleaning.scratch import Scratch
from tasks.cleaning.settle import POSITION
from tasks.cleaning.tally import Class
from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import ID_COLUMN

UNTRAINED = "a class without training rows"


def remove_untrained_classes(
    clean: DatasetWriter,
    target: str,
    untrained: set[Class],
    scratch: Scratch,
    is_kept: npt.NDArray[np.bool_],
) -> tuple[DatasetWriter, dict[int, str]]:
    """Write the clean rows again without those of some classes.

    Parameters
    ----------
    clean : DatasetWriter
        Closed.
    target : str
        The column with the classes.
    untrained : set of int or str
        The classes, of which there is at least one.
    scratch : Scratch
        Knows where in the raw dataset the rows stand.
    is_kept : ndarray of shape (n_rows,), bool
        Of the scratch; False for duplicates.

    Returns
    -------
    trained : DatasetWriter
        Closed; beside the folder of ``clean``.
    rejected : dict of int to str
        Places in the raw dataset of the rows that were taken out, and why.
    """
    before = Dataset.open(clean.folder, verify=False)
    classes = pa.array(sorted(untrained), before.schema.field(target).type)
    ids: list[str] = []
    folder = clean.folder.with_name("clean_trained")
    with DatasetWriter(folder, before.schema, origin=clean.origin) as trained:
        for batch in before.batches():
            is_untrained = pc.is_in(batch.column(target), value_set=classes)
            ids += batch.filter(is_untrained).column(ID_COLUMN).to_pylist()
            trained.write(batch.filter(pc.invert(is_untrained)))
    wanted = pa.array(ids, pa.string())
    rejected: dict[int, str] = {}
    # Among the rows that are kept an id stands once; the raw data may have it again.
    for rows, mask in scratch.batches(is_kept, [ID_COLUMN, POSITION, target]):
        is_wanted = pc.and_(pa.array(mask), pc.is_in(rows.column(ID_COLUMN), value_set=wanted))
        found = rows.filter(is_wanted)
        texts = [f"{target}: {UNTRAINED}: {value!r}" for value in found.column(target).to_pylist()]
        rejected.update(zip(found.column(POSITION).to_pylist(), texts, strict=True))
    return trained, rejected
