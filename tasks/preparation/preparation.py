"""From rows as they arrive to the arrays a model reads: fitted on training rows, shipped with the model.

Ground module: cleaning fits it, training and the registered model apply it, so both compute the same values.
It needs NumPy and pyarrow alone; a model that imputes by a prediction needs scikit-learn and skops too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset.tensors import tensor_column_to_array
from tasks.errors import CleaningError, nearest
from tasks.preparation.frame import Frame, count_rows, find_kind, find_missing, read_column
from tasks.preparation.transformer import Problem, Transformer
from tasks.preparation.transformers import transformer_from_json
from tasks.preparation.windows import ForecastShape

FORMAT_VERSION = 3
MISSING = "missing"
NOT_FINITE = "NaN or infinite"
MAX_VALUE_CHARACTERS = 100  # of a value that an error names

Kind = Literal["classification", "regression", "forecast"]


@dataclass(frozen=True)
class Preparation:
    """Which columns a model reads, how they are cleaned, and what it is asked.

    Parameters
    ----------
    target : str or None
        Name of the target column; None where nothing is predicted.
    classes : tuple of int or str
        The classes of the training rows, sorted; a class's place is its code. Empty where no class
        is predicted.
    image_column : str or None
        Name of the tensor column, for images.
    image_shape : tuple of int or None
        Height, width and channels.
    features : tuple of str
        Names of the numeric columns of clean rows, for tables.
    raw_features : tuple of str, optional
        Names of the columns as they arrive, which cleaning turns into ``features``; by default the
        same.
    transformers : tuple of Transformer
        Fitted, in order: what cleaning does to each row.
    kind : {"classification", "regression", "forecast"}
        What is predicted: the class or the number in ``target``, or how the features go on.
    forecast : ForecastShape, optional
        Of a forecast.

    Examples
    --------
    >>> preparation = Preparation("kind", ("cat", "dog"), None, None, ("weight",))
    >>> rows = pa.table({"weight": [4.2, 11.0], "kind": ["cat", "dog"]})
    >>> preparation.inputs(rows).tolist()
    [[4.199999809265137], [11.0]]
    >>> preparation.encode(rows["kind"]).tolist()
    [0, 1]
    """

    target: str | None
    classes: tuple[int, ...] | tuple[str, ...]
    image_column: str | None
    image_shape: tuple[int, ...] | None
    features: tuple[str, ...]
    raw_features: tuple[str, ...] = ()
    transformers: tuple[Transformer, ...] = ()
    kind: Kind = "classification"
    forecast: ForecastShape | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: (height, width, channels), (window, n_features) or (n_features,)."""
        if self.forecast is not None:
            return (self.forecast.window, len(self.features))
        return self.image_shape if self.image_shape is not None else (len(self.features),)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one output: (n_classes,), (horizon, n_columns), or (1,) of a number."""
        if self.forecast is not None:
            return (self.forecast.horizon, len(self.forecast.columns))
        return (len(self.classes),) if self.kind == "classification" else (1,)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of raw rows that :meth:`clean` reads."""
        if self.image_column is not None:
            return [self.image_column]
        return list(self.raw_features or self.features)

    @property
    def clean_columns(self) -> list[str]:
        """Names of the columns of clean rows that :meth:`inputs` reads."""
        return [self.image_column] if self.image_column is not None else list(self.features)

    def clean(self, rows: pa.Table | pa.RecordBatch) -> pa.RecordBatch:
        """Clean raw rows as the training rows were cleaned.

        Parameters
        ----------
        rows : pyarrow.Table or pyarrow.RecordBatch with n_rows rows
            With at least :attr:`columns`; other columns are ignored.

        Returns
        -------
        pyarrow.RecordBatch with n_rows rows
            The columns :attr:`clean_columns`: the images as they are, or features of float64.

        Raises
        ------
        CleaningError
            When a column is missing, or a row would have gone to quarantine in training; names the
            first such row, its column and value.
        """
        self._check_columns(rows, self.columns)
        if self.image_column is not None or not self.transformers:
            table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
            columns = [_to_numbers(table[name], name) for name in self.clean_columns]
            if self.image_column is None:
                numbers = [column.to_numpy(zero_copy_only=False) for column in columns]
                read: Frame = dict(zip(self.features, numbers, strict=True))
                self._refuse(find_unusable(read, self.features), read)
            return pa.RecordBatch.from_arrays(columns, names=self.clean_columns)
        frame: Frame = {name: read_column(rows[name], name) for name in self.columns}
        raw = dict(frame)
        n_rows = count_rows(frame)
        for transformer in self.transformers:
            transformed = transformer.transform(frame)
            self._refuse(transformed.problems, raw)
            frame = transformed.frame
        self._refuse(find_unusable(frame, self.features), raw)
        # Steps in time order may add rows; everything else keeps their number.
        if not any(t.needs_all_rows for t in self.transformers) and count_rows(frame) != n_rows:
            raise CleaningError(
                f"Cleaning made {count_rows(frame)} of {n_rows} rows.",
                hint="this is a mistake in Nocturne: please report it with the workflow file",
            )
        return pa.RecordBatch.from_arrays(
            [pa.array(frame[name]) for name in self.features], names=list(self.features)
        )

    def inputs(self, rows: pa.Table | pa.RecordBatch) -> npt.NDArray[Any]:
        """Turn clean rows into the array a model reads.

        Parameters
        ----------
        rows : pyarrow.Table or pyarrow.RecordBatch
            With at least :attr:`clean_columns`; other columns are ignored.

        Returns
        -------
        ndarray of shape (n_rows, height, width, channels) in the images' own dtype, without a copy
        where they lie in one piece; or of shape (n_rows, n_features), float32: of a series the rows
        that windows are cut from.

        Raises
        ------
        CleaningError
            When a column is missing or cannot be read as numbers.
        """
        self._check_columns(rows, self.clean_columns)
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
            numbers[:, i] = _to_numbers(rows[name], name).to_numpy(zero_copy_only=False)
        return numbers

    def encode(self, target: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Turn classes into their codes, 0 to n_classes - 1.

        Raises
        ------
        CleaningError
            When a value is none of the known classes.
        """
        try:
            known = pa.array(self.classes).cast(target.type)
        except pa.ArrowInvalid as error:  # texts to numbers, or a number too large for the type
            raise self._refuse_classes(pc.unique(target).to_pylist()) from error
        codes = pc.index_in(target, value_set=known)
        if codes.null_count:
            raise self._refuse_classes(pc.unique(target.filter(pc.is_null(codes))).to_pylist())
        return np.asarray(codes, dtype=np.int64)

    def read_targets(self, rows: pa.Table | pa.RecordBatch) -> npt.NDArray[Any]:
        """Read what is to be predicted from clean rows.

        Returns
        -------
        ndarray of shape (n_rows,), int64
            Codes of the classes; or of shape (n_rows, 1), float32: numbers.

        Raises
        ------
        CleaningError
            When the rows have no such column or an unknown class, or a series is forecast, whose
            targets are its own features.
        """
        if self.target is None:
            raise CleaningError(
                "These rows have no target of their own.",
                expected="a preparation of classes or numbers",
                hint="cut windows out of a series: what follows a window is its target",
            )
        self._check_columns(rows, [self.target])
        if self.kind == "classification":
            return self.encode(rows[self.target])
        numbers = _to_numbers(rows[self.target], self.target).to_numpy(zero_copy_only=False)
        return np.asarray(numbers, dtype=np.float32)[:, np.newaxis]

    def to_json(self) -> str:
        """Write as JSON text, to be read by :meth:`from_json`."""
        return json.dumps(
            {
                "format": FORMAT_VERSION,
                "target": self.target,
                "classes": self.classes,
                "image_column": self.image_column,
                "image_shape": self.image_shape,
                "features": self.features,
                "raw_features": self.raw_features,
                "transformers": [t.to_json() for t in self.transformers],
                "kind": self.kind,
                "forecast": asdict(self.forecast) if self.forecast is not None else None,
            },
            ensure_ascii=False,
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Preparation:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        CleaningError
            When the text has another format.
        """
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict) or document.pop("format", None) != FORMAT_VERSION:
            raise CleaningError(
                "The model's preparation has another format.",
                expected=f"format {FORMAT_VERSION}",
                hint="retrain the model with this version of Nocturne",
            )
        shape, forecast = document["image_shape"], document["forecast"]
        if forecast is not None:
            forecast = ForecastShape(**{**forecast, "columns": tuple(forecast["columns"])})
        return cls(
            target=document["target"],
            classes=tuple(document["classes"]),
            image_column=document["image_column"],
            image_shape=tuple(shape) if shape is not None else None,
            features=tuple(document["features"]),
            raw_features=tuple(document["raw_features"]),
            transformers=tuple(transformer_from_json(t) for t in document["transformers"]),
            kind=document["kind"],
            forecast=forecast,
        )

    def _refuse_classes(self, found: Sequence[Any]) -> CleaningError:
        return CleaningError(
            f"The target {self.target!r} holds the classes {list(found[:5])}.",
            expected=f"the classes seen in training: {list(self.classes)}",
            hint="a class that is new in the hold-out needs training rows first",
        )

    def _check_columns(self, rows: pa.Table | pa.RecordBatch, needed: Sequence[str]) -> None:
        for name in needed:
            if name not in rows.schema.names:
                raise CleaningError(
                    f"The rows have no column {name!r}.",
                    expected=f"the columns {list(needed)}; {nearest(name, rows.schema.names)}",
                    hint="feed the model rows with the columns it was trained on",
                )

    def _refuse(self, problems: Sequence[Problem], raw: Frame) -> None:
        for problem in problems:
            if not len(problem.rows):
                continue
            row = int(problem.rows[0])
            value = ""
            if problem.column in raw and not find_missing(raw[problem.column])[row]:
                text = str(raw[problem.column][row])[:MAX_VALUE_CHARACTERS]
                value = f": {text!r}"
            raise CleaningError(
                f"Row {row} cannot be predicted: {problem.column}: {problem.kind}{value}.",
                expected="rows such as the model was trained on; in training this one would have "
                "gone to quarantine",
                hint="correct the value, or let a cleaning step impute or clip it and retrain",
            )


