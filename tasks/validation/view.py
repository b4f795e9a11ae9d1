"""What a suite sees of a dataset: its columns by the types that cleaning gives them, read one by one.

Between the dataset and ``checks.py``; whatever cannot be converted is missing in the view.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import pyarrow as pa

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN, LINE_COLUMN, SOURCE_COLUMN, SPLIT_COLUMN
from tasks.dataset.tensor_profile import list_figures, profile_tensors
from tasks.dataset.threads import map_in_order
from tasks.errors import CleaningError, ValidationFailedError
from tasks.preparation.build import build_typing
from tasks.preparation.frame import Frame, read_column, to_arrow
from tasks.preparation.transformer import Transformer
from tasks.workflow import Workflow

# One group of columns is in memory at a time: judging 10 million rows took 0.9 GiB, most of it for
# the column of ids. More rows are refused.
MAX_ROWS = 50_000_000
DATE = pa.timestamp("us", "UTC")
_OWN = frozenset({ID_COLUMN, SOURCE_COLUMN, LINE_COLUMN, SPLIT_COLUMN})


class TypedView:
    """The columns of a dataset as suites name them and with the types that cleaning gives them.

    Text is trimmed and blank text missing; numbers are float64 (int64 where no model reads them
    and they came so), dates and times ``timestamp[us, UTC]``. A tensor column ``image`` becomes
    ``image_min`` and so on, see :func:`tasks.dataset.tensor_profile.profile_tensors`. Columns of other
    types stay as they are.

    Parameters
    ----------
    dataset : Dataset
    typing : sequence of Transformer
        What gives columns their types, in order; none for clean data.
    features : sequence of str
        Columns that models read.
    own_id : str, optional
        The user's name of the column ``id``.

    Raises
    ------
    ValidationFailedError
        When the dataset has more than :data:`MAX_ROWS` rows.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        typing: Sequence[Transformer] = (),
        features: Sequence[str] = (),
        own_id: str | None = None,
    ) -> None:
        if dataset.n_rows > MAX_ROWS:
            raise ValidationFailedError(
                f"There are {dataset.n_rows:,} rows to validate at once.",
                expected=f"at most {MAX_ROWS:,}, which is what the memory is planned for",
                hint="let the workflow read fewer files",
            )
        self.dataset = dataset
        self._typing = tuple(typing)
        self._features = frozenset(features)
        # Suites speak of the user's own columns.
        names = dataset.schema.names
        renamed = own_id if own_id and own_id not in names else ID_COLUMN
        self._scalars: dict[str, str] = {}
        self._figures: dict[str, tuple[str, str]] = {}
        order: list[str] = []
        for field in dataset.schema:
            if isinstance(field.type, pa.FixedShapeTensorType):
                figures = {f"{field.name}_{f}": (field.name, f) for f in list_figures(field.type)}
                self._figures.update(figures)
                order.extend(figures)
            else:
                name = renamed if field.name == ID_COLUMN else field.name
                self._scalars[name] = field.name
                order.append(name)
        self.column_names = tuple(dict.fromkeys(order))
        # Figures of all tensors at once: a tensor column is read once however many are asked for.
        self._profiles: dict[str, pa.Table] = {}

    @property
    def n_rows(self) -> int:
        """Rows of the dataset."""
        return self.dataset.n_rows

    @property
    def figure_names(self) -> tuple[str, ...]:
        """Those of :attr:`column_names` that are figures of tensors."""
        return tuple(self._figures)

    def read(self, names: Sequence[str]) -> pa.Table:
        """Read some columns into memory.

        Parameters
        ----------
        names : sequence of str
            Of :attr:`column_names`.

        Returns
        -------
        pyarrow.Table with n_rows rows
            The columns in that order.
        """
        if not self.n_rows:
            return pa.table({name: pa.nulls(0, pa.string()) for name in names})
        scalars = [name for name in names if name not in self._figures]
        columns: dict[str, pa.ChunkedArray] = {}
        if scalars:
            table = pa.Table.from_batches(self.batches(scalars))
            columns = dict(zip(scalars, table.columns, strict=True))
        for name in names:
            if name in self._figures:
                source, figure = self._figures[name]
                columns[name] = self._profile(source).column(figure)
        return pa.table({name: columns[name] for name in names})

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Stream scalar columns, typed.

        Parameters
        ----------
        names : sequence of str
            Of :attr:`column_names`, without figures of tensors.

        Yields
        ------
        pyarrow.RecordBatch
        """

        def give_types(batch: pa.RecordBatch) -> pa.RecordBatch:
            typed = {
                name: self._give_type(name, column)
                for name, column in zip(names, batch.columns, strict=True)
            }
            return pa.RecordBatch.from_pydict(typed)

        batches = self.dataset.batches([self._scalars[name] for name in names])
        yield from map_in_order(give_types, batches)

    def _profile(self, source: str) -> pa.Table:
        if source not in self._profiles:
            batches: Iterable[pa.RecordBatch] = (
                pa.RecordBatch.from_pydict(
                    {k: _widen(v) for k, v in profile_tensors(batch.column(0)).items()}
                )
                for batch in self.dataset.batches([source])
            )
            self._profiles[source] = pa.Table.from_batches(batches)
        return self._profiles[source]

    def _give_type(self, name: str, column: pa.Array) -> pa.Array:
        if self._typing and self._scalars[name] not in _OWN:
            try:
                frame: Frame = {name: read_column(column, name)}
            except CleaningError:  # a type that cleaning does not know: it is only carried along
                return column
            read = frame[name]
            for transformer in self._typing:
                frame = transformer.transform(frame).frame
            if frame[name] is not read or name in self._features:
                column = to_arrow(frame[name])
        return _widen(column)


def open_view(dataset: Dataset, workflow: Workflow, stage: Literal["raw", "clean"]) -> TypedView:
    """View a workflow's raw or clean dataset as its suites see it.

    Parameters
    ----------
    dataset : Dataset
    workflow : Workflow
    stage : {"raw", "clean"}
        Clean data have their types already.

    Returns
    -------
    TypedView
    """
    columns = workflow.columns
    if stage == "clean":
        return TypedView(dataset, own_id=columns.id)
    return TypedView(
        dataset,
        typing=build_typing(workflow),
        features=columns.features or (),
        own_id=columns.id,
    )


def _widen(column: pa.Array) -> pa.Array:
    """Give a column one of few types; Great Expectations is slow on narrow numbers and on dates without a zone."""
    kind = column.type
    if isinstance(kind, pa.DictionaryType):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_uint64(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return column.cast(pa.float64(), safe=False)
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("us")).cast(DATE)
    if pa.types.is_timestamp(kind):
        return column.cast(DATE, safe=False) if kind.tz else column.cast(pa.timestamp("us"), safe=False).cast(DATE)  # fmt: skip
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    return column
