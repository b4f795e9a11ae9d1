"""Training repeats itself exactly, keeps the best weights, and stops when the loss breaks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
from training_support import (
    CNN,
    IMAGES,
    LSTM,
    MLP,
    PRICES,
    TABLE,
    WAVES,
    make_images,
    make_waves,
    write,
)

from tasks.dataset import Dataset, array_to_tensor_column
from tasks.errors import TrainingError
from tasks.training.checkpoint import CHECKPOINT_FILE, Checkpoint
from tasks.training.data.parts import load_part
from tasks.training.data.statistics import compute_statistics
from tasks.training.monitor import TrainingMonitor
from tasks.training.progress import Epoch
from tasks.training.trainer import TrainingOptions, train


def flat_weights(network: keras.Model) -> np.ndarray:
    return np.concatenate([w.ravel() for w in network.get_weights()])


def test_the_same_data_and_seed_give_the_same_weights(image_rows: Dataset) -> None:
    """Initial weights, shuffling and dropout all come from the seed, whatever was drawn before."""
    spec = CNN | {"dropout": 0.3}
    first = train(image_rows, IMAGES, spec, name="cnn", seed=1)
    keras.random.normal((3,))
    same = train(image_rows, IMAGES, spec, name="cnn", seed=1)
    np.testing.assert_array_equal(flat_weights(first.network), flat_weights(same.network))
    assert [e.train for e in first.epochs] == [e.train for e in same.epochs]


def test_it_learns_and_reports_every_epoch(image_rows: Dataset) -> None:
    """A bright stripe is easy to see; the caller hears of every epoch while it runs."""
    heard: list[Epoch] = []
    result = train(
        image_rows, IMAGES, CNN | {"epochs": 12}, name="cnn", seed=1, on_epoch=heard.append
    )
    holdout = load_part(image_rows, IMAGES, "holdout")
    is_right_side = result.network.predict_on_batch(holdout.inputs)[:, 0] > 0.5
    assert (is_right_side == holdout.targets).mean() >= 0.95
    assert tuple(heard) == result.epochs
    assert [e.number for e in heard] == list(range(1, 13))
    assert result.epochs[-1].train["loss"] < result.epochs[0].train["loss"]
    # 2 kernels of 3x3 and 2 biases; 2x2x2 values into 8 units; 8 into the probability of "right"
    assert result.n_parameters == 2 * 9 + 2 + 8 * 8 + 8 + 8 + 1
    assert (result.n_training_rows, result.n_validation_rows, result.best_epoch) == (70, 10, 12)


def test_further_callbacks_follow_the_training(image_rows: Dataset) -> None:
    """Keras calls them with its measurements, after every epoch that the monitor has noted."""
    heard: list[Epoch] = []
    seen: list[tuple[int, int, float]] = []

    def note(epoch: int, logs: dict[str, float]) -> None:
        seen.append((epoch, len(heard), logs["loss"]))

    options = TrainingOptions(callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note)])
    result = train(
        image_rows, IMAGES, CNN, name="cnn", seed=1, on_epoch=heard.append, options=options
    )
    assert seen == [(e.number - 1, e.number, e.train["loss"]) for e in result.epochs]
    assert len(seen) == 3


def test_it_is_plain_keras_on_the_same_arrays(image_rows: Dataset) -> None:
    """Several steps an execution and streaming from the container change nothing in the mathematics."""
    result = train(image_rows, IMAGES, CNN, name="cnn", seed=3)
    assert result.network.steps_per_execution == 5  # as many as there are batches
    training = load_part(image_rows, IMAGES, "train")
    statistics = compute_statistics(training.iterate_inputs())
    keras.utils.set_random_seed(3)
    plain = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(2, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    plain.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy", jit_compile=False)
    x = (training.inputs - statistics.mean) / np.sqrt(statistics.scaling_variance)
    y = training.targets.astype("float32")[:, np.newaxis]
    for epoch in range(3):
        order = np.random.default_rng([3, epoch, 0]).permutation(70)
        plain.fit(x[order].astype("float32"), y[order], batch_size=16, shuffle=False, verbose=0)
    for weight, expected in zip(result.network.trainable_weights, plain.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), expected.numpy(), atol=2e-4)


def test_early_stopping_keeps_the_best_weights(table_rows: Dataset) -> None:
    """A learning rate that overshoots makes the validation loss rise; the best epoch's weights stay."""
    spec = MLP | {"epochs": 60, "patience": 3, "learning_rate": 0.1}
    result = train(table_rows, TABLE, spec, name="mlp", seed=1)
    losses = [e.validation["loss"] for e in result.epochs if e.validation]
    assert result.n_epochs < 60
    assert result.best_epoch == result.n_epochs - 3
    assert losses[result.best_epoch - 1] == min(losses)
    validation = load_part(table_rows, TABLE, "validation")
    loss, _ = result.network.evaluate(validation.inputs, validation.targets, verbose=0)
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
    assert [e.validation for e in result.epochs] == [None] * 3


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


