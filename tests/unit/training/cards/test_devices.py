"""A training spreads over several cards on JAX, and on one of them it stays the same training."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from tasks.training.cards.gpu import find_gpus

PROJECT = Path(__file__).resolve().parents[3]
# Two devices in one CPU, which cannot share the last 5 of 37 rows, nor 7 validation rows.
TWO_DEVICES = """
import json, sys
import keras, numpy as np
from tasks.training.data.batches import Batches, fit_batches
from tasks.training.cards.devices import (
    SharedBatches, choose_validation_batch_size, share_batch_size, use_cards
)

class Part:
    def __init__(self, n_rows):
        rng = np.random.default_rng(n_rows)
        self.inputs = rng.normal(size=(n_rows, 6)).astype("float32")
        self.targets = (self.inputs[:, 0] > 0).astype("int64")
        self.n_rows = n_rows

    def take(self, places):
        return self.inputs[places], self.targets[places]

told = {}
for n_rows in (36, 37):
    training, validation = Part(n_rows), Part(7)
    for devices in (1, 2, "all", 5, 1):
        n = use_cards(devices, kind="cpu")
        keras.utils.set_random_seed(3)
        network = keras.Sequential(
            [keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")]
        )
        network.compile("adam", "sparse_categorical_crossentropy", steps_per_execution=2)
        fitted = fit_batches(
            network,
            SharedBatches(training, share_batch_size(8, n), n_cards=n, seed=4),
            Batches(validation, choose_validation_batch_size(4, validation.n_rows, n)),
            n_epochs=3,
        )
        kernel = network.layers[0].kernel.value
        n_devices, kernel = len(kernel.sharding.device_set), np.asarray(kernel).tolist()
        network.save(sys.argv[1])
        use_cards(1, kind="cpu")
        loaded = keras.models.load_model(sys.argv[1])
        again = loaded.predict(validation.inputs, verbose=0)
        same = np.allclose(again, network.predict(validation.inputs, verbose=0), atol=1e-6)
        loss = -np.log(again[np.arange(7), validation.targets]).mean()
        told.setdefault(f"{n_rows} {devices}", []).append({
            "n": n, "n_devices": n_devices, "is_same_saved": bool(same), "kernel": kernel,
            "validation_loss": fitted.history["val_loss"][-1], "true_loss": float(loss),
        })
print(json.dumps(told))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_trains_on_two_devices_as_on_one(tmp_path: Path) -> None:
    """Rows that cannot be shared are no error; what is measured is measured on all; 1 undoes it."""
    import numpy as np

    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(tmp_path / "network.keras")],
        cwd=PROJECT,
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert [run["n"] for runs in told.values() for run in runs] == [1, 1, 2, 2, 2] * 2
    for runs in told.values():
        for run in runs:
            assert run["n_devices"] == run["n"]
            assert run["is_same_saved"]
            # Of all validation rows, whether the devices could share them or not.
            assert run["validation_loss"] == pytest.approx(run["true_loss"], rel=1e-5)
    for n_rows in (36, 37):
        one, after = told[f"{n_rows} 1"]
        assert after["kernel"] == one["kernel"]
        if n_rows == 36:
            np.testing.assert_allclose(told["36 2"][0]["kernel"], one["kernel"], atol=1e-5)
        for devices in ("2", "all", "5"):
            assert told[f"{n_rows} {devices}"][0]["kernel"] == told[f"{n_rows} 2"][0]["kernel"]


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [(36, [8, 8, 8, 8, 4]), (37, [8, 8, 8, 8, 4]), (33, [8, 8, 8, 8]), (1, [1])],
)
def test_batches_are_shared_evenly(n_rows: int, expected: list[int]) -> None:
    """Rows that are left over wait for another epoch; a batch that one card misses is left out."""
    import numpy as np

    from tasks.training.cards.devices import SharedBatches
    from tasks.training.data.rows import Rows

    part = Rows(np.arange(n_rows, dtype="float32")[:, None], np.arange(n_rows))
    shared = SharedBatches(part, 8, n_cards=4, seed=1)
    seen = set()
    for epoch in range(3):
        batches = [shared.make_batch(epoch, i) for i in range(len(shared))]
        assert [len(inputs) for inputs, _ in batches] == expected
        assert all(np.array_equal(inputs[:, 0], targets) for inputs, targets in batches)
        seen.update(int(code) for _, targets in batches for code in targets)
    assert seen == set(range(n_rows))


@pytest.mark.parametrize("devices", [1, 2, "all"])
def test_without_a_card_nothing_is_spread(
    devices: int | Literal["all"], caplog: pytest.LogCaptureFixture
) -> None:
    """A processor needs no word about it."""
    from tasks.training.cards.devices import use_cards

    if find_gpus():
        pytest.skip("there is a card")
    assert use_cards(devices) == 0
    assert not caplog.messages


def test_where_keras_cannot_spread_one_card_is_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two cards under TensorFlow: one works, and the log says how to use both."""
    import keras

    from tasks.training.cards.devices import use_cards

    monkeypatch.setattr(keras.distribution, "list_devices", lambda _kind: ["gpu:0", "gpu:1"])
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    assert use_cards(1) == 1
    assert not caplog.messages
    assert use_cards(2) == 1
    assert "set KERAS_BACKEND=jax" in caplog.text
