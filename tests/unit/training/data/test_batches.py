"""Batches: every row once an epoch, in an order that resuming and reading ahead do not change."""

from __future__ import annotations

import logging
from typing import Any

import keras
import numpy as np
import pytest

from tasks.training.data.augmentation import Augmentation, draw_numbers
from tasks.training.data.batches import Batches, choose_steps, fit_batches
from tasks.training.data.rows import Rows
from tasks.training.data.windows import Windows

# Batches of 23 rows, and how many run between two visits to Python: epochs flow on without a stop
# (5 batches, 5 steps; 3, 1; 1, 1), or the last visit is a short one (5, 2; 3, 2).
CUTS = [(5, 5), (5, 2), (8, 1), (8, 2), (100, 1)]


def test_every_row_comes_once_an_epoch() -> None:
    """In another order each time, and each with its own target."""
    batches = Batches(number_rows(23), 5, seed=1)
    epochs = [[batches.make_batch(e, i) for i in range(len(batches))] for e in range(3)]
    seen = [np.concatenate([b[0][:, 0] for b in epoch]).tolist() for epoch in epochs]
    for epoch in seen:
        assert sorted(epoch) == list(range(23))
    assert seen[0] != seen[1] != seen[2] != list(range(23))
    assert [len(b[0]) for b in epochs[0]] == [5, 5, 5, 5, 3]
    for inputs, targets in epochs[0]:
        assert (targets[:, 0] == inputs[:, 0] * 10).all()


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    """Not from what was read before, nor from how rows are cut into batches."""
    forwards, backwards = (Batches(number_rows(23), n, seed=1) for n in (5, 23))
    expected = [read_epoch(forwards, e) for e in range(4)]
    assert [read_epoch(backwards, e) for e in (3, 2, 1, 0)] == expected[::-1]
    assert read_epoch(Batches(number_rows(23), 5, seed=2), 0) != expected[0]


def test_without_a_seed_rows_stay_in_order() -> None:
    """Of validation, in every epoch."""
    batches = Batches(number_rows(23), 5)
    assert read_epoch(batches, 0) == read_epoch(batches, 7) == list(range(23))


@pytest.mark.parametrize(("batch_size", "steps"), CUTS)
def test_the_network_sees_these_batches(batch_size: int, steps: int) -> None:
    """Each once, in this order, epoch after epoch, on whichever backend is active."""
    batches = Batches(number_rows(23), batch_size, seed=1)
    trained = build(steps)
    history = fit_batches(trained, batches, n_epochs=3)
    assert history.epoch == [0, 1, 2]
    assert batches.is_endless == (len(batches) % trained.steps_per_execution == 0)
    np.testing.assert_allclose(weights_of(trained), weights_of(walk(batches, 0, 3)), rtol=1e-4)


@pytest.mark.parametrize(("batch_size", "steps"), [(5, 5), (5, 2)])
def test_resumed_at_an_epoch_it_sees_what_it_would_have_seen(batch_size: int, steps: int) -> None:
    """Epochs 0 and 1, killed, then 2 and 3 by other batches, are the epochs 0 to 3."""
    network = build(steps)
    fit_batches(network, Batches(number_rows(23), batch_size, seed=1), n_epochs=2)
    resumed = Batches(number_rows(23), batch_size, seed=1)
    history = fit_batches(network, resumed, n_epochs=4, first_epoch=2)
    assert history.epoch == [2, 3]
    np.testing.assert_allclose(weights_of(network), weights_of(walk(resumed, 0, 4)), rtol=1e-4)


def test_the_weights_tell_the_order() -> None:
    """Without this the comparisons above would show nothing."""
    batches, other = (Batches(number_rows(23), 5, seed=seed) for seed in (1, 2))
    expected = weights_of(walk(batches, 0, 2))
    assert not np.allclose(weights_of(walk(other, 0, 2)), expected, rtol=1e-3)
    assert not np.allclose(weights_of(walk(batches, 1, 3)), expected, rtol=1e-3)


@pytest.mark.parametrize(("n_validation", "steps"), [(4, 1), (4, 2), (6, 2)])
def test_validation_measures_every_row_once(n_validation: int, steps: int) -> None:
    """The same loss as by hand, in every epoch, whether its batches are a multiple of the steps or not."""
    network = build(steps)
    network.optimizer.learning_rate = 0.0
    validation = Batches(number_rows(n_validation), 2)
    history = fit_batches(
        network, Batches(number_rows(23), 5, seed=1), validation, n_epochs=3
    ).history
    rows = number_rows(n_validation)
    predicted = rows.inputs @ weights_of(network)
    expected = float(np.mean((predicted - rows.targets) ** 2))
    assert history["val_loss"] == pytest.approx([expected] * 3, rel=1e-5)


def test_no_validation_rows_are_none() -> None:
    """An empty part is not measured."""
    history = fit_batches(
        build(1), Batches(number_rows(6), 2, seed=1), Batches(number_rows(0), 2), n_epochs=1
    )
    assert list(history.history) == ["loss"]


