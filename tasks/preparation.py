"""From rows as they arrive to the arrays a model reads: fitted on training rows, shipped with the model.

Ground module: cleaning fits it, training and the registered model apply it, so both compute the same values.
It needs NumPy and pyarrow alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset.tensors import tensor_column_to_array
from tasks.errors import CleaningError, nearest

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Preparation:
    """Which columns a model reads, in which order and shape, and which classes it tells apart.

    Parameters
    ----------
    target : str
        Name of the target column.
    classes : tuple of int or str
        The classes of the training rows, sorted; a class's place is its code.
    image_column : str or None
        Name of the tensor column, for images.
    image_shape : tuple of int or None
        Height, width and channels.
    features : tuple of str
        Names of the numeric columns, for tables.

    Examples
    --------
    >>> preparation = Preparation("kind", ("cat", "dog"), None, None, ("weight",))
    >>> rows = pa.table({"weight": [4.2, 11.0], "kind": ["cat", "dog"]})
    >>> preparation.inputs(rows).tolist()
    [[4.199999809265137], [11.0]]
    >>> preparation.encode(rows["kind"]).tolist()
    [0, 1]
    """

    target: str
    classes: tuple[int, ...] | tuple[str, ...]
    image_column: str | None
    image_shape: tuple[int, ...] | None
    features: tuple[str, ...]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one row's input: (height, width, channels) or (n_features,)."""
        return self.image_shape if self.image_shape is not None else (len(self.features),)

    @property
    def columns(self) -> list[str]:
        """Names of the columns that :meth:`inputs` reads."""
        return [self.image_column] if self.image_column is not None else list(self.features)

    def inputs(self, rows: pa.Table | pa.RecordBatch) -> npt.NDArray[Any]:
        """Turn raw rows into the array a model reads.

        Parameters
        ----------
        rows : pyarrow.Table or pyarrow.RecordBatch
            With at least :attr:`columns`; other columns are ignored.

        Returns
        -------
        ndarray of shape (n_rows, height, width, channels) in the images' own dtype, without a copy
        where they lie in one piece; or of shape (n_rows, n_features), float32.

        Raises
        ------
        CleaningError
            When a column is missing or cannot be read as numbers.
        """
        for name in self.columns:
            if name not in rows.schema.names:
                raise CleaningError(
                    f"The rows have no column {name!r}.",
                    expected=f"the columns {self.columns}; {nearest(name, rows.schema.names)}",
                    hint="feed the model rows with the columns it was trained on",
                )
        if self.image_column is not None:
            images = tensor_column_to_array(rows[self.image_column])
            if images.shape[1:] != self.image_shape:
                raise CleaningError(
                    f"The images in {self.image_column!r} have the shape {images.shape[1:]}.",
                    expected=f"{self.image_shape}",
                    hint="resize the images, or correct 'columns.image.tensor' and retrain",
                )
            return images
        numbers = np.empty((rows.num_rows, len(self.features)), dtype=np.float32)
        for i, name in enumerate(self.features):
            try:
                numbers[:, i] = pc.cast(rows[name], pa.float32(), safe=False).to_numpy(
                    **({"zero_copy_only": False} if isinstance(rows, pa.RecordBatch) else {})
                )
            except pa.ArrowInvalid as error:
                raise CleaningError(
                    f"The column {name!r} holds values that are not numbers: {error}",
                    expected="numbers",
                    hint="convert the column before predicting",
                ) from error
        return numbers

    def encode(self, target: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Turn classes into their codes, 0 to n_classes - 1.

        Raises
        ------
        CleaningError
            When a value is none of the known classes.
        """
        codes = pc.index_in(target, value_set=pa.array(self.classes).cast(target.type))
        if codes.null_count:
            unknown = pc.unique(target.filter(pc.is_null(codes))).to_pylist()
            raise CleaningError(
                f"The target {self.target!r} holds the classes {unknown[:5]}.",
                expected=f"the classes seen in training: {list(self.classes)}",
                hint="a class that is new in the hold-out needs training rows first",
            )
        return np.asarray(codes, dtype=np.int64)

    def to_json(self) -> str:
        """Write as JSON text, to be read by :meth:`from_json`."""
        return json.dumps({"format": FORMAT_VERSION, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Preparation:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        CleaningError
            When the text has another format.
        """
        document = json.loads(text)
        if document.pop("format", None) != FORMAT_VERSION:
            raise CleaningError(
                "The model's preparation has another format.",
                expected=f"format {FORMAT_VERSION}",
                hint="retrain the model with this version of Nocturne",
            )
        shape = document["image_shape"]
        return cls(
            target=document["target"],
            classes=tuple(document["classes"]),
            image_column=document["image_column"],
            image_shape=tuple(shape) if shape is not None else None,
            features=tuple(document["features"]),
        )
