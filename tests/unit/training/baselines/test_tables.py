"""Baselines of tables and images are plain scikit-learn on the same rows, and say whether they converged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from training_support import BASELINE, IMAGES, PRICES, TABLE, write

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.preparation import Preparation
from tasks.training.baselines import fit_baseline
from tasks.training.data.parts import load_part

LINEAR: dict[str, Any] = {"kind": "linear_regression", "alpha": 0.0}
TREES: dict[str, Any] = {
    "kind": "gradient_boosting",
    "max_iter": 100,
    "learning_rate": 0.1,
    "max_leaf_nodes": 31,
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a busy machine spinning threads only wait."""
    with threadpool_limits(limits=1):
        yield


def write_table(
    folder: Path, target: str, values: npt.ArrayLike, X: npt.NDArray[Any], n_validation: int = 0
) -> Dataset:
    parts = ["train"] * (len(X) - n_validation) + ["validation"] * n_validation
    columns = {"width": X[:, 0], "height": X[:, 1]}
    return write(folder, pa.table({"split": parts, target: np.asarray(values), **columns}))


def make_xor() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    X = np.random.default_rng(6).uniform(-1, 1, (400, 2))
    return X, (X[:, 0] > 0) ^ (X[:, 1] > 0)


def test_it_is_plain_scikit_learn_on_flattened_images(image_rows: Dataset) -> None:
    """Standardise, then logistic regression; scored on training and validation rows."""
    result = fit_baseline(image_rows, IMAGES, BASELINE, name="baseline", seed=1)
    training, validation = (load_part(image_rows, IMAGES, p) for p in ("train", "validation"))
    flat = training.inputs.reshape(70, -1).astype("float64")
    scaler = StandardScaler().fit(flat)
    plain = LogisticRegression(max_iter=200).fit(scaler.transform(flat), training.targets)
    probabilities = plain.predict_proba(scaler.transform(validation.inputs.reshape(10, -1)))
    assert result.metrics["validation_loss"] == pytest.approx(
        log_loss(validation.targets, probabilities), abs=2e-3
    )
    assert result.metrics["validation_accuracy"] == accuracy_score(
        validation.targets, probabilities.argmax(axis=1)
    )
    assert result.is_converged
    assert result.n_parameters == 36 + 1
    assert (result.n_training_rows, result.n_validation_rows) == (70, 10)


def test_too_few_iterations_are_no_error(table_rows: Dataset) -> None:
    """The model is used as far as it came, and the report says so."""
    result = fit_baseline(table_rows, TABLE, BASELINE | {"max_iter": 1}, name="baseline", seed=1)
    assert not result.is_converged
    assert result.n_iterations == 1


@pytest.mark.parametrize("spec", [BASELINE, TREES])
def test_rows_of_one_class_name_the_baseline(tmp_path: Path, spec: dict[str, Any]) -> None:
    """There is nothing to tell apart."""
    dataset = write_table(tmp_path / "rows", "kind", [3, 3], np.ones((2, 2)))
    with pytest.raises(TrainingError, match=r"'plain' cannot be fitted: .* hold 1 class"):
        fit_baseline(dataset, TABLE, spec, name="plain", seed=1)


def test_a_class_without_training_rows_is_refused(tmp_path: Path) -> None:
    """The columns of the probabilities would be those of other classes."""
    preparation = Preparation("kind", (3, 4, 5), None, None, ("width", "height"))
    dataset = write_table(tmp_path / "rows", "kind", [3, 5], np.ones((2, 2)))
    with pytest.raises(TrainingError, match="2 of the preparation's classes"):
        fit_baseline(dataset, preparation, BASELINE, name="plain", seed=1)


def test_a_line_is_found_in_the_targets_own_unit(tmp_path: Path) -> None:
    """The price 1000 + 20 width - 3 height is found; errors are in standard deviations of the training rows."""
    X = np.random.default_rng(5).normal(size=(40, 2))
    prices = 1000 + X @ [20.0, -3.0]
    prices[-1] += 7.0  # the one validation row is off the line
    dataset = write_table(tmp_path / "rows", "price", prices, X, n_validation=1)
    result = fit_baseline(dataset, PRICES, LINEAR, name="line", seed=1)
    assert result.estimator.predict([[1.0, 2.0]]) == pytest.approx([1014.0], abs=1e-3)
    assert result.metrics["train_loss"] == pytest.approx(0.0, abs=1e-9)
    spread = prices[:-1].std()
    assert result.metrics["validation_mae"] == pytest.approx(7.0 / spread, rel=1e-4)
    assert result.metrics["validation_loss"] == pytest.approx((7.0 / spread) ** 2, rel=1e-4)
    assert (result.n_parameters, result.n_iterations) == (3, 1)


