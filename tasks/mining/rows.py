"""The training rows of a night's clean data, as all kinds of mining read them: sampled, or batch by batch.

Used by the steps of ``tasks.mining``; memory is bounded by what they ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import MiningError, nearest
from tasks.preparation import Preparation
from tasks.preparation.new_columns import WAS_MISSING
from tasks.preparation.originals import Originals

TRAIN, VALIDATION, HOLDOUT = "train", "validation", "holdout"


class MiningRows:
    """Clean rows of one night, by their part of the split.

    Parameters
    ----------
    dataset : Dataset
        Clean rows: ``id``, ``split``, the target, the inputs, the time, and what is kept.
    preparation : Preparation
        Which columns are inputs, and what was done to them.

    Attributes
    ----------
    originals : Originals
        Says what clean columns were before they were scaled and encoded.
    """

    def __init__(self, dataset: Dataset, preparation: Preparation) -> None:
        self.dataset = dataset
        self.preparation = preparation
        self.originals = Originals(preparation.transformers)

    @cached_property
    def n_by_part(self) -> dict[str, int]:
        """Rows of each part of the split; 0 where there is none."""
        counts = dict.fromkeys((TRAIN, VALIDATION, HOLDOUT), 0)
        for batch in self.dataset.batches([SPLIT_COLUMN]):
            for counted in pc.value_counts(batch.column(0)).to_pylist():
                counts[counted["values"]] += counted["counts"]
        return counts

    @property
    def n_rows(self) -> int:
        """Training rows."""
        return self.n_by_part[TRAIN]

    @property
    def is_image(self) -> bool:
        """Whether the inputs are images."""
        return self.preparation.image_shape is not None

    @property
    def class_column(self) -> str | None:
        """The column of the workflow's classes; None where there are none, as of numbers."""
        preparation = self.preparation
        return preparation.target if preparation.kind == "classification" else None

    def list_inputs(
        self, columns: Sequence[str] | None, *, with_indicators: bool = True
    ) -> list[str]:
        """List the clean columns of inputs that a workflow file means.

        Parameters
        ----------
        columns : sequence of str or None
            As the workflow file names them: a feature as it arrives stands for all clean columns
            that were made of it (``town`` for ``town_Rome`` and ``town_Oslo``). None for all inputs.
        with_indicators : bool, default True
            Whether all inputs have the indicators of missing values (``age_was_missing``) among them;
            where there are no others, they do.

        Returns
        -------
        list of str
            For images the one tensor column.

        Raises
        ------
        MiningError
            When a name stands for no clean column.
        """
        known = self.preparation.clean_columns
        if columns is None:
            others = [c for c in known if with_indicators or not c.endswith(WAS_MISSING)]
            return others or list(known)
        listed: list[str] = []
        for name in columns:
            meant = [c for c in known if c == name or self.originals.find(c).column == name]
            # What a cleaning step added to a feature: `day_month`, `age_was_missing`.
            meant = meant or [c for c in known if self._is_made_of(c, name)]
            if not meant:
                raise MiningError(
                    f"There is no column {name!r} to look at after cleaning.",
                    expected=nearest(name, known),
                    hint="correct 'columns' under 'mining' in the workflow file",
                )
            listed += meant
        return list(dict.fromkeys(listed))

    def _is_made_of(self, clean: str, name: str) -> bool:
        """Whether a clean column begins with a feature's name, and with no longer one's."""
        longer = [n for n in self.preparation.columns if n.startswith(f"{name}_")]
        return clean.startswith(f"{name}_") and not any(
            clean == n or clean.startswith(f"{n}_") for n in longer
        )

    def batches(
        self, columns: Sequence[str], *, part: str = TRAIN, batch_rows: int = 65_536
    ) -> Iterator[pa.RecordBatch]:
        """Read columns of one part's rows, in their order, batch by batch."""
        yield from self.dataset.batches(
            list(columns), where=pc.field(SPLIT_COLUMN) == part, batch_size=batch_rows
        )

    def sample(
        self, columns: Sequence[str], *, max_rows: int, seed: int, part: str = TRAIN
    ) -> pa.Table:
        """Draw rows of one part without repetition, in their order; the same for the same seed.

        Parameters
        ----------
        columns : sequence of str
            With ``id`` where it is wanted.
        max_rows : int
            At most; all rows where there are no more.
        seed : int
        part : {"train", "validation", "holdout"}

        Returns
        -------
        pyarrow.Table
        """
        n_rows = self.n_by_part[part]
        if n_rows <= max_rows:
            return self.dataset.table(list(columns), where=pc.field(SPLIT_COLUMN) == part)
        wanted = np.sort(np.random.default_rng(seed).choice(n_rows, size=max_rows, replace=False))
        drawn, n_seen = [], 0
        for batch in self.batches(columns, part=part):
            first, last = np.searchsorted(wanted, [n_seen, n_seen + batch.num_rows])
            drawn.append(batch.take(pa.array(wanted[first:last] - n_seen)))
            n_seen += batch.num_rows
        return pa.Table.from_batches(drawn)

    def to_inputs(
        self, rows: pa.Table | pa.RecordBatch, columns: Sequence[str]
    ) -> npt.NDArray[np.float32]:
        """Turn rows into one flat array.

        Parameters
        ----------
        rows : pyarrow.Table or pyarrow.RecordBatch
        columns : sequence of str
            Clean columns, as :meth:`list_inputs` lists them.

        Returns
        -------
        ndarray of shape (n_rows, n_inputs), float32
            Images are flattened. A value too large for float32 is infinite.
        """
        with np.errstate(over="ignore"):
            if self.is_image:
                images: npt.NDArray[Any] = self.preparation.inputs(rows)
                n_values = int(np.prod(images.shape[1:]))  # -1 cannot be told of no images
                return images.reshape(len(images), n_values).astype(np.float32)
            table = np.empty((rows.num_rows, len(columns)), dtype=np.float32)
            for i, name in enumerate(columns):
                table[:, i] = np.asarray(rows[name], dtype=np.float64)
        return table

    def list_input_names(self, columns: Sequence[str]) -> list[str]:
        """Name the columns of :meth:`to_inputs`: the features, or ``pixel 3, 7`` (and a channel) of images."""
        shape = self.preparation.image_shape
        if shape is None:
            return list(columns)
        places = (range(shape[0]), range(shape[1]), range(shape[2]))
        return [
            f"pixel {y}, {x}" + (f" channel {c}" if shape[2] > 1 else "")
            for y in places[0]
            for x in places[1]
            for c in places[2]
        ]

    def encode(self, rows: pa.Table | pa.RecordBatch) -> npt.NDArray[np.int64] | None:
        """Codes of the rows' classes, as ``preparation.classes`` numbers them; None without classes."""
        column = self.class_column
        return None if column is None else self.preparation.encode(rows[column])


__all__ = ["HOLDOUT", "ID_COLUMN", "TRAIN", "VALIDATION", "MiningRows"]
