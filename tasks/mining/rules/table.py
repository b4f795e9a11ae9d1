"""Baskets out of a table: every row is a basket of its values, numbers in bins, in the user's own units.

Reads clean rows batch by batch, undoes what cleaning did to their scale and their categories; used by
the step of association rules.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import MiningError, nearest
from tasks.mining.rows import ID_COLUMN, TRAIN, MiningRows
from tasks.mining.rules.baskets import Baskets, check_size
from tasks.mining.rules.bins import Bins, choose_bins, fits
from tasks.preparation.frame import Frame
from tasks.workflow import Rules

logger = logging.getLogger(__name__)

MAX_SAMPLE_ROWS = (
    100_000  # quantiles of a sample as large are right to 0.3 % of the rows (DKW, 95 %)
)
MAX_CATEGORIES = (
    10_000  # of a column; one with more is a name or a number of something, no category
)


@dataclass(frozen=True)
class Categories:
    """A column of categories, each an item.

    Parameters
    ----------
    column : str
    names : tuple of str
    """

    column: str
    names: tuple[str, ...]

    def cut(self, texts: pa.Array) -> npt.NDArray[np.int64]:
        """Give the code of each text, from 0; -1 of what is missing or was not seen."""
        codes = pc.index_in(texts, value_set=pa.array(self.names, texts.type))
        # A missing text is none of the names, and a null of the look-up says the same.
        return np.asarray(pc.fill_null(codes, -1), dtype=np.int64)

    def list_labels(self) -> list[str]:
        """Word the categories as items."""
        return [f"{self.column} = {name}" for name in self.names]


@dataclass(frozen=True)
class LeftOut:
    """A column that gives no items.

    Parameters
    ----------
    column : str
    why : str
    """

    column: str
    why: str


@dataclass(frozen=True)
class TableItems:
    """How the columns of a table become items, as chosen on its training rows.

    Parameters
    ----------
    features : tuple of str
        Clean columns that are read and restored.
    others : tuple of str
        The target and kept columns that are read as they are.
    columns : tuple of Bins or Categories
        By the names in which the rows arrived.
    left_out : tuple of LeftOut
    """

    features: tuple[str, ...]
    others: tuple[str, ...]
    columns: tuple[Bins | Categories, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def bins(self) -> tuple[Bins, ...]:
        """The columns of numbers, as they are cut."""
        return tuple(column for column in self.columns if isinstance(column, Bins))

    @property
    def clean_columns(self) -> tuple[str, ...]:
        """What is read."""
        return (*self.features, *self.others)

    def read(self, rows: MiningRows, part: str = TRAIN) -> Baskets:
        """Read one part's rows as baskets.

        Returns
        -------
        Baskets
            Also with the items of this part that do not occur.

        Raises
        ------
        MiningError
            When they are too many.
        """
        labels = [(label, c.column) for c in self.columns for label in c.list_labels()]
        firsts = np.cumsum([0, *(len(c.list_labels()) for c in self.columns)])
        check_size(rows.n_by_part[part] * len(self.columns))
        items = np.empty((rows.n_by_part[part], len(self.columns)), dtype=np.int32)
        n_read = 0
        for batch in rows.batches(self.clean_columns, part=part):
            frame = self.restore(rows, batch)
            for i, column in enumerate(self.columns):
                codes = column.cut(frame[column.column])
                codes = np.where(codes < 0, -1, codes + firsts[i])
                items[n_read : n_read + batch.num_rows, i] = codes
            n_read += batch.num_rows
        # Codes rise from column to column: the rows are baskets as they stand.
        is_item = items >= 0
        return Baskets(
            starts=np.concatenate(([0], is_item.sum(axis=1).cumsum())).astype(np.int64),
            items=items[is_item],
            names=tuple(_tell_apart([label for label, _ in labels])),
            columns=tuple(column for _, column in labels),
        )

    def restore(self, rows: MiningRows, batch: pa.RecordBatch | pa.Table) -> Frame:
        """Undo scaling and encoding: columns of text, or of numbers in their own units, by name."""
        frame = rows.originals.restore({name: _to_floats(batch[name]) for name in self.features})
        for name in self.others:
            is_number = _is_number(batch.schema.field(name).type)
            if name == rows.class_column or not is_number:
                frame[name] = _to_text(batch[name])
            else:
                frame[name] = _to_floats(batch[name])
        return frame


def choose_items(
    rows: MiningRows,
    options: Rules,
    *,
    min_count: int,
    seed: int,
    earlier: Mapping[str, Bins] | None = None,
) -> TableItems:
    """Choose, on the training rows, which items the columns of a table become.

    Parameters
    ----------
    rows : MiningRows
    options : Rules
        Which columns, and how many bins.
    min_count : int
        Rows that an item must stand in; rarer categories give no item.
    seed : int
        Draws the rows that say where bins are cut.
    earlier : mapping of str to Bins, optional
        How the night before cut columns; kept where it still fits.

    Returns
    -------
    TableItems

    Raises
    ------
    MiningError
        When a named column is not there, or all columns are left out.
    """
    features, others = _choose_columns(rows, options.columns)
    reasons = {name: _refuse_type(rows.dataset.schema.field(name).type) for name in others}
    reading = TableItems(features, tuple(name for name in others if reasons[name] is None))
    columns: list[Bins | Categories] = []
    left_out = [LeftOut(name, why) for name, why in reasons.items() if why is not None]
    sample = reading.restore(
        rows, rows.sample(reading.clean_columns, max_rows=MAX_SAMPLE_ROWS, seed=seed)
    )
    texts = [name for name, values in sample.items() if isinstance(values, pa.Array)]
    counts = _count_texts(rows, reading, texts)
    for name, values in sample.items():
        chosen: Bins | Categories | None
        if name in counts:
            chosen, why = _choose_categories(name, counts[name], rows.n_rows, min_count)
        else:
            numbers = np.asarray(values, dtype=np.float64)
            chosen = choose_bins(name, numbers, options.bins)
            before = (earlier or {}).get(name)
            if chosen is not None and before is not None and fits(before, chosen, numbers):
                chosen = before
            why = "it has one value only"
        if chosen is None:
            left_out.append(LeftOut(name, why))
        else:
            columns.append(chosen)
    for column in left_out:
        logger.info("%s gives no items: %s", column.column, column.why)
    if not columns:
        told = "; ".join(f"{c.column}: {c.why}" for c in left_out[:5])
        raise MiningError(
            f"No column of the table gives items. {told}".rstrip(),
            expected="columns of numbers, or of categories that many rows share",
            hint="name such columns under 'mining.rules.columns', or 'baskets' of items",
        )
    return TableItems(features, reading.others, tuple(columns), tuple(left_out))


def _choose_columns(
    rows: MiningRows, names: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    target = rows.preparation.target
    if names is None:
        if rows.is_image:
            raise MiningError(
                "Pictures are no baskets, and the rows have no other columns to look at.",
                expected="a table, or a kept column that lists items",
                hint="name 'columns' or 'baskets' under 'mining.rules', or leave 'rules' out",
            )
        return tuple(rows.list_inputs(None)), () if target is None else (target,)
    inputs = set(rows.preparation.clean_columns)
    kept = [n for n in rows.dataset.schema.names if n not in {*inputs, ID_COLUMN, "split"}]
    others = [name for name in names if name in kept]
    asked = [name for name in names if name not in kept]
    if rows.is_image and any(name in inputs for name in asked):
        raise MiningError(
            f"Pictures are no items: {next(name for name in asked if name in inputs)!r}.",
            expected="kept columns or the target",
            hint="correct 'columns' under 'mining.rules'",
        )
    try:
        features = rows.list_inputs(asked) if asked else []
    except MiningError as error:
        known = [*kept, *(rows.originals.find(name).column for name in inputs)]
        missing = next((n for n in asked if n not in known), asked[0])
        raise MiningError(
            error.what,
            expected=nearest(missing, known),
            hint="correct 'columns' under 'mining.rules'",
        ) from error
    return tuple(features), tuple(dict.fromkeys(others))


def _count_texts(
    rows: MiningRows, reading: TableItems, names: Sequence[str]
) -> dict[str, Counter[str] | None]:
    """Count the texts of all training rows; None for a column of too many different ones."""
    counts: dict[str, Counter[str] | None] = {name: Counter() for name in names}
    if not names:
        return counts
    for batch in rows.batches(reading.clean_columns):
        frame = reading.restore(rows, batch)
        for name in names:
            counted = counts[name]
            if counted is None:
                continue
            for found in pc.value_counts(pc.drop_null(frame[name])).to_pylist():
                counted[found["values"]] += found["counts"]
            if len(counted) > MAX_CATEGORIES:
                counts[name] = None
    return counts


def _choose_categories(
    name: str, counted: Counter[str] | None, n_rows: int, min_count: int
) -> tuple[Categories | None, str]:
    if counted is None:
        return None, f"it has more than {MAX_CATEGORIES:,} different values"
    if len(counted) > max(n_rows / 2, 2):
        return None, f"almost every row has its own value ({len(counted):,} in {n_rows:,} rows)"
    if not counted:
        return None, "all its values are missing"
    if len(counted) == 1 and counted.total() == n_rows:
        return None, "it has one value only"
    frequent = sorted(text for text, n in counted.items() if n >= min_count)
    if not frequent:
        return None, f"none of its {len(counted):,} values is frequent enough"
    return Categories(name, tuple(frequent)), ""


def _tell_apart(labels: Sequence[str]) -> list[str]:
    """Count up labels that two columns share, so that an item has one name."""
    n_seen: Counter[str] = Counter()
    names = []
    for label in labels:
        n_seen[label] += 1
        names.append(label if n_seen[label] == 1 else f"{label} ({n_seen[label]})")
    return names


def _is_number(found: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found)
    )


def _refuse_type(found: pa.DataType) -> str | None:
    """Say why values of a type are no items; None where they are."""
    if pa.types.is_temporal(found):
        return "it holds dates: the cleaning step 'calendar' makes features of them"
    value = found.value_type if pa.types.is_dictionary(found) else found
    is_text = pa.types.is_string(value) or pa.types.is_large_string(value)
    if is_text or pa.types.is_boolean(value) or _is_number(found):
        return None
    return f"it holds {str(found)[:60]}, neither numbers nor text"


def _to_floats(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.asarray(pc.cast(column, pa.float64(), safe=False), dtype=np.float64)


def _to_text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    text = column.cast(pa.string())
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