def test_columns_that_say_the_same_do_no_harm(tmp_path: Path) -> None:
    """A pair of one-hot columns has no single solution, and rows of float32 are predicted all the same."""
    is_rome = np.random.default_rng(5).random(200) < 0.3
    X = np.stack([is_rome, ~is_rome], axis=1).astype(float)
    dataset = write_table(tmp_path / "rows", "price", 10.0 + 5 * is_rome, X)
    result = fit_baseline(dataset, PRICES, LINEAR, name="line", seed=1)
    rows = np.array([[1, 0], [0, 1]], dtype=np.float32)
    assert result.estimator.predict(rows) == pytest.approx([15.0, 10.0], abs=1e-4)


def test_ridge_shrinks_the_coefficients(tmp_path: Path) -> None:
    """Of n standardised rows the coefficient becomes n / (n + alpha) of the least squares one."""
    X = np.array([[-1.0, 0.0], [1.0, 0.0]] * 10)
    dataset = write_table(tmp_path / "rows", "price", 3 * X[:, 0], X)
    result = fit_baseline(dataset, PRICES, LINEAR | {"alpha": 20.0}, name="ridge", seed=1)
    assert result.estimator.predict([[1.0, 0.0]]) == pytest.approx([3.0 * 20 / (20 + 20)])


def test_trees_solve_what_no_line_can(tmp_path: Path) -> None:
    """Exclusive or: a line is right half the time, trees nearly always."""
    X, is_odd = make_xor()
    dataset = write_table(tmp_path / "rows", "kind", np.where(is_odd, 5, 3), X, n_validation=100)
    line = fit_baseline(dataset, TABLE, BASELINE, name="line", seed=1)
    trees = fit_baseline(dataset, TABLE, TREES, name="trees", seed=1)
    assert line.metrics["validation_accuracy"] < 0.65
    assert trees.metrics["validation_accuracy"] > 0.95


def test_trees_of_numbers_solve_it_too(tmp_path: Path) -> None:
    """In the target's own unit."""
    X, is_odd = make_xor()
    dataset = write_table(
        tmp_path / "rows", "price", np.where(is_odd, 900.0, 100.0), X, n_validation=100
    )
    result = fit_baseline(dataset, PRICES, TREES, name="trees", seed=1)
    assert result.estimator.predict([[0.5, -0.5], [0.5, 0.5]]) == pytest.approx(
        [900.0, 100.0], abs=40
    )
    assert result.metrics["validation_loss"] < 0.2


def test_validation_rows_stop_the_trees(tmp_path: Path) -> None:
    """Where chance alone decides, ten trees without a gain are the end; without such rows all are grown."""
    rng = np.random.default_rng(2)
    X, kinds = rng.normal(size=(300, 2)), rng.choice([3, 5], 300)
    stopped, whole = (
        fit_baseline(
            write_table(tmp_path / f"rows{n}", "kind", kinds, X, n_validation=n),
            TABLE,
            TREES,
            name="trees",
            seed=1,
        )
        for n in (100, 0)
    )
    assert stopped.n_iterations < 30
    assert (whole.n_iterations, whole.is_converged) == (100, True)
    assert set(whole.metrics) == {"train_loss", "train_accuracy"}


def test_trees_that_run_out_say_so(tmp_path: Path) -> None:
    """The validation loss was still falling."""
    X, is_odd = make_xor()
    dataset = write_table(tmp_path / "rows", "kind", np.where(is_odd, 5, 3), X, n_validation=100)
    result = fit_baseline(
        dataset, TABLE, TREES | {"max_iter": 3, "max_leaf_nodes": 4}, name="trees", seed=1
    )
    assert not result.is_converged
    assert result.n_iterations == 3
    assert result.n_parameters == 3 * (4 + 3)  # four leaves and three questions each


def test_large_images_are_not_for_trees(tmp_path: Path) -> None:
    """Refused before hours are spent."""
    from tasks.dataset import array_to_tensor_column

    images = np.zeros((2, 65, 64, 1), dtype=np.uint8)
    preparation = Preparation("side", ("left", "right"), "image", (65, 64, 1), ())
    rows = {"split": ["train"] * 2, "side": ["left", "right"]}
    table = pa.table({**rows, "image": array_to_tensor_column(images)})
    with pytest.raises(TrainingError, match="'trees' would grow trees on 4,160 inputs per row"):
        fit_baseline(write(tmp_path / "rows", table), preparation, TREES, name="trees", seed=1)