def test_training_can_end_before_its_last_epoch() -> None:
    """What was read ahead of the end is of no consequence, and nothing hangs."""
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, _: setattr(network, "stop_training", epoch == 1)
    )
    network = build(5)
    batches = Batches(number_rows(23), 5, seed=1)
    assert fit_batches(network, batches, n_epochs=9, callbacks=[stop]).epoch == [0, 1]
    np.testing.assert_allclose(weights_of(network), weights_of(walk(batches, 0, 2)), rtol=1e-4)


def test_rows_weigh_what_their_class_weighs() -> None:
    """The third array of a batch; codes are places in the weights."""
    rows = Rows(np.zeros((4, 1), np.float32), np.array([1, 0, 2, 1]))
    batches = Batches(rows, 3, class_weights=np.array([0.5, 2.0, 7.0], np.float32))
    assert [b[2].tolist() for b in (batches[0], batches[1])] == [[2.0, 0.5, 7.0], [2.0]]


def test_targets_are_standardised_by_column() -> None:
    """(value - center) / scale, in float32; the inputs stay as they are."""
    series = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 50.0]], np.float32)
    windows = Windows(series, np.array([0]), 1, 2, np.array([0, 1]), np.ones(3, bool))
    batches = Batches(windows, 1, center=np.array([3.0, 10.0]), scale=np.array([2.0, 20.0]))
    inputs, targets = batches[0]
    assert inputs.tolist() == [[[1.0, 10.0]]]
    assert targets.tolist() == [[[0.0, 1.0], [1.0, 2.0]]]
    assert targets.dtype == np.float32


def test_images_change_with_the_epoch_and_not_with_the_batch_size() -> None:
    """By the numbers drawn for their place in the order; what is stored stays."""
    images = np.random.default_rng(1).integers(0, 256, (7, 6, 6, 1), dtype=np.uint8)
    rows = Rows(images.copy(), np.arange(7))
    augment = {"shift": 0.3, "rotate": 20.0, "zoom": 0.1}
    by_size = [Batches(rows, n, seed=1, augment=augment) for n in (2, 7)]
    epoch = np.concatenate([by_size[0].make_batch(3, i)[0] for i in range(4)])
    whole, places = by_size[1].make_batch(3, 0)
    np.testing.assert_array_equal(epoch, whole)
    expected = Augmentation(**augment).change(images[places], draw_numbers(1, 3, 0, 7))
    np.testing.assert_array_equal(whole, expected)
    other, other_places = by_size[1].make_batch(4, 0)
    assert (whole[places.argsort()] != other[other_places.argsort()]).any()
    np.testing.assert_array_equal(rows.inputs, images)


def test_changes_need_a_seed() -> None:
    """Chance without a seed could not be repeated."""
    with pytest.raises(ValueError, match="needs a seed"):
        Batches(number_rows(3), 1, augment={"shift": 0.1})


def test_a_batch_larger_than_the_data_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """It trains, in one batch an epoch."""
    with caplog.at_level(logging.INFO, "tasks.training.data.batches"):
        batches = Batches(number_rows(3), 32, seed=1)
    assert len(batches) == 1
    assert "A batch of 32 is larger than the data: 3 rows." in caplog.text


@pytest.mark.parametrize(
    ("n_batches", "most", "expected"),
    [(1, 50, 1), (40, 50, 40), (50, 50, 50), (51, 50, 50), (53, 50, 50), (1875, 50, 25), (6, 1, 1)],
)
def test_steps_divide_the_epoch_where_they_can(n_batches: int, most: int, expected: int) -> None:
    """51 = 3 x 17 has no divisor from 25 to 50; a smaller one would cost more than it saves."""
    is_torch = keras.backend.backend() == "torch"
    assert choose_steps(n_batches, most) == (1 if is_torch else expected)


def number_rows(n_rows: int) -> Rows:
    """Rows of their own number and 1, with ten times the number as the target."""
    numbers = np.arange(n_rows, dtype=np.float32)[:, np.newaxis]
    return Rows(np.concatenate([numbers, np.ones_like(numbers)], axis=1), 10 * numbers)


def read_epoch(batches: Batches, epoch: int) -> list[int]:
    parts = [batches.make_batch(epoch, i)[0][:, 0] for i in range(len(batches))]
    return [int(number) for number in np.concatenate(parts)]


def build(steps: int) -> Any:
    """A line whose weights tell in which order it saw the rows: an early row weighs less in the end."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    network.set_weights([np.zeros((2, 1))])
    optimizer = keras.optimizers.SGD(1e-3)
    steps = 1 if keras.backend.backend() == "torch" else steps
    network.compile(optimizer, "mse", steps_per_execution=steps, jit_compile=False)
    return network


def walk(batches: Batches, first_epoch: int, n_epochs: int) -> Any:
    network = build(1)
    for epoch in range(first_epoch, n_epochs):
        for i in range(len(batches)):
            network.train_on_batch(*batches.make_batch(epoch, i))
    return network


def weights_of(network: Any) -> np.ndarray[Any, Any]:
    return np.asarray(network.get_weights()[0])
