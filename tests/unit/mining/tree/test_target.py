from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import MiningError
from tasks.mining.tree.target import MAX_CLASSES, choose_target, restore_numbers
from tasks.preparation import Preparation
from tasks.preparation.originals import Originals
from tasks.preparation.transformers.encode import OneHotEncode, OrdinalEncode
from tasks.preparation.transformers.scale import Scale

FRAME = {
    "age": np.array([10.0, 20.0, 30.0]),
    "town": pa.array(["Rome", "Oslo", "Rome"]),
    "size": pa.array(["S", "M", "S"]),
}
TRANSFORMERS = (
    OneHotEncode(["town"]).fit(FRAME),
    OrdinalEncode(["size"]).fit(FRAME),
    Scale(["age"]).fit(FRAME),
)
FEATURES = ("age", "town_Oslo", "town_Rome", "size", "age_was_missing", "age_group")
ARRIVED = ("age", "town", "size", "age_group")


def make_preparation(target: str | None = "kind", n_classes: int = 2) -> Preparation:
    classes = tuple(f"k{i}" for i in range(n_classes)) if target else ()
    return Preparation(target, classes, None, None, FEATURES, ARRIVED, TRANSFORMERS)


def choose(asked: str | None, preparation: Preparation | None = None):
    return choose_target(asked, preparation or make_preparation(), Originals(TRANSFORMERS))


@pytest.mark.parametrize("asked", [None, "kind"])
def test_by_default_the_workflows_target_is_decided(asked: str | None) -> None:
    """Its classes stand by their codes, and no input is made of it."""
    target = choose(asked)
    assert (target.name, target.classes, target.is_class) == ("kind", ("k0", "k1"), True)
    assert target.made_of_it == ()


def test_a_feature_of_numbers_makes_a_regression() -> None:
    """What cleaning made of it gives it away; a feature whose name only begins alike does not."""
    target = choose("age")
    assert not target.is_class
    assert target.made_of_it == ("age", "age_was_missing")


@pytest.mark.parametrize("asked", [None, "price"])
def test_the_number_of_a_regression_is_decided_by_default(asked: str | None) -> None:
    """In its own unit, as it arrived; features stay what can be decided instead."""
    preparation = Preparation(
        "price", (), None, None, FEATURES, ARRIVED, TRANSFORMERS, kind="regression"
    )
    target = choose(asked, preparation)
    assert (target.name, target.is_class, target.made_of_it) == ("price", False, ())
    assert target.original is not None
    assert restore_numbers([3.5], target.original).tolist() == [3.5]
    assert choose("age", preparation).name == "age"


def test_numbers_come_back_in_their_own_unit() -> None:
    """Scaled ages are years again."""
    original = choose("age").original
    assert original is not None
    scaled = Scale(["age"]).fit(FRAME).transform(FRAME).frame["age"]
    assert restore_numbers(scaled, original).round(9).tolist() == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_counted(value: float) -> None:
    """A missing or infinite target cannot be decided."""
    original = Originals(()).find("x")
    with pytest.raises(MiningError, match="1 of 2 rows have no usable 'x'"):
        restore_numbers([1.0, value], original)


@pytest.mark.parametrize("asked", ["town", "town_Rome", "size"])
def test_a_feature_of_categories_is_refused(asked: str) -> None:
    """Encoded or not; the error says that it could be the workflow's target."""
    with pytest.raises(MiningError, match="it holds categories") as caught:
        choose(asked)
    assert "make it 'columns.target'" in str(caught.value)


def test_an_unknown_name_gets_the_nearest() -> None:
    """A misspelt feature is told the feature."""
    with pytest.raises(MiningError, match="no column 'aeg'") as caught:
        choose("aeg")
    assert "age" in str(caught.value.expected)


def test_images_have_no_features_to_decide() -> None:
    """Of images only the workflow's target can be decided."""
    preparation = Preparation("label", (0, 1), "image", (2, 2, 1), ())
    with pytest.raises(MiningError, match="no column 'image'"):
        choose_target("image", preparation, Originals(()))


def test_a_workflow_without_a_target_must_name_one() -> None:
    """There is nothing to decide by default."""
    with pytest.raises(MiningError, match="no target that a tree could decide"):
        choose(None, make_preparation(None))
    assert choose("age", make_preparation(None)).name == "age"


def test_too_many_classes_are_refused() -> None:
    """A number that is predicted as a class has one per value: the error says what to do."""
    assert len(choose(None, make_preparation(n_classes=MAX_CLASSES)).classes) == MAX_CLASSES
    with pytest.raises(MiningError, match="101 classes") as caught:
        choose(None, make_preparation(n_classes=MAX_CLASSES + 1))
    assert "predict: {kind: regression}" in str(caught.value)
