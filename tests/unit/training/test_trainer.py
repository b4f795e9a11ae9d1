"""Training repeats itself exactly, keeps the best weights, and stops when the loss breaks."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pytest
from training_support import CNN, IMAGES, MLP, TABLE, make_images, write

from tasks.dataset import Dataset, array_to_tensor_column
from tasks.errors import TrainingError
from tasks.training.parts import load_part
from tasks.training.progress import Epoch
from tasks.training.statistics import compute_statistics
from tasks.training.trainer import train


def flat_weights(network: keras.Model) -> np.ndarray:
    return np.concatenate([w.ravel() for w in network.get_weights()])


def test_the_same_data_and_seed_give_the_same_weights(image_rows: Dataset) -> None:
    """Initial weights, shuffling and dropout all come from the seed, whatever was drawn before."""
    spec = CNN | {"dropout": 0.3}
    first = train(image_rows, IMAGES, spec, name="cnn", seed=1)
    keras.random.normal((3,))
    same = train(image_rows, IMAGES, spec, name="cnn", seed=1)
    np.testing.assert_array_equal(flat_weights(first.network), flat_weights(same.network))
    assert [e.loss for e in first.epochs] == [e.loss for e in same.epochs]


def test_it_learns_and_reports_every_epoch(image_rows: Dataset) -> None:
    """A bright stripe is easy to see; the caller hears of every epoch while it runs."""
    heard: list[Epoch] = []
    result = train(
        image_rows, IMAGES, CNN | {"epochs": 12}, name="cnn", seed=1, on_epoch=heard.append
    )
    holdout = load_part(image_rows, IMAGES, "holdout")
    predicted = result.network.predict_on_batch(holdout.inputs).argmax(axis=1)
    assert (predicted == holdout.codes).mean() >= 0.95
    assert tuple(heard) == result.epochs
    assert [e.number for e in heard] == list(range(1, 13))
    assert result.epochs[-1].loss < result.epochs[0].loss
    # 2 kernels of 3x3 and 2 biases; 2x2x2 values into 8 units; 8 into 2
    assert result.n_parameters == 2 * 9 + 2 + 8 * 8 + 8 + 8 * 2 + 2
    assert (result.n_training_rows, result.n_validation_rows, result.best_epoch) == (70, 10, 12)


def test_it_is_plain_keras_on_the_same_arrays(image_rows: Dataset) -> None:
    """Several steps an execution and streaming from the container change nothing in the mathematics."""
    result = train(image_rows, IMAGES, CNN, name="cnn", seed=3)
    assert result.network.steps_per_execution == 5  # as many as there are batches
    training = load_part(image_rows, IMAGES, "train")
    statistics = compute_statistics([training.inputs])
    keras.utils.set_random_seed(3)
    plain = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(2, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    plain.compile(keras.optimizers.Adam(0.01), loss="categorical_crossentropy", jit_compile=False)
    x = (training.inputs - statistics.mean) / np.sqrt(statistics.scaling_variance)
    y = keras.utils.to_categorical(training.codes)
    plain.fit(x.astype("float32"), y, batch_size=16, epochs=3, verbose=0)
    for weight, expected in zip(result.network.trainable_weights, plain.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), expected.numpy(), atol=2e-4)


def test_early_stopping_keeps_the_best_weights(table_rows: Dataset) -> None:
    """A learning rate that overshoots makes the validation loss rise; the best epoch's weights stay."""
    spec = MLP | {"epochs": 60, "patience": 3, "learning_rate": 0.1}
    result = train(table_rows, TABLE, spec, name="mlp", seed=1)
    losses = [e.validation_loss for e in result.epochs]
    assert result.n_epochs < 60
    assert result.best_epoch == result.n_epochs - 3
    assert losses[result.best_epoch - 1] == min(losses)
    validation = load_part(table_rows, TABLE, "validation")
    loss, _ = result.network.evaluate(validation.inputs, validation.codes, verbose=0)
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_without_validation_rows_it_just_runs(tmp_path: Path) -> None:
    """Patience has nothing to watch then; a batch larger than the data is one batch."""
    images, sides = make_images(8)
    rows = write(
        tmp_path / "few",
        pa.table(
            {
                "split": ["train"] * 8,
                "side": sides,
                "image": array_to_tensor_column(images),
            }
        ),
    )
    result = train(rows, IMAGES, CNN | {"patience": 1}, name="cnn", seed=1)
    assert result.n_epochs == result.best_epoch == 3
    assert {e.validation_loss for e in result.epochs} == {None}


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_loss_that_is_no_number_names_the_candidate(table_rows: Dataset) -> None:
    """A night must not register a network of NaN."""
    spec = MLP | {"learning_rate": 1e30, "activation": "linear"}
    with pytest.raises(
        TrainingError, match=r"(?s)loss of the candidate 'wild' became .*learning_rate"
    ):
        train(table_rows, TABLE, spec, name="wild", seed=1)


def test_no_training_rows_are_an_error(tmp_path: Path) -> None:
    """The message sends to the cleaning step."""
    rows = pa.table({"split": ["holdout"], "kind": [3], "width": [1.0], "height": [1.0]})
    with pytest.raises(TrainingError, match=r"(?s)no training row.*quarantine"):
        train(write(tmp_path / "none", rows), TABLE, MLP, name="mlp", seed=1)