def find_unusable(frame: Frame, features: Sequence[str]) -> tuple[Problem, ...]:
    """Find the rows that still have a missing or infinite feature after the last step.

    Parameters
    ----------
    frame : Frame with n_rows rows
    features : sequence of str
        Columns of numbers.

    Returns
    -------
    tuple of Problem
    """
    problems = []
    for name in features:
        column = frame[name]
        is_bad = ~np.isfinite(column)
        if not is_bad.any():
            continue
        is_missing = np.isnan(column)
        is_infinite = is_bad & ~is_missing
        if is_missing.any():
            problems.append(Problem(name, MISSING, np.flatnonzero(is_missing)))
        if is_infinite.any():
            rows = np.flatnonzero(is_infinite)
            problems.append(Problem(name, NOT_FINITE, rows, np.asarray(column)[rows].tolist()))
    return tuple(problems)


def list_features(frame: Frame, others: Sequence[str]) -> tuple[str, ...]:
    """List the columns of numbers that a model will read, after the last step.

    Parameters
    ----------
    frame : Frame
    others : sequence of str
        Columns that are no features: the target and what is kept.

    Returns
    -------
    tuple of str

    Raises
    ------
    CleaningError
        When a feature is no number yet.
    """
    features = [name for name in frame if name not in others]
    for name in features:
        kind = find_kind(frame[name])
        if kind != "number":
            raise CleaningError(
                f"After all cleaning steps the feature {name!r} holds {kind}s.",
                expected="a column of numbers",
                hint=f"add 'encode: {{columns: [{name}], by: one_hot}}' to 'cleaning'"
                if kind == "text"
                else f"add 'calendar: {{columns: [{name}]}}' to 'cleaning'",
            )
    return tuple(features)


def _to_numbers(column: pa.Array | pa.ChunkedArray, name: str) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(column.type, pa.FixedShapeTensorType):
        return column
    try:
        return pc.cast(column, pa.float64(), safe=False)
    except pa.ArrowInvalid as error:
        raise CleaningError(
            f"The column {name!r} holds values that are not numbers: {error}",
            expected="numbers",
            hint="convert the column before predicting",
        ) from error