class Killed(BaseException):
    """As a signal ends a process: nothing may catch it and go on."""


def kill_after(n_epochs: int) -> Any:
    def on_epoch(epoch: Epoch) -> None:
        if epoch.number == n_epochs:
            raise Killed

    return on_epoch


@pytest.mark.parametrize("killed_after", [2, 5])
def test_a_killed_training_goes_on_as_if_it_had_never_stopped(
    image_rows: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    """Weights, history and best epoch are those of an unbroken run, to the last bit."""
    monkeypatch.setattr("tasks.training.monitor.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    spec = CNN | {
        "epochs": 5,
        "dropout": 0.4,
        "schedule": "one_cycle",
        "augment": {"shift": 0.2, "rotate": 20.0, "zoom": 0.1},
        "patience": 4,
    }
    unbroken = train(image_rows, IMAGES, spec, name="cnn", seed=4)
    options = TrainingOptions(checkpoints=tmp_path / "checkpoints")
    with pytest.raises(Killed):
        train(
            image_rows,
            IMAGES,
            spec,
            name="cnn",
            seed=4,
            on_epoch=kill_after(killed_after),
            options=options,
        )
    heard: list[Epoch] = []
    resumed = train(
        image_rows, IMAGES, spec, name="cnn", seed=4, on_epoch=heard.append, options=options
    )
    assert [e.number for e in heard] == list(range(killed_after + 1, 6))
    np.testing.assert_array_equal(flat_weights(resumed.network), flat_weights(unbroken.network))
    assert [e.train for e in resumed.epochs] == [e.train for e in unbroken.epochs]
    assert resumed.best_epoch == unbroken.best_epoch


def test_a_checkpoint_of_other_settings_is_left_aside(image_rows: Dataset, tmp_path: Path) -> None:
    """What was begun with another learning rate is not gone on with."""
    options = TrainingOptions(checkpoints=tmp_path)
    train(image_rows, IMAGES, CNN, name="cnn", seed=4, options=options)
    heard: list[Epoch] = []
    other = CNN | {"learning_rate": 0.02}
    train(image_rows, IMAGES, other, name="cnn", seed=4, on_epoch=heard.append, options=options)
    assert [e.number for e in heard] == [1, 2, 3]


def test_time_that_runs_out_keeps_the_best_weights(table_rows: Dataset) -> None:
    """Training ends after the epoch in which it became clear that the next one would not fit."""
    spec = MLP | {"epochs": 500}
    result = train(
        table_rows, TABLE, spec, name="mlp", seed=1, options=TrainingOptions(max_seconds=1e-6)
    )
    assert (result.n_epochs, result.best_epoch, result.is_cut_short) == (1, 1, True)


def test_out_of_memory_halves_the_batch_and_goes_on(
    image_rows: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was learned before is kept, and the result says which batch size fitted."""
    seen: list[int] = []
    original = TrainingMonitor.on_epoch_begin

    def fail_with_large_batches(self: TrainingMonitor, epoch: int, logs: Any = None) -> None:
        original(self, epoch, logs)
        seen.append(self.batch_size)
        if self.batch_size > 4 and epoch == 1:
            raise MemoryError("OOM when allocating tensor")

    monkeypatch.setattr(TrainingMonitor, "on_epoch_begin", fail_with_large_batches)
    monkeypatch.setattr("tasks.training.monitor.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    result = train(
        image_rows,
        IMAGES,
        CNN,
        name="cnn",
        seed=1,
        options=TrainingOptions(checkpoints=tmp_path),
    )
    assert seen == [16, 16, 8, 4, 4]
    assert result.batch_size == 4
    assert [e.number for e in result.epochs] == [1, 2, 3]


def test_memory_for_not_even_one_row_is_an_error(image_rows: Dataset) -> None:
    """It names the candidate, and a retry would not help."""

    def fail(*_: Any) -> None:
        raise MemoryError("OOM when allocating tensor")

    options = TrainingOptions(callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=fail)])
    with pytest.raises(
        TrainingError, match=r"(?s)one row at a time of the candidate 'big'"
    ) as found:
        train(image_rows, IMAGES, CNN, name="big", seed=1, options=options)
    assert not found.value.is_retryable


@pytest.mark.parametrize(
    ("changes", "precision"),
    [
        ({"schedule": "cosine", "warmup": 0.2}, "float32"),
        ({"clip_norm": 0.5}, "float32"),
        ({"xla": True}, "float32"),
        ({"steps_per_execution": 2}, "float32"),
        ({"class_weights": "balanced"}, "float32"),
        ({"batch_normalization": True}, "float32"),
        ({"precision": "mixed_bfloat16"}, "bfloat16"),
        ({"precision": "mixed_float16"}, "float16"),
    ],
)
def test_every_way_of_training_learns(
    image_rows: Dataset, changes: dict[str, Any], precision: str
) -> None:
    """Each setting by itself still learns to see the stripe, and computes in its precision."""
    spec = CNN | {"epochs": 15, "learning_rate": 0.02} | changes
    result = train(image_rows, IMAGES, spec, name="cnn", seed=2)
    assert result.epochs[-1].train["loss"] < 0.5 * result.epochs[0].train["loss"]
    hidden = next(layer for layer in result.network.layers if "conv" in layer.name)
    assert hidden.compute_dtype == precision
    assert result.network.output.dtype == "float32"


def test_a_gradient_is_not_longer_than_its_clip(image_rows: Dataset) -> None:
    """With a clip of almost nothing plain gradient steps would be almost nothing; Adam is told the norm."""
    result = train(image_rows, IMAGES, CNN | {"clip_norm": 1e-9}, name="cnn", seed=2)
    free = train(image_rows, IMAGES, CNN, name="cnn", seed=2)
    # Adam divides by the gradient's size plus 1e-7, which is far larger than a clipped gradient.
    assert result.epochs[-1].train["loss"] == pytest.approx(
        result.epochs[0].train["loss"], abs=0.05
    )
    assert free.epochs[-1].train["loss"] < result.epochs[-1].train["loss"]


def test_a_number_is_predicted_in_its_own_unit(tmp_path: Path) -> None:
    """Price = 1000 + 3 width - 2 height, learned from standardised values, put out in euros."""
    rng = np.random.default_rng(3)
    width, height = rng.normal(50.0, 10.0, 400), rng.normal(5.0, 2.0, 400)
    price = 1000.0 + 3.0 * width - 2.0 * height
    parts = ["validation" if i % 5 == 4 else "train" for i in range(400)]
    rows = pa.table({"split": parts, "price": price, "width": width, "height": height})
    spec = MLP | {"dense": [], "epochs": 30, "learning_rate": 0.05}
    result = train(write(tmp_path / "prices", rows), PRICES, spec, name="mlp", seed=1)
    predicted = result.network.predict_on_batch(np.array([[50.0, 5.0], [60.0, 5.0]], "float32"))
    np.testing.assert_allclose(predicted[:, 0], [1140.0, 1170.0], atol=1.0)
    assert set(result.epochs[0].train) == {"loss", "mae"}


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru", "mlp"])
def test_a_series_is_forecast_in_its_own_unit(tmp_path: Path, kind: str) -> None:
    """A sine around 100 goes on around 100."""
    spec = (MLP if kind == "mlp" else LSTM) | {"kind": kind, "epochs": 30}
    result = train(write(tmp_path / "waves", make_waves()), WAVES, spec, name=kind, seed=1)
    last = result.epochs[-1].validation
    assert last is not None
    assert last["loss"] < 0.15  # of a variance of 1
    steps = np.arange(12, dtype="float32")
    window = np.stack(
        [np.sin(2 * np.pi * steps / 12), 100 + 10 * np.sin(2 * np.pi * steps / 24)], axis=1
    )
    ahead = result.network.predict_on_batch(window[np.newaxis])
    assert ahead.shape == (1, 3, 1)
    np.testing.assert_allclose(
        ahead[0, :, 0], 100 + 10 * np.sin(2 * np.pi * np.arange(12, 15) / 24), atol=5.0
    )


def test_a_share_of_the_rows_is_trained_on(image_rows: Dataset) -> None:
    """As a learning curve asks for."""
    options = TrainingOptions(share=0.5)
    result = train(image_rows, IMAGES, CNN, name="cnn", seed=2, options=options)
    assert (result.n_training_rows, result.n_validation_rows) == (35, 10)


def test_a_warm_start_begins_where_the_champion_ended(image_rows: Dataset, tmp_path: Path) -> None:
    """The first epoch of the second night is better than the last of the first."""
    spec = CNN | {"epochs": 8}
    first = train(image_rows, IMAGES, spec, name="cnn", seed=2)
    first.network.save(tmp_path / "network.keras")
    options = TrainingOptions(warm_start=tmp_path / "network.keras")
    second = train(image_rows, IMAGES, spec, name="cnn", seed=3, options=options)
    assert second.epochs[0].train["loss"] < first.epochs[-1].train["loss"] * 1.2
    assert second.epochs[0].train["loss"] < 0.5 * first.epochs[0].train["loss"]


def test_a_warm_start_from_other_layers_is_an_error(image_rows: Dataset, tmp_path: Path) -> None:
    """It names the candidate and says what to do."""
    train(image_rows, IMAGES, CNN, name="cnn", seed=2).network.save(tmp_path / "network.keras")
    options = TrainingOptions(warm_start=tmp_path / "network.keras")
    with pytest.raises(TrainingError, match=r"(?s)'mlp' cannot begin.*warm_start: false"):
        train(image_rows, IMAGES, MLP, name="mlp", seed=2, options=options)


def test_a_checkpoint_of_another_shape_is_an_error(image_rows: Dataset, tmp_path: Path) -> None:
    """One that claims to belong to this training and does not fit is not gone on from."""
    options = TrainingOptions(checkpoints=tmp_path)
    train(image_rows, IMAGES, CNN, name="cnn", seed=4, options=options)
    with np.load(tmp_path / CHECKPOINT_FILE) as file:
        key = json.loads(file["state"].tobytes())["key"]
    before = Checkpoint.read(tmp_path, key)
    assert before is not None
    replace(before, variables=before.variables[:-1]).write(tmp_path)
    with pytest.raises(TrainingError, match="checkpoint of the candidate 'cnn' belongs to another"):
        train(image_rows, IMAGES, CNN, name="cnn", seed=4, options=options)
