"""Categories as numbers: a column of 0 and 1 for each, their place in an order, or the target's mean.

Transformers of ``tasks.preparation``; they learn the categories of the training rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import CleaningError, nearest
from tasks.preparation.figures import refuse_empty
from tasks.preparation.frame import Column, Frame
from tasks.preparation.new_columns import check_new_names, replace_column
from tasks.preparation.target_means import TargetMeans, compute_target_means
from tasks.preparation.transformer import (
    Transformed,
    Transformer,
    check_fit_columns,
    count_change,
    list_columns,
)

OTHER_CODE = -1
OTHER = "_other"
UNKNOWN = "category counted as other"


def count_categories(column: pa.StringArray) -> dict[str, int]:
    """Count the rows of each text, in the order of the texts; missing ones are left out."""
    counted = pc.value_counts(column.drop_null())
    counts = zip(
        counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
    )
    return dict(sorted(counts))


def find_codes(column: pa.StringArray, categories: Sequence[str]) -> npt.NDArray[np.int64]:
    """Find each text's place among categories.

    Parameters
    ----------
    column : pyarrow.StringArray of length n_rows
    categories : sequence of str

    Returns
    -------
    ndarray of shape (n_rows,), int64
        -1 where the text is none of them or missing.
    """
    codes = pc.index_in(column, value_set=pa.array(categories, pa.string()))
    return np.asarray(pc.fill_null(codes, OTHER_CODE), np.int64)


class _Encode(Transformer):
    """Learns, per column, the categories with enough training rows."""

    columns: Sequence[str]
    min_rows: int
    categories_: Mapping[str, Sequence[str]]

    def _learn_categories(self, frame: Frame) -> dict[str, dict[str, int]]:
        """Count all categories, and keep the frequent ones in ``categories_``."""
        check_fit_columns(frame, self.columns, self.KEY)
        counted = {}
        for name in list_columns(frame, self.columns, ("text",), self.KEY):
            counted[name] = count_categories(frame[name])
            if not counted[name]:
                raise refuse_empty(name, self.KEY)
        self.categories_ = {
            name: [text for text, n in counts.items() if n >= self.min_rows]
            for name, counts in counted.items()
        }
        return counted

    def transform(self, frame: Frame, folds: npt.NDArray[np.int64] | None = None) -> Transformed:
        """Encode; see :class:`Transformer`. A missing text is missing in every column made of it."""
        changes: Counter[tuple[str, str]] = Counter()
        result = frame
        for name in list_columns(frame, list(self.categories_), ("text",), self.KEY):
            column: Any = frame[name]
            codes = find_codes(column, self.categories_[name])
            is_missing = np.asarray(column.is_null())
            n_other = int(np.count_nonzero((codes == OTHER_CODE) & ~is_missing))
            count_change(changes, name, UNKNOWN, n_other)
            result = replace_column(
                result, name, self._encode(name, codes, is_missing, folds), self.KEY
            )
        return Transformed(dict(result), changes=changes)

    @abstractmethod
    def _encode(
        self,
        name: str,
        codes: npt.NDArray[np.int64],
        is_missing: npt.NDArray[np.bool_],
        folds: npt.NDArray[np.int64] | None,
    ) -> dict[str, Column]:
        """Make the columns that stand in the place of one."""


class OneHotEncode(_Encode):
    """Make a column of 0 and 1 for each category, in the place of the column.

    Parameters
    ----------
    columns : sequence of str
        Columns of text.
    min_rows : int
        Categories with fewer training rows count as ``other``.
    max_categories : int
        More columns than this for one column are refused.

    Attributes
    ----------
    categories_ : mapping of str to list of str
        By column, sorted; each becomes ``<column>_<category>``.
    others_ : list of str
        Columns with rare categories among the training rows; they get ``<column>_other``.

    Notes
    -----
    A category that training rows did not have counts as ``other`` where there is that column, and
    is 0 in all columns where not (scikit-learn's ``handle_unknown="infrequent_if_exist"``). A
    missing text is missing in all columns.

    Examples
    --------
    >>> encode = OneHotEncode(["city"]).fit({"city": pa.array(["Rome", "Oslo"])})
    >>> frame = encode.transform({"city": pa.array(["Oslo", "Bonn", None])}).frame
    >>> {name: column.tolist() for name, column in frame.items()}
    {'city_Oslo': [1.0, 0.0, nan], 'city_Rome': [0.0, 0.0, nan]}
    """

    KEY = "one_hot"
    LEARNED = ("categories_", "others_")

    others_: Sequence[str]

    def __init__(
        self, columns: Sequence[str], min_rows: int = 1, max_categories: int = 100
    ) -> None:
        self.columns = columns
        self.min_rows = min_rows
        self.max_categories = max_categories

    def fit(
        self,
        frame: Frame,
        target: npt.NDArray[np.float64] | None = None,  # noqa: ARG002
        folds: npt.NDArray[np.int64] | None = None,  # noqa: ARG002
    ) -> Self:
        """Learn the categories; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a column is not there, holds no text or no value, has too many categories, or a
            new column would have the name of another.
        """
        counted = self._learn_categories(frame)
        self.others_ = [
            name for name, kept in self.categories_.items() if len(kept) < len(counted[name])
        ]
        taken = [name for name in frame if name not in self.categories_]
        for name in self.categories_:
            new = self._list_names(name)
            if len(new) > self.max_categories:
                raise CleaningError(
                    f"The column {name!r} has {len(new)} categories among the training rows.",
                    expected=f"at most {self.max_categories}, which is 'max_categories'",
                    hint="encode it by 'ordinal' or 'target', or merge rare ones with 'min_rows'",
                )
            check_new_names(taken, new, self.KEY)
            taken += new
        return self

    def _list_names(self, name: str) -> list[str]:
        names = [f"{name}_{category}" for category in self.categories_[name]]
        return [*names, name + OTHER] if name in self.others_ else names

    def _encode(
        self,
        name: str,
        codes: npt.NDArray[np.int64],
        is_missing: npt.NDArray[np.bool_],
        folds: npt.NDArray[np.int64] | None,  # noqa: ARG002
    ) -> dict[str, Column]:
        places = list(range(len(self.categories_[name])))
        if name in self.others_:
            places.append(OTHER_CODE)
        new: dict[str, Column] = {}
        for column, place in zip(self._list_names(name), places, strict=True):
            values = (codes == place).astype(np.float64)
            values[is_missing] = np.nan
            new[column] = values
        return new


class OrdinalEncode(_Encode):
    """Make each category its place in an order: 0, 1, 2, ...; the column keeps its name.

    Parameters
    ----------
    columns : sequence of str
        Columns of text.
    order : sequence of str, optional
        The categories from low to high, whatever training rows have of them; by default those of
        the training rows in the order of their text.
    min_rows : int
        Without ``order``: categories with fewer training rows count as ``other``.

    Attributes
    ----------
    categories_ : mapping of str to list of str
        By column; a category's place is its code.

    Notes
    -----
    Other categories, rare and unknown ones, become -1 (scikit-learn's ``unknown_value=-1``). A
    missing text stays missing.

    Examples
    --------
    >>> encode = OrdinalEncode(["size"], order=["S", "M", "L"]).fit({"size": pa.array(["M", "S"])})
    >>> encode.transform({"size": pa.array(["L", "S", "XL", None])}).frame["size"].tolist()
    [2.0, 0.0, -1.0, nan]
    """

    KEY = "ordinal"
    LEARNED = ("categories_",)

    def __init__(
        self, columns: Sequence[str], order: Sequence[str] | None = None, min_rows: int = 1
    ) -> None:
        self.columns = columns
        self.order = order
        self.min_rows = min_rows

    def fit(
        self,
        frame: Frame,
        target: npt.NDArray[np.float64] | None = None,  # noqa: ARG002
        folds: npt.NDArray[np.int64] | None = None,  # noqa: ARG002
    ) -> Self:
        """Learn the categories; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a column is not there, holds no text or no value, or none of the training rows'
            categories is in ``order``.
        """
        counted = self._learn_categories(frame)
        if self.order is None:
            return self
        for name, counts in counted.items():
            if not set(counts) & set(self.order):
                first = next(iter(counts))
                raise CleaningError(
                    f"No training row's category of the column {name!r} is in 'order': "
                    f"they are {list(counts)[:5]}, for example.",
                    expected=f"for {first!r}: {nearest(first, self.order)}",
                    hint="write the categories in 'order' as they stand in the data",
                )
        self.categories_ = {name: list(self.order) for name in counted}
        return self

    def _encode(
        self,
        name: str,
        codes: npt.NDArray[np.int64],
        is_missing: npt.NDArray[np.bool_],
        folds: npt.NDArray[np.int64] | None,  # noqa: ARG002
    ) -> dict[str, Column]:
        return {name: np.where(is_missing, np.nan, codes.astype(np.float64))}


class TargetEncode(_Encode):
    """Make each category the smoothed mean of the target, in the place of the column.

    For columns with many categories. Training rows are encoded with the figures of the other folds
    (cross-fitting): a row's own target never tells on itself.

    Parameters
    ----------
    columns : sequence of str
        Columns of text.
    min_rows : int
        Categories with fewer training rows get the overall mean, as unknown ones do.
    n_folds : int
        Parts that the training rows are encoded in, each with the figures of the others.

    Attributes
    ----------
    categories_ : mapping of str to list of str
        By column, sorted.
    means_ : mapping of str to list of shape (n_categories, n_outputs)
        By column: a category's smoothed shares of the classes.
    overall_ : list of shape (n_outputs,)
        Shares of the classes among all training rows.

    Notes
    -----
    With two classes there is one column, ``<column>_target``, the share of class 1; with more there
    is one per class, ``<column>_target_<code>``. A missing text is missing in all of them. The
    smoothing is that of scikit-learn's ``TargetEncoder(smooth="auto")``, see
    :func:`tasks.preparation.target_means.compute_target_means`. The figures by fold are used where
    the encoder was fitted; they are not written to JSON.

    References
    ----------
    Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes in
    classification and prediction problems, https://doi.org/10.1145/507533.507538

    Examples
    --------
    >>> frame = {"city": pa.array(["Rome", "Rome", "Rome", "Oslo", "Oslo", "Oslo"])}
    >>> encode = TargetEncode(["city"]).fit(frame, np.array([1.0, 1, 1, 0, 0, 1]))
    >>> encoded = encode.transform({"city": pa.array(["Rome", "Bonn", None])}).frame
    >>> encoded["city_target"].round(3).tolist()
    [1.0, 0.667, nan]
    """

    KEY = "target_encode"
    LEARNED = ("categories_", "means_", "overall_")

    means_: Mapping[str, Sequence[Sequence[float]]]
    overall_: Sequence[float]

    def __init__(self, columns: Sequence[str], min_rows: int = 1, n_folds: int = 5) -> None:
        self.columns = columns
        self.min_rows = min_rows
        self.n_folds = n_folds
        # By column: the figures without fold 0, without fold 1, ...; only while training.
        self._without_fold: dict[str, list[TargetMeans]] = {}

    def fit(
        self,
        frame: Frame,
        target: npt.NDArray[np.float64] | None = None,
        folds: npt.NDArray[np.int64] | None = None,
    ) -> Self:
        """Learn the means; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When there is no target, or only one class of it; when a column is not there, holds no
            text or no value, or a new column would have the name of another.
        """
        self._learn_categories(frame)
        if target is None:
            raise CleaningError(
                f"The cleaning step {self.KEY!r} encodes {list(self.columns)} by the target, "
                "but there is none.",
                expected="a target of classes ('columns.target')",
                hint="encode by 'one_hot' or 'ordinal'",
            )
        is_known = np.isfinite(target)
        classes = target[is_known].astype(np.int64)
        if len(classes) == 0 or classes.min() == classes.max():
            raise CleaningError(
                f"The cleaning step {self.KEY!r} encodes {list(self.columns)} by the target, "
                "but all training rows have the same class of it.",
                expected="training rows of at least two classes",
                hint="look at the target in the source, or encode by 'one_hot' or 'ordinal'",
            )
        fold = folds[is_known] if folds is not None else None
        means: dict[str, list[list[float]]] = {}
        self._without_fold = {}
        for name, categories in self.categories_.items():
            codes = find_codes(frame[name], categories)[is_known]
            everything, without_fold = compute_target_means(
                codes, classes, len(categories), fold, self.n_folds
            )
            means[name] = everything.by_category.tolist()
            self.overall_ = everything.overall.tolist()
            self._without_fold[name] = without_fold
        self.means_ = means
        new = [column for name in means for column in self._list_names(name)]
        check_new_names([name for name in frame if name not in means], new, self.KEY)
        return self

    def _list_names(self, name: str) -> list[str]:
        if len(self.overall_) == 1:
            return [f"{name}_target"]
        return [f"{name}_target_{code}" for code in range(len(self.overall_))]

    def _encode(
        self,
        name: str,
        codes: npt.NDArray[np.int64],
        is_missing: npt.NDArray[np.bool_],
        folds: npt.NDArray[np.int64] | None,
    ) -> dict[str, Column]:
        n_outputs = len(self.overall_)
        table = np.array([*self.means_[name], self.overall_]).reshape(-1, n_outputs)
        encoded = table[codes]  # the last row, place -1, is that of all other categories
        if folds is not None and (folds >= 0).any():
            without_fold = self._without_fold.get(name)
            if not without_fold:
                raise CleaningError(
                    "Training rows were given to a target encoder that was fitted without folds, or "
                    "loaded from a model.",
                    expected="the encoder that was fitted on these rows, with their folds",
                    hint="fit the cleaning again on the training rows",
                )
            tables = np.stack([np.vstack([m.by_category, m.overall]) for m in without_fold])
            is_training = folds >= 0
            encoded[is_training] = tables[folds[is_training] % self.n_folds, codes[is_training]]
        encoded[is_missing] = np.nan
        return {
            column: np.ascontiguousarray(encoded[:, i])
            for i, column in enumerate(self._list_names(name))
        }
