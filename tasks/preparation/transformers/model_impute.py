"""Missing values filled with a prediction from the other columns.

Transformer of ``tasks.preparation``; the estimators are scikit-learn's, made and saved in
``tasks.preparation.estimators``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import CleaningError
from tasks.preparation.chained_equations import ChainedEquations, fit_chained_equations
from tasks.preparation.estimators import (
    EstimatorKind,
    fit_estimator,
    load_estimator,
    make_estimator,
    predict_in_chunks,
)
from tasks.preparation.figures import compute_median, refuse_empty
from tasks.preparation.frame import Frame, Kind, count_rows, find_missing
from tasks.preparation.new_columns import (
    WAS_MISSING,
    add_columns,
    check_new_names,
    make_indicators,
)
from tasks.preparation.transformer import (
    Transformed,
    Transformer,
    check_fit_columns,
    count_change,
    list_columns,
)

Method: TypeAlias = Literal["iterative", "nearest_neighbors", "model"]

# Rows that are learned from. Fitting the iterative imputer took 14 s for 100,000 rows of 10 columns
# and 66 s for a million, so 3 s for these.
MAX_FIT_ROWS = 20_000
# Every row that is filled is compared with every one of these: the cost is their product.
MAX_NEIGHBOR_ROWS = 5_000
# Rows that are drawn besides where a column is so sparse that the sample has no value of it.
_N_SPARSE_ROWS = 100

# scikit-learn's trees hold their inputs as float32 and refuse what does not fit.
_MAX_PREDICTOR = float(np.finfo(np.float32).max)

_ALL_COLUMNS = "*"
_WHAT = {
    "iterative": "filled by chained equations",
    "nearest_neighbors": "filled from the nearest neighbours",
    "model": "filled by a model",
}


class ModelImpute(Transformer):
    """Fill missing values with a prediction from the columns of numbers.

    Parameters
    ----------
    columns : sequence of str, optional
        The columns that are filled: numbers, or text for ``model`` with a classifier (which must be
        named). By default every column of numbers that is there when fitting.
    by : {"iterative", "nearest_neighbors", "model"}
        Chained regressions (scikit-learn's ``IterativeImputer`` with ``BayesianRidge``), the mean
        of the nearest training rows (``KNNImputer``), or an estimator of scikit-learn.
    n_neighbors : int
        For ``nearest_neighbors``.
    estimator : str, optional
        For ``model``: a regressor for numbers or a classifier for text, such as
        ``sklearn.ensemble.HistGradientBoostingRegressor``. One is fitted for each of the columns,
        on the training rows that have a value there.
    params : mapping of str to value, optional
        For ``model``: the estimator's parameters.
    indicator : bool
        Add ``<column>_was_missing`` of 0 and 1, at the end, for those of the columns that had
        missing values among the training rows.
    seed : int
        For the sample of training rows and the estimator.

    Attributes
    ----------
    columns_ : list of str
    predictors_ : list of str
        All columns of numbers with a training value.
    medians_ : list of float
        Of the predictors: for ``model`` they stand for missing predictors.
    classes_ : mapping of str to list of str
        For ``model`` with a classifier: the texts a column can be filled with.
    equations_ : mapping or None
        For ``iterative``: the fitted :class:`tasks.preparation.chained_equations.ChainedEquations`.
    models_ : mapping of str to str
        For the others: fitted estimators as text, without pickle; by column for ``model``.
    indicators_ : list of str

    Notes
    -----
    It learns from a sample of at most :data:`MAX_FIT_ROWS` (nearest neighbours:
    :data:`MAX_NEIGHBOR_ROWS`) training rows. ``nearest_neighbors`` measures distances in the
    columns' own units, so scale before. Infinite predictors count as missing, and none counts for
    more than the greatest float32. A row gets the same bits alone and among others.

    References
    ----------
    van Buuren, Groothuis-Oudshoorn (2011), mice: Multivariate Imputation by Chained Equations in R,
    https://doi.org/10.18637/jss.v045.i03;
    Troyanskaya et al. (2001), Missing value estimation methods for DNA microarrays,
    https://doi.org/10.1093/bioinformatics/17.6.520

    Examples
    --------
    >>> x = np.arange(20.0)
    >>> impute = ModelImpute(["y"], by="iterative").fit({"x": x, "y": 2 * x + 1})
    >>> filled = impute.transform({"x": np.array([3.0, 4.0]), "y": np.array([np.nan, 9.0])})
    >>> filled.frame["y"].round(3).tolist()
    [7.0, 9.0]
    """

    KEY = "model_impute"
    LEARNED = (
        "columns_",
        "predictors_",
        "medians_",
        "classes_",
        "equations_",
        "models_",
        "indicators_",
    )

    columns_: Sequence[str]
    predictors_: Sequence[str]
    medians_: Sequence[float]
    classes_: Mapping[str, Sequence[str]]
    equations_: Mapping[str, Any] | None
    models_: Mapping[str, str]
    indicators_: Sequence[str]

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        by: Method = "iterative",
        n_neighbors: int = 5,
        estimator: str | None = None,
        params: Mapping[str, Any] | None = None,
        indicator: bool = False,
        seed: int = 0,
    ) -> None:
        self.columns = columns
        self.by = by
        self.n_neighbors = n_neighbors
        self.estimator = estimator
        self.params = params
        self.indicator = indicator
        self.seed = seed
        self._loaded: dict[str, Any] = {}

    def _fit(self, frame: Frame) -> None:
        """Learn the predictions; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a column is not there, has another kind, or no value among the training rows; when
            there is nothing to predict from; when the estimator is none of scikit-learn's, or
            refuses its parameters or the data; or when an indicator's name is taken.
        """
        check_fit_columns(frame, self.columns, self.KEY)
        self.columns_ = list_columns(frame, self.columns, self._choose_kinds(), self.KEY)
        for name in self.columns_:
            if find_missing(frame[name]).all():
                raise refuse_empty(name, self.KEY)
        self._choose_predictors(frame)
        self.indicators_ = [
            name for name in self.columns_ if self.indicator and find_missing(frame[name]).any()
        ]
        check_new_names(frame, [name + WAS_MISSING for name in self.indicators_], self.KEY)
        self.classes_, self.models_, self.equations_, self._loaded = {}, {}, None, {}
        if not self.columns_:
            return
        X = self._read_predictors(frame)
        rng = np.random.default_rng(self.seed)
        if self.by == "iterative":
            sample = X[_choose_rows(X, MAX_FIT_ROWS, rng)]
            self.equations_ = fit_chained_equations(sample, self.seed).to_json()
        elif self.by == "nearest_neighbors":
            from sklearn.impute import KNNImputer

            imputer = KNNImputer(n_neighbors=self.n_neighbors)
            sample = X[_choose_rows(X, MAX_NEIGHBOR_ROWS, rng)]
            self.models_ = {_ALL_COLUMNS: fit_estimator(imputer, sample, None, "all numbers")}
        else:
            self.models_ = {name: self._fit_model(frame, name, X, rng) for name in self.columns_}

    def _transform(self, frame: Frame) -> Transformed:
        """Fill; see :class:`Transformer`."""
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        kinds: tuple[Kind, ...] = ("text",) if self.classes_ else ("number",)
        names = list_columns(frame, self.columns_, kinds, self.KEY)
        missing = {name: find_missing(frame[name]) for name in names}
        is_todo = np.zeros(count_rows(frame), dtype=bool)
        for is_missing in missing.values():
            is_todo |= is_missing
        todo = np.flatnonzero(is_todo)
        if len(todo):
            X = self._read_predictors(frame, todo)
            filled = None if self.by == "model" else self._fill_all(X)
            for name in names:
                rows = np.flatnonzero(missing[name][todo])
                if not len(rows):
                    continue
                values = (
                    filled[rows, self.predictors_.index(name)]
                    if filled is not None
                    else self._predict(name, X[rows])
                )
                n_filled = int(np.count_nonzero(np.isfinite(values)))
                count_change(changes, name, _WHAT[self.by], n_filled)
                result[name] = self._put(frame[name], name, todo[rows], values)
        indicators = make_indicators(missing, self.indicators_)
        return Transformed(add_columns(result, indicators, self.KEY), changes=changes)

    def _choose_kinds(self) -> tuple[Kind, ...]:
        if self.by != "model":
            return ("number",)
        if self._make_estimator()[1] == "regressor":
            return ("number",)
        if self.columns is None:
            raise CleaningError(
                f"The classifier {self.estimator!r} is to fill columns, but none are named.",
                expected="columns of text, or a regressor for every column of numbers",
                hint="name the columns: 'impute: {columns: [...], by: model, ...}'",
            )
        return ("text",)

    def _make_estimator(self) -> tuple[Any, EstimatorKind]:
        return make_estimator(str(self.estimator), self.params or {}, self.seed)

    def _choose_predictors(self, frame: Frame) -> None:
        medians = {}
        for name in list_columns(frame, None, ("number",), self.KEY):
            values = frame[name][np.isfinite(frame[name])]
            if len(values):
                medians[name] = compute_median(np.clip(values, -_MAX_PREDICTOR, _MAX_PREDICTOR))
            elif name in self.columns_:
                raise refuse_empty(name, self.KEY)
        self.predictors_, self.medians_ = list(medians), list(medians.values())

    def _read_predictors(
        self, frame: Frame, rows: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Read the predictors of some rows, NaN where there is none."""
        n_rows = count_rows(frame) if rows is None else len(rows)
        X = np.empty((n_rows, len(self.predictors_)))
        for i, name in enumerate(self.predictors_):
            if name not in frame:
                raise CleaningError(
                    f"The column {name!r} is not there, from which missing values are predicted.",
                    expected=f"the columns {list(self.predictors_)}",
                    hint="give the model rows with the columns it was trained on",
                )
            X[:, i] = frame[name] if rows is None else frame[name][rows]
        X[np.isinf(X)] = np.nan
        return np.clip(X, -_MAX_PREDICTOR, _MAX_PREDICTOR)

    def _fill_all(self, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Fill in all predictors, by chained equations or from the nearest neighbours."""
        if self.equations_ is not None:
            return ChainedEquations.from_json(self.equations_).fill(X)
        imputer = self._load(_ALL_COLUMNS)
        return predict_in_chunks(imputer.transform, X, X.shape[1])

    def _fit_model(
        self, frame: Frame, name: str, X: npt.NDArray[np.float64], rng: np.random.Generator
    ) -> str:
        column = frame[name]
        usable = np.flatnonzero(
            np.isfinite(column) if isinstance(column, np.ndarray) else ~find_missing(column)
        )
        if len(usable) > MAX_FIT_ROWS:
            usable = np.sort(rng.choice(usable, MAX_FIT_ROWS, replace=False))
        others = self._select_others(name, X[usable])
        if not others.shape[1]:
            raise CleaningError(
                f"There is no other column of numbers to predict {name!r} from.",
                expected="at least one predictor",
                hint="impute by mean, median or most_frequent",
            )
        if isinstance(column, np.ndarray):
            y = np.asarray(column[usable])
        else:
            texts = column.take(pa.array(usable))
            self.classes_ = {**self.classes_, name: sorted(pc.unique(texts).to_pylist())}
            y = np.asarray(pc.index_in(texts, value_set=pa.array(self.classes_[name])), np.int64)
        estimator, _ = self._make_estimator()
        saved = fit_estimator(estimator, others, y, name)
        # What cannot predict is told tonight, not when the model is served.
        self.models_ = {**self.models_, name: saved}
        self._predict(name, X[usable[:1]])
        return saved

    def _select_others(self, name: str, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """All predictors but the column itself, medians where they are missing."""
        filled = np.where(np.isnan(X), np.array(self.medians_), X)
        is_other = [other != name for other in self.predictors_]
        return np.ascontiguousarray(filled[:, is_other])

    def _predict(self, name: str, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        others = self._select_others(name, X)
        estimator = self._load(name)
        try:
            return predict_in_chunks(estimator.predict, others, 1)[:, 0]
        except (ValueError, NotImplementedError) as error:
            raise CleaningError(
                f"{estimator} cannot predict the column {name!r}: {error}",
                expected="an estimator that predicts one value for each row",
                hint="correct 'estimator' or 'params' of 'impute' in the workflow file",
            ) from error

    def _load(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = load_estimator(self.models_[name])
        return self._loaded[name]

    def _put(
        self,
        column: Any,
        name: str,
        rows: npt.NDArray[np.int64],
        values: npt.NDArray[np.float64],
    ) -> Any:
        if isinstance(column, np.ndarray):
            filled = column.copy()
            filled[rows] = np.where(np.isfinite(values), values, np.nan)
            return filled
        places = np.zeros(len(column), np.int64)
        places[rows] = values.astype(np.int64)
        texts = pa.array(self.classes_[name], pa.string()).take(pa.array(places))
        return pc.if_else(column.is_null(), texts, column)


def _choose_rows(
    X: npt.NDArray[np.float64], n_rows: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw rows, some more for each column that would have no value among them."""
    if len(X) <= n_rows:
        return np.arange(len(X))
    rows = rng.choice(len(X), n_rows, replace=False)
    for i in np.flatnonzero(np.isnan(X[rows]).all(axis=0)):
        known = np.flatnonzero(~np.isnan(X[:, i]))
        more = rng.choice(known, min(len(known), _N_SPARSE_ROWS), replace=False)
        rows = np.concatenate([rows, more])
    return np.unique(rows)
