"""A predictor gives the same probabilities for every form of the same rows, and loads nothing unsafe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from tasks.dataset import array_to_tensor_column
from tasks.errors import CleaningError, ModelError
from tasks.models import predictor as module
from tasks.models.predictor import ESTIMATOR_FILE, NETWORK_FILE, PREPARATION_FILE, Predictor


def test_images_as_array_table_and_batch_give_the_same_as_keras(
    image_folder: Path, images: npt.NDArray[np.uint8]
) -> None:
    """Raw rows and the arrays of training meet the same network."""
    predictor = Predictor.load(image_folder)
    rows = pa.table({"id": [str(i) for i in range(7)], "picture": array_to_tensor_column(images)})
    network = keras.saving.load_model(image_folder / NETWORK_FILE)
    expected = network.predict(images, verbose=0)
    for form in (images, rows, rows.to_batches()[0], rows.select(["picture", "id"])):
        np.testing.assert_allclose(predictor.predict_probabilities(form), expected, atol=1e-6)
    assert predictor.classes == ("cat", "dog", "emu")


def test_batches_are_bounded_and_change_nothing(
    image_folder: Path, images: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven rows in batches of three give what seven rows at once give."""
    predictor = Predictor.load(image_folder)
    at_once = predictor.predict_probabilities(images)
    sizes: list[int] = []
    compute = predictor._compute_probabilities
    monkeypatch.setattr(
        predictor, "_compute_probabilities", lambda x: sizes.append(len(x)) or compute(x)
    )
    monkeypatch.setattr(module, "ROWS_PER_BATCH", 3)
    np.testing.assert_allclose(predictor.predict_probabilities(images), at_once, atol=1e-6)
    assert sizes == [3, 3, 1]


def test_tables_as_arrow_pandas_and_array_give_the_same_as_scikit_learn(
    table_folder: Path, table: pa.Table
) -> None:
    """Integers, text that is a number, and other columns beside are what raw rows hold."""
    predictor = Predictor.load(table_folder)
    X = np.array([[1, 0.5], [2, 1], [8, -1.5], [9, -2]], dtype=np.float32)
    pipeline = skops.io.load(table_folder / ESTIMATOR_FILE)
    expected = pipeline.predict_proba(X)
    for form in (table, table.to_pandas(), X):
        probabilities = predictor.predict_probabilities(form)
        np.testing.assert_allclose(probabilities, expected, atol=1e-6)
        assert probabilities.dtype == np.float32
    assert predictor.classes == (10, 20)


def test_no_rows_give_no_probabilities(table_folder: Path, table: pa.Table) -> None:
    """An empty batch is no error."""
    assert Predictor.load(table_folder).predict_probabilities(table.slice(0, 0)).shape == (0, 2)


def test_a_missing_column_is_named(table_folder: Path, table: pa.Table) -> None:
    """The message names the column and the nearest one there is."""
    predictor = Predictor.load(table_folder)
    frame = table.rename_columns(["name", "width", "hight"]).to_pandas()
    with pytest.raises(CleaningError, match="no column 'height'"):
        predictor.predict_probabilities(frame)


def test_an_array_of_another_shape_is_refused(image_folder: Path) -> None:
    """Images without their channel axis would be read as something else."""
    with pytest.raises(ModelError, match=r"(?s)shape \(2, 6, 6\).*\(n_rows, 6, 6, 1\)"):
        Predictor.load(image_folder).predict_probabilities(np.zeros((2, 6, 6), dtype=np.uint8))


@pytest.mark.parametrize("file", [PREPARATION_FILE, ESTIMATOR_FILE])
def test_a_folder_that_lacks_a_part_is_no_model(table_folder: Path, file: str) -> None:
    """The message names what is missing."""
    (table_folder / file).unlink()
    with pytest.raises(ModelError, match=f"(?s)cannot be loaded as a model: .*{file}"):
        Predictor.load(table_folder)


def test_a_network_that_holds_code_is_refused(image_folder: Path) -> None:
    """Keras's safe mode does not run a lambda from a file."""
    inputs = keras.Input((6, 6, 1))
    outputs = keras.layers.Lambda(lambda x: x + 1)(inputs)
    keras.Model(inputs, outputs).save(image_folder / NETWORK_FILE)
    with pytest.raises(ModelError, match=r"(?s)cannot be loaded as a model: .*ambda"):
        Predictor.load(image_folder)


def test_an_estimator_with_a_type_that_is_not_trusted_is_refused(table_folder: Path) -> None:
    """Only scikit-learn's own types are loaded: a function from anywhere is not."""
    skops.io.dump(FunctionTransformer(_some_function), table_folder / ESTIMATOR_FILE)
    with pytest.raises(ModelError, match=r"(?s)cannot be loaded as a model: .*_some_function"):
        Predictor.load(table_folder)


def test_a_broken_network_file_is_refused(image_folder: Path) -> None:
    """A file that was cut off is named."""
    file = image_folder / NETWORK_FILE
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ModelError, match=f"{NETWORK_FILE} cannot be loaded"):
        Predictor.load(image_folder)


def _some_function(X: Any) -> Any:
    return X
