"""scikit-learn's data sets as parts."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits, load_iris

from tasks.dataset import tensor_column_to_array
from tasks.ingestion.builtin import make_safe_name, read_sklearn
from tasks.workflow import SklearnSource

NIGHT = datetime.date(2026, 1, 1)


def source(dataset: str, nights: int | None = None) -> SklearnSource:
    arrives = {"arrives": {"from": "2026-01-01", "nights": nights}} if nights else {}
    return SklearnSource.model_validate({"kind": "sklearn", "dataset": dataset, **arrives})


def test_digits_are_uint8_tensors_in_their_own_order() -> None:
    """Pixels and labels are those of scikit-learn, row for row."""
    (part,) = read_sklearn(source("digits"), NIGHT)
    digits = load_digits()
    images = tensor_column_to_array(part.rows["image"])
    assert images.dtype == np.uint8
    assert images.shape == (1797, 8, 8, 1)
    np.testing.assert_array_equal(images[..., 0], digits.images)
    assert part.rows["label"].to_pylist() == digits.target.tolist()
    assert part.lines.to_pylist() == list(range(1, 1798))


@pytest.mark.parametrize(
    ("dataset", "n_rows", "n_features", "classes"),
    [
        ("iris", 150, 4, {"setosa", "versicolor", "virginica"}),
        ("wine", 178, 13, {"class_0", "class_1", "class_2"}),
        ("breast_cancer", 569, 30, {"malignant", "benign"}),
    ],
)
def test_tables_have_float64_features_and_class_names(
    dataset: str, n_rows: int, n_features: int, classes: set[str]
) -> None:
    """Each table has its published size, safe names, and the name of the class as target."""
    (part,) = read_sklearn(source(dataset), NIGHT)
    *features, target = part.rows.schema.names
    assert (part.rows.num_rows, len(features), target) == (n_rows, n_features, "target")
    assert all(name.isidentifier() for name in features)
    assert {part.rows[name].type for name in features} == {pa.float64()}
    assert set(part.rows["target"].to_pylist()) == classes


@pytest.mark.parametrize("dataset", ["digits", "iris", "wine", "breast_cancer"])
def test_every_class_arrives_on_the_first_of_ten_nights(dataset: str) -> None:
    """A tenth of the rows already holds all classes, although scikit-learn sorts some by class."""
    target = "label" if dataset == "digits" else "target"
    (first,) = read_sklearn(source(dataset, 10), NIGHT)
    (whole,) = read_sklearn(source(dataset), NIGHT)
    assert first.rows.num_rows == whole.rows.num_rows // 10
    assert set(first.rows[target].to_pylist()) == set(whole.rows[target].to_pylist())


def test_later_nights_begin_with_the_rows_of_earlier_ones() -> None:
    """Point in time: what arrived stays, and a line names the same row every night."""
    (first,) = read_sklearn(source("iris", 10), NIGHT)
    (second,) = read_sklearn(source("iris", 10), NIGHT + datetime.timedelta(days=1))
    assert second.lines[:15].equals(first.lines)
    assert second.rows[:15].equals(first.rows)
    row = first.lines[0].as_py() - 1
    assert first.rows["sepal_length_cm"][0].as_py() == load_iris().data[row, 0]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("petal width (cm)", "petal_width_cm"),
        ("od280/od315_of_diluted_wines", "od280_od315_of_diluted_wines"),
        ("Mean  Radius", "mean_radius"),
    ],
)
def test_names_become_snake_case(name: str, safe: str) -> None:
    """Everything but letters and digits becomes one underscore, none at the ends."""
    assert make_safe_name(name) == safe
