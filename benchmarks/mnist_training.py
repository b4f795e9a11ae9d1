"""The MNIST job as a plain Keras script, and the same job through Nocturne's trainer, in one run.

    python benchmarks/mnist_training.py path/to/mnist.npz --epochs 10

Prints wall and CPU seconds per epoch of both (from the second epoch on: the first one compiles), the
ratios of their medians and the test accuracies. The rounds alternate which of the two goes first; on a
machine that does other things too, only the CPU seconds can be compared.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.preparation import Preparation

SPEC: dict[str, Any] = {
    "kind": "cnn",
    "convolutions": [{"filters": 32, "kernel": 3, "padding": "valid", "pool": "max"}],
    "dense": [128],
    "activation": "relu",
    "dropout": 0.0,
    "batch_size": 32,
    "learning_rate": 0.001,
    "patience": None,
}
PREPARATION = Preparation("label", tuple(range(10)), "image", (28, 28, 1), ())
Data = dict[str, np.ndarray]
Times = list[tuple[float, float]]  # wall and CPU seconds at the end of each epoch
Outcome = tuple[Times, float]  # and the test accuracy


def run_plain(data: Data, n_epochs: int, seed: int) -> Outcome:
    """Do the job as a script of thirty lines does: standardise, build, fit, evaluate."""
    import keras

    mean = data["x_train"].mean(axis=0)
    scale = data["x_train"].std(axis=0)
    scale[scale == 0] = 1.0
    x_train = ((data["x_train"] - mean) / scale).astype("float32")[..., None]
    x_test = ((data["x_test"] - mean) / scale).astype("float32")[..., None]
    y_train = keras.utils.to_categorical(data["y_train"], 10)
    y_test = keras.utils.to_categorical(data["y_test"], 10)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, (3, 3), activation="relu"),
            keras.layers.MaxPooling2D((2, 2)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    times: Times = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: times.append(read_clocks()))
    model.fit(x_train, y_train, epochs=n_epochs, batch_size=32, verbose=0, callbacks=[clock])
    return times, float(model.evaluate(x_test, y_test, verbose=0)[1])


def run_trainer(dataset: Dataset, data: Data, n_epochs: int, seed: int) -> Outcome:
    """Do the same job as the train step does, from the clean dataset."""
    from tasks.training.trainer import train

    times: Times = []
    result = train(
        dataset,
        PREPARATION,
        SPEC | {"epochs": n_epochs},
        name="cnn",
        seed=seed,
        on_epoch=lambda _: times.append(read_clocks()),
    )
    images = data["x_test"][..., None]
    predicted = result.network.predict(images, batch_size=512, verbose=0).argmax(axis=1)
    accuracy = float((predicted == data["y_test"]).mean())
    return times, accuracy


def read_clocks() -> tuple[float, float]:
    """Wall and CPU seconds, from an arbitrary start."""
    return time.perf_counter(), time.process_time()


def write_dataset(folder: Path, data: Data) -> Dataset:
    """Put the training images into the container, as cleaning leaves them."""
    rows = pa.table(
        {
            "split": ["train"] * len(data["y_train"]),
            "label": data["y_train"].astype("int64"),
            "image": array_to_tensor_column(data["x_train"][..., None]),
        }
    )
    with DatasetWriter(folder, rows.schema) as writer:
        writer.write(rows)
    return Dataset.open(folder)


def main() -> None:
    """Read the arguments, run both in turn, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path, help="the mnist.npz of keras.datasets")
    parser.add_argument("--epochs", type=int, default=10, help="per fit, at least 2")
    parser.add_argument("--rounds", type=int, default=1, help="fits of each")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with np.load(options.mnist) as file:
        data = {name: file[name] for name in file.files}
    outcomes: dict[str, list[Outcome]] = {"plain": [], "trainer": []}
    with tempfile.TemporaryDirectory() as scratch:
        dataset = write_dataset(Path(scratch) / "mnist", data)
        for i in range(options.rounds):
            order = ("plain", "trainer") if i % 2 == 0 else ("trainer", "plain")
            for name in order:
                outcome = (
                    run_plain(data, options.epochs, i)
                    if name == "plain"
                    else run_trainer(dataset, data, options.epochs, i)
                )
                outcomes[name].append(outcome)
                wall, cpu = (take_differences(outcome[0], i) for i in (0, 1))
                print(f"{name:8} accuracy {outcome[1]:.4f}  wall {wall}  CPU {cpu}", flush=True)
    for i, clock in enumerate(("wall", "CPU")):
        plain, trainer = (
            statistics.median(s for times, _ in runs for s in take_differences(times, i))
            for runs in (outcomes["plain"], outcomes["trainer"])
        )
        print(
            f"median {clock} seconds per epoch: plain {plain:.2f}, trainer {trainer:.2f}, "
            f"ratio {trainer / plain:.3f}"
        )


def take_differences(times: Times, clock: int) -> list[float]:
    """Seconds of each epoch from the second on."""
    return [round(b[clock] - a[clock], 2) for a, b in itertools.pairwise(times)]


if __name__ == "__main__":
    main()
