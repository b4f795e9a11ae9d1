"""Categories as the smoothed mean of the target, cross-fitted for training rows.

Transformer of ``tasks.preparation``; the means are computed in ``tasks.preparation.target_means``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Self

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError
from tasks.preparation.frame import Column, Frame
from tasks.preparation.new_columns import check_new_names
from tasks.preparation.target_means import TargetMeans, compute_target_means
from tasks.preparation.transformer import Transformed
from tasks.preparation.transformers.categories import Encode, find_codes


class TargetEncode(Encode):
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
    >>> import pyarrow as pa
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
        self.learn_categories(frame)
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

    def transform(self, frame: Frame, folds: npt.NDArray[np.int64] | None = None) -> Transformed:
        """Encode, training rows by the figures of the other folds; see :class:`Transformer`."""
        return self.replace_columns(frame, partial(self.encode, folds=folds))

    def encode(
        self,
        name: str,
        codes: npt.NDArray[np.int64],
        is_missing: npt.NDArray[np.bool_],
        folds: npt.NDArray[np.int64] | None = None,
    ) -> dict[str, Column]:
        """Encode; see the base class."""
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
