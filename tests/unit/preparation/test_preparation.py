"""From raw rows to the arrays a model reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset.tensors import array_to_tensor_column
from tasks.errors import CleaningError
from tasks.preparation import Preparation
from tasks.preparation.frame import read_column
from tasks.preparation.preparation import find_unusable, list_features
from tasks.preparation.transformers.calendar import CalendarParts
from tasks.preparation.transformers.convert_category import ConvertToCategory
from tasks.preparation.transformers.convert_date import ConvertToDate
from tasks.preparation.transformers.convert_number import ConvertToNumber
from tasks.preparation.transformers.encode import OneHotEncode, OrdinalEncode, TargetEncode
from tasks.preparation.transformers.impute import SimpleImpute
from tasks.preparation.transformers.mark_missing import MarkMissing
from tasks.preparation.transformers.model_impute import ModelImpute
from tasks.preparation.transformers.outliers import Outliers
from tasks.preparation.transformers.scale import Scale

NAN = float("nan")


def make_raw(n_rows: int = 60) -> Any:
    rng = np.random.default_rng(0)
    numbers = rng.normal(50, 10, n_rows)
    return pa.table(
        {
            "weight": [f" {x:.2f} " if x > 38 else "?" for x in numbers],
            "height": pa.array(numbers * 2 + rng.normal(size=n_rows), mask=rng.random(n_rows) < 0.2),
            "town": rng.choice(["Rome", "Oslo", "Bonn", ""], n_rows, p=[0.5, 0.3, 0.1, 0.1]),
            "size": rng.choice(["S", "M"], n_rows),
            "street": rng.choice(list("abcdef"), n_rows),
            "day": [f"{d:02d}.0{m}.1969" for d, m in zip(rng.integers(1, 29, n_rows), rng.integers(1, 9, n_rows), strict=True)],
            "kind": rng.choice(["cat", "dog"], n_rows),
        }
    )  # fmt: skip


def make_preparation(raw: Any) -> Any:
    """Every sort of step, fitted on the rows."""
    names = ["weight", "height", "town", "size", "street", "day"]
    frame = {name: read_column(raw[name], name) for name in names}
    target = np.asarray(read_column(raw["kind"], "kind").dictionary_encode().indices, float)
    steps = [
        MarkMissing(["?"]),
        ConvertToNumber(["weight", "height"]),
        ConvertToCategory(["town", "size", "street"]),
        ConvertToDate(["day"], ["%d.%m.%Y"]),
        CalendarParts(["day"], ["month", "weekday"], cyclic=True),
        SimpleImpute(["town"], by="most_frequent", indicator=True),
        SimpleImpute(["weight"], by="median", indicator=True),
        ModelImpute(["height"], by="iterative"),
        Outliers(["weight", "height"], by="iqr"),
        OneHotEncode(["town"], min_rows=2),
        OrdinalEncode(["size"], order=["S", "M"]),
        TargetEncode(["street"]),
        Scale(names, to="standard", skip_others=True),
    ]
    for step in steps:
        frame = step.fit(frame, target).transform(frame).frame
    features = list_features(frame, [])
    preparation = Preparation(
        "kind", ("cat", "dog"), None, None, features, tuple(names), tuple(steps)
    )
    return preparation, frame


def test_raw_rows_are_cleaned_to_the_same_bits_as_in_training() -> None:
    """Parity: in one batch, in several, a row alone, and after a journey through JSON."""
    raw = make_raw()
    preparation, frame = make_preparation(raw)
    loaded = Preparation.from_json(preparation.to_json())
    assert loaded.columns == ["weight", "height", "town", "size", "street", "day"]
    served = raw.select(loaded.columns)
    for size in (60, 7, 1):
        batches = [loaded.clean(served.slice(i, size)) for i in range(0, 60, size)]
        clean = pa.Table.from_batches(batches)
        assert clean.column_names == list(frame)
        for name, column in frame.items():
            assert clean[name].to_numpy().tobytes() == column.tobytes(), name
    assert preparation.to_json() == loaded.to_json()


def test_clean_rows_become_one_array_in_the_order_of_the_features() -> None:
    """As float32."""
    raw = make_raw()
    preparation, frame = make_preparation(raw)
    inputs = preparation.inputs(preparation.clean(raw))
    assert (inputs.shape, inputs.dtype) == ((60, len(frame)), np.float32)
    assert preparation.input_shape == (len(frame),)
    np.testing.assert_array_equal(inputs, np.column_stack(list(frame.values())).astype(np.float32))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("weight", "heavy", "Row 2(.|\n)*weight: not a number: 'heavy'"),
        ("weight", "inf", "Row 2(.|\n)*weight: NaN or infinite: 'inf'"),
        ("day", "31.02.1969", "Row 2(.|\n)*day: not a date: '31.02.1969'"),
        ("day", None, "Row 2(.|\n)*day_month_sin: missing"),
        ("size", None, "Row 2(.|\n)*size: missing"),
    ],
)
def test_a_row_that_would_have_been_quarantined_is_refused(
    column: Any, value: Any, message: str
) -> None:
    """The error names the first such row, its column and its value."""
    raw = make_raw()
    preparation, _ = make_preparation(raw)
    bad = raw.to_pydict()
    bad[column][2] = value
    rows = pa.table({name: pa.array(bad[name], raw[name].type) for name in preparation.columns})
    with pytest.raises(CleaningError, match=message):
        preparation.clean(rows)


def test_an_unknown_category_and_an_outlier_are_no_reason_to_refuse() -> None:
    """They are other, and the limit."""
    raw = make_raw()
    preparation, _ = make_preparation(raw)
    row = {
        "weight": ["1e9"],
        "height": [NAN],
        "town": ["Paris"],
        "size": ["XXL"],
        "street": ["z"],
        "day": ["01.01.2500"],
    }
    clean = preparation.clean(pa.table(row))
    assert clean.num_rows == 1
    assert np.isfinite([column[0].as_py() for column in clean.columns]).all()


def test_a_missing_column_is_named_with_the_nearest() -> None:
    """When cleaning and when reading."""
    preparation, _ = make_preparation(make_raw())
    with pytest.raises(CleaningError, match=r"'weight'(.|\n)*'wieght', perhaps"):
        preparation.clean(pa.table({"wieght": [1.0]}))
    plain = Preparation(None, (), None, None, ("a",))
    with pytest.raises(CleaningError, match="no column 'a'"):
        plain.inputs(pa.table({"b": [1.0]}))


def test_no_row_is_cleaned_to_no_row() -> None:
    """With the same columns."""
    raw = make_raw()
    preparation, frame = make_preparation(raw)
    clean = preparation.clean(raw.slice(0, 0))
    assert (clean.num_rows, clean.schema.names) == (0, list(frame))


def test_without_steps_rows_are_read_as_numbers() -> None:
    """Text that holds no number is an error that names the column."""
    plain = Preparation(None, (), None, None, ("a",))
    assert plain.clean(pa.table({"a": ["1.5"]})).to_pydict() == {"a": [1.5]}
    with pytest.raises(CleaningError, match="'a' holds values that are not numbers"):
        plain.clean(pa.table({"a": ["x"]}))


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "weight: missing"), ("nan", "weight: missing"), ("inf", "weight: NaN or infinite")],
)
def test_without_steps_a_row_that_is_no_number_is_refused(value: str | None, message: str) -> None:
    """It would have gone to quarantine in training; a network would answer with NaN."""
    preparation = Preparation("kind", ("cat", "dog"), None, None, ("weight",))
    with pytest.raises(CleaningError, match=f"Row 1 cannot be predicted: {message}"):
        preparation.clean(pa.table({"weight": ["1.5", value]}))


def test_images_are_read_without_a_copy_and_of_the_trained_shape_alone() -> None:
    """uint8 stays uint8."""
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
    rows = pa.table({"image": array_to_tensor_column(images)})
    preparation = Preparation("k", (0, 1), "image", (2, 2, 1), ())
    inputs = preparation.inputs(preparation.clean(rows))
    assert inputs.dtype == np.uint8
    np.testing.assert_array_equal(inputs, images)
    assert preparation.input_shape == (2, 2, 1)
    other = Preparation("k", (0, 1), "image", (3, 3, 1), ())
    with pytest.raises(CleaningError, match=r"\(2, 2, 1\)(.|\n)*\(3, 3, 1\)"):
        other.inputs(rows)


def test_classes_become_their_places() -> None:
    """Chunked or not; one that is new is refused."""
    preparation = Preparation("k", ("cat", "dog"), None, None, ("x",))
    assert preparation.encode(pa.chunked_array([["dog"], ["cat"]])).tolist() == [1, 0]
    for unknown in ("cow", None):
        with pytest.raises(CleaningError, match="'k' holds the classes"):
            preparation.encode(pa.array(["cat", unknown]))
    assert Preparation("k", (3, 7), None, None, ("x",)).encode(pa.array([7.0, 3.0])).tolist() == [
        1,
        0,
    ]


def test_another_format_is_refused() -> None:
    """Of an older version, or of none."""
    text = Preparation("k", (0, 1), None, None, ("x",)).to_json()
    for other in (text.replace('"format": 3', '"format": 2'), "{}"):
        with pytest.raises(CleaningError, match="another format"):
            Preparation.from_json(other)


def test_missing_and_infinite_features_are_told_apart() -> None:
    """Rows and, where there is one, values."""
    frame = {"x": np.array([1.0, NAN, np.inf, -np.inf]), "y": np.zeros(4)}
    problems = find_unusable(frame, ["x", "y"])
    assert [(p.column, p.kind, p.rows.tolist(), p.values) for p in problems] == [
        ("x", "missing", [1], None),
        ("x", "NaN or infinite", [2, 3], [np.inf, -np.inf]),
    ]


def test_features_that_are_no_numbers_yet_are_refused_with_the_way_out() -> None:
    """Text is to be encoded, a date to be taken apart."""
    assert list_features({"x": np.zeros(1), "k": pa.array(["a"])}, ["k"]) == ("x",)
    with pytest.raises(CleaningError, match="encode"):
        list_features({"t": pa.array(["a"])}, [])
    with pytest.raises(CleaningError, match="calendar"):
        list_features({"d": np.zeros(1, "M8[us]")}, [])
