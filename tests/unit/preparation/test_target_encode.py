"""Categories as the smoothed mean of the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import TargetEncoder

from tasks.errors import CleaningError
from tasks.preparation.transformers import transformer_from_json
from tasks.preparation.transformers.target_encode import TargetEncode

NAN = float("nan")


def text(*values: Any) -> Any:
    return pa.array(values, pa.string())


def same(column: Any, expected: Any) -> Any:
    return np.array_equal(column, expected, equal_nan=True)


def make_targets(n_classes: int, n_rows: int = 600, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    category = rng.integers(0, 12, n_rows)
    target = (category + rng.integers(0, 5, n_rows)) % n_classes
    return [f"c{i:02d}" for i in category], target.astype(float)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_target_means_are_those_of_scikit_learn(n_classes: int) -> None:
    """Known answer: TargetEncoder(smooth="auto"), fitted on all training rows."""
    categories, target = make_targets(n_classes)
    theirs = TargetEncoder(smooth="auto", random_state=0).fit(
        np.array(categories).reshape(-1, 1), target.astype(int)
    )
    encode = TargetEncode(["t"]).fit({"t": text(*categories)}, target)
    expected = np.array(theirs.encodings_)
    ours = np.array(encode.means_["t"]).T
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(encode.overall_, theirs.target_mean_, rtol=1e-12)


def test_two_classes_make_one_column_and_more_make_one_each() -> None:
    """In the place of the column."""
    categories, target = make_targets(2)
    frame = {"t": text(*categories), "x": np.zeros(600)}
    out = TargetEncode(["t"]).fit(frame, target).transform(frame).frame
    assert list(out) == ["t_target", "x"]
    categories, target = make_targets(3)
    frame = {"t": text(*categories), "x": np.zeros(600)}
    out = TargetEncode(["t"]).fit(frame, target).transform(frame).frame
    assert list(out) == ["t_target_0", "t_target_1", "t_target_2", "x"]


def test_training_rows_are_encoded_without_their_own_fold() -> None:
    """Each fold's rows get what a fit on the other folds says; the others get the whole fit."""
    categories, target = make_targets(2, n_rows=60)
    frame = {"t": text(*categories)}
    folds = np.arange(60) * 7
    encode = TargetEncode(["t"], n_folds=4).fit(frame, target, folds)
    out = encode.transform(frame, folds).frame["t_target"]
    for fold in range(4):
        is_in = folds % 4 == fold
        others = TargetEncode(["t"]).fit({"t": frame["t"].filter(pa.array(~is_in))}, target[~is_in])
        alone = others.transform({"t": frame["t"].filter(pa.array(is_in))}).frame["t_target"]
        np.testing.assert_allclose(out[is_in], alone, rtol=1e-12)
    whole = encode.transform(frame).frame["t_target"]
    assert not np.allclose(out, whole)
    assert same(encode.transform(frame, np.full(60, -1)).frame["t_target"], whole)


def test_a_rows_own_target_has_no_part_in_its_code() -> None:
    """With one row per category the plain mean would be the target itself."""
    n_rows = 40
    frame = {"t": text(*(str(i) for i in range(n_rows)))}
    target = (np.arange(n_rows) % 2).astype(float)
    folds = np.arange(n_rows)
    out = TargetEncode(["t"], n_folds=5).fit(frame, target, folds).transform(frame, folds)
    assert np.unique(out.frame["t_target"][target == 1]).tolist() == [0.5]


@pytest.mark.parametrize("value", ["rare", "unknown"])
def test_rare_and_unknown_categories_get_the_overall_mean(value: Any) -> None:
    """The share of class 1 among all training rows."""
    frame = {"t": text("a", "a", "a", "rare")}
    encode = TargetEncode(["t"], min_rows=2).fit(frame, np.array([1.0, 0, 0, 0]))
    assert encode.transform({"t": text(value)}).frame["t_target"].tolist() == [0.25]


def test_a_missing_text_stays_missing_and_rows_without_a_target_do_not_count() -> None:
    """Missing in, missing out."""
    frame = {"t": text("a", "a", "b", None, "a")}
    encode = TargetEncode(["t"]).fit(frame, np.array([1.0, 1, 0, 1, NAN]))
    assert encode.overall_ == [0.75]
    assert np.isnan(encode.transform({"t": text(None)}).frame["t_target"]).all()


def test_all_rows_in_one_fold_get_the_overall_mean() -> None:
    """There is no other fold to learn from."""
    frame = {"t": text("a", "b")}
    encode = TargetEncode(["t"]).fit(frame, np.array([0.0, 1.0]), np.array([5, 5]))
    assert encode.transform(frame, np.array([5, 5])).frame["t_target"].tolist() == [0.5, 0.5]


def test_a_target_of_several_classes_is_needed() -> None:
    """Without one, or with one class only, there is nothing to encode by."""
    frame = {"t": text("a", "b")}
    with pytest.raises(CleaningError, match="there is none"):
        TargetEncode(["t"]).fit(frame)
    with pytest.raises(CleaningError, match="same class"):
        TargetEncode(["t"]).fit(frame, np.array([1.0, 1.0]))
    with pytest.raises(CleaningError, match="same class"):
        TargetEncode(["t"]).fit(frame, np.array([NAN, NAN]))


def test_a_target_column_never_writes_over_another() -> None:
    """Refused when fitting."""
    frame = {"t": text("a", "b"), "t_target": np.zeros(2)}
    with pytest.raises(CleaningError, match="t_target"):
        TargetEncode(["t"]).fit(frame, np.array([0.0, 1.0]))


def test_a_loaded_encoder_refuses_to_cross_fit() -> None:
    """The figures by fold are not in the model: encoding training rows with the others would leak."""
    frame = {"t": text("a", "b")}
    encode = TargetEncode(["t"]).fit(frame, np.array([0.0, 1.0]), np.array([0, 1]))
    loaded = transformer_from_json(encode.to_json())
    with pytest.raises(CleaningError, match="loaded from a model"):
        loaded.transform(frame, np.array([0, 1]))
