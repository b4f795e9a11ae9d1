"""A predictor says the same for every form of the same rows, in the user's units, and loads nothing unsafe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import skops.io
from series_support import save_last_value
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from tasks.dataset import array_to_tensor_column
from tasks.errors import CleaningError, ModelError
from tasks.models import predictor as module
from tasks.models.predictor import ESTIMATOR_FILE, NETWORK_FILE, PREPARATION_FILE, Predictor
from tasks.preparation import Preparation


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
    at_once = Predictor.load(image_folder).predict_probabilities(images)
    sizes: list[int] = []
    ask = module._ask_network

    def ask_and_count(network: keras.Model) -> module.Outputs:
        compute = ask(network)
        return lambda x: sizes.append(len(x)) or compute(x)

    monkeypatch.setattr(module, "_ask_network", ask_and_count)
    monkeypatch.setattr(module, "ROWS_PER_BATCH", 3)
    in_slices = Predictor.load(image_folder).predict_probabilities(images)
    np.testing.assert_allclose(in_slices, at_once, atol=1e-6)
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


def test_one_sigmoid_unit_says_two_probabilities(tmp_path: Path) -> None:
    """Of two classes the network says the second one's alone: here sigmoid(2 x)."""
    inputs = keras.Input((1,))
    outputs = keras.layers.Dense(1, activation="sigmoid", use_bias=False)(inputs)
    network = keras.Model(inputs, outputs)
    network.set_weights([np.array([[2.0]])])
    network.save(tmp_path / NETWORK_FILE)
    preparation = Preparation("kind", ("no", "yes"), None, None, ("x",))
    (tmp_path / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    probabilities = Predictor.load(tmp_path).predict_probabilities(pa.table({"x": [0.0, 1.0]}))
    np.testing.assert_allclose(probabilities, [[0.5, 0.5], [0.119203, 0.880797]], atol=1e-6)


def test_numbers_are_in_the_targets_unit(tmp_path: Path) -> None:
    """An estimator and a network that were fitted on 3 x + 1 say 3 x + 1, one number a row."""
    X = np.arange(4.0, dtype=np.float32)[:, np.newaxis]
    preparation = Preparation("price", (), None, None, ("x",), kind="regression")
    inputs = keras.Input((1,))
    network = keras.Model(inputs, keras.layers.Rescaling(3.0, 1.0)(inputs))
    for name in ("estimator", "network"):
        (tmp_path / name).mkdir()
        (tmp_path / name / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    skops.io.dump(LinearRegression().fit(X, 3 * X + 1), tmp_path / "estimator" / ESTIMATOR_FILE)
    network.save(tmp_path / "network" / NETWORK_FILE)
    for name in ("estimator", "network"):
        predictor = Predictor.load(tmp_path / name)
        values = predictor.predict_values(pa.table({"x": [1.0, 2.5]}))
        assert values.shape == (2,)
        assert values.dtype == np.float64
        np.testing.assert_allclose(values, [4.0, 8.5], rtol=1e-5)
        assert predictor.predict_values(pa.table({"x": pa.array([], pa.float64())})).shape == (0,)


def test_a_forecast_is_in_the_columns_own_unit(tmp_path: Path, plain_series: Preparation) -> None:
    """Raw values in, scaled for the network, and its answer scaled back: 25 goes on as 25."""
    predictor = Predictor.load(save_last_value(tmp_path / "model", plain_series))
    windows = np.array([[[10.0, 1.0], [20.0, 2.0], [25.0, 3.0]], [[0.0, 9.0]] * 3])
    forecast = predictor.forecast(windows)
    assert forecast.dtype == np.float64
    np.testing.assert_allclose(forecast, [[[25.0], [25.0]], [[0.0], [0.0]]], atol=1e-5)
    assert predictor.forecast(windows[:0]).shape == (0, 2, 1)


def test_a_window_that_cannot_be_cleaned_is_refused_by_its_place(
    tmp_path: Path, plain_series: Preparation
) -> None:
    """The first such window, its step and column; or NaN for it alone, where that is asked for."""
    predictor = Predictor.load(save_last_value(tmp_path / "model", plain_series))
    windows = np.ones((4, 3, 2))
    windows[2, 1, 1] = windows[1, 2, 0] = np.nan
    with pytest.raises(CleaningError, match=r"Window 1 cannot be forecast: step 2, flow: missing"):
        predictor.forecast(windows)
    told = predictor.forecast(windows, refuse=False)
    assert np.isnan(told).all(axis=(1, 2)).tolist() == [False, True, True, False]
    np.testing.assert_allclose(told[[0, 3]], 1.0, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4, 2), (2, 3, 3), (3, 2)])
def test_windows_of_another_shape_are_refused(
    tmp_path: Path, plain_series: Preparation, shape: tuple[int, ...]
) -> None:
    """Length and columns are those of training; the message names the columns in their order."""
    predictor = Predictor.load(save_last_value(tmp_path / "model", plain_series))
    with pytest.raises(ModelError, match=r"(?s)3 steps of flow, rain"):
        predictor.forecast(np.zeros(shape))


def test_a_model_is_asked_what_it_was_trained_for(table_folder: Path, table: pa.Table) -> None:
    """A model of classes has no numbers to say."""
    predictor = Predictor.load(table_folder)
    with pytest.raises(ModelError, match="was asked for a regression"):
        predictor.predict_values(table)
    with pytest.raises(ModelError, match="was asked for a forecast"):
        predictor.forecast(np.zeros((1, 3, 2)))


def _some_function(X: Any) -> Any:
    return X
