"""The MNIST job as a plain Keras script, the same job through Nocturne's trainer, and the fast candidate.

    python benchmarks/mnist_training.py path/to/mnist.npz --rounds 3

Each fit runs in an interpreter of its own; a round has one of each, in turning order, so that whatever
else the machine does falls on all of them. Prints, per fit, the whole time from the data to the trained
network (reading and standardising included, imports and the first loading of TensorFlow not), the test
accuracy, and the peak memory above that of an interpreter with TensorFlow loaded; then the medians and
what the project promises:

* the exact job through the trainer takes at most 1.05 times the plain script's time, and its accuracy is
  within 0.2 points;
* ``fast`` reaches the accuracy that the plain script ends with in at most a tenth of its time, and at
  least 0.993 within its whole time;
* memory stays within 1.5 GB above TensorFlow.

Exits with 1 where a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

FITS = ("plain", "exact", "fast")
MAX_RATIO, MAX_GAP = 1.05, 0.002
FAST_SHARE, FAST_ACCURACY = 0.1, 0.993
MAX_MEMORY_GB = 1.5
Data = dict[str, np.ndarray]
Outcome = dict[str, Any]


def run_plain(data: Data, n_epochs: int, seed: int) -> Outcome:
    """Do the job as a script of thirty lines does: standardise, build, fit."""
    import keras

    clock = Clock()
    mean = data["x_train"].mean(axis=0)
    scale = data["x_train"].std(axis=0)
    scale[scale == 0] = 1.0
    x_train = ((data["x_train"] - mean) / scale).astype("float32")[..., None]
    y_train = keras.utils.to_categorical(data["y_train"], 10)
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
    each = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: clock.note())
    model.fit(x_train, y_train, epochs=n_epochs, batch_size=32, verbose=0, callbacks=[each])
    clock.stop()
    x_test = ((data["x_test"] - mean) / scale).astype("float32")[..., None]
    return clock.tell([score(model, x_test, data["y_test"])])


def run_trainer(data: Data, candidate: str, n_epochs: int | None, seed: int) -> Outcome:
    """Train a candidate of workflows/mnist.yaml as the train step does, from the clean dataset."""
    import keras

    from tasks.dataset import Dataset
    from tasks.preparation import Preparation
    from tasks.settings import Settings
    from tasks.training.trainer import TrainingOptions, train
    from tasks.workflow import find_workflow

    workflow, _ = find_workflow(str(ROOT / "workflows" / "mnist.yaml"), Settings.from_environment())
    spec = workflow.candidates[candidate].model_dump(mode="json")
    if n_epochs is not None:
        spec["epochs"] = n_epochs
    preparation = Preparation("label", tuple(range(10)), "image", (28, 28, 1), ())
    images = data["x_test"][..., None]
    accuracies: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        write_dataset(Path(scratch) / "mnist", data)
        clock = Clock()
        dataset = Dataset.open(Path(scratch) / "mnist")

        def score_epoch(*_: Any) -> None:
            clock.note()
            if candidate == "fast":  # when it reaches what the plain script ends with
                clock.pause()
                accuracies.append(score(each.model, images, data["y_test"]))
                clock.go_on()

        each = keras.callbacks.LambdaCallback(on_epoch_end=score_epoch)
        options = TrainingOptions(callbacks=[each])
        result = train(dataset, preparation, spec, name=candidate, seed=seed, options=options)
        clock.stop()
    return clock.tell(accuracies or [score(result.network, images, data["y_test"])])


def score(model: Any, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of test images that are told rightly."""
    predicted = [
        model.predict_on_batch(images[i : i + 500]).argmax(axis=1)
        for i in range(0, len(images), 500)
    ]
    return float((np.concatenate(predicted) == labels).mean())


class Clock:
    """Wall time and memory of one fit; the time of scoring in between is left out."""

    memory_before = 0  # of the interpreter with TensorFlow loaded, and no data yet

    def __init__(self) -> None:
        self.times: list[float] = []
        self.paused = 0.0
        self.start = time.perf_counter()

    def note(self) -> None:
        """Note the end of an epoch."""
        self.times.append(time.perf_counter() - self.start - self.paused)

    def pause(self) -> None:
        """Begin something that is no training."""
        self.since = time.perf_counter()

    def go_on(self) -> None:
        """End it."""
        self.paused += time.perf_counter() - self.since

    def stop(self) -> None:
        """Note the end of the whole."""
        self.seconds = time.perf_counter() - self.start - self.paused
        self.memory = measure_memory()

    def tell(self, accuracies: list[float]) -> Outcome:
        """Make the outcome."""
        return {
            "seconds": self.seconds,
            "times": self.times,
            "accuracies": accuracies,
            "accuracy": accuracies[-1],
            "memory_gb": (self.memory - self.memory_before) / 1e9,
        }


def measure_memory() -> int:
    """Peak resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def write_dataset(folder: Path, data: Data) -> None:
    """Put the training images into the container, as cleaning leaves them."""
    import pyarrow as pa

    from tasks.dataset import DatasetWriter, array_to_tensor_column

    rows = pa.table(
        {
            "split": ["train"] * len(data["y_train"]),
            "label": data["y_train"].astype("int64"),
            "image": array_to_tensor_column(data["x_train"][..., None]),
        }
    )
    with DatasetWriter(folder, rows.schema) as writer:
        writer.write(rows)


def run_in_fresh_interpreter(fit: str, options: argparse.Namespace, seed: int) -> Outcome:
    """Run one fit and read its outcome."""
    command = [sys.executable, __file__, str(options.mnist), "--fit", fit, "--seed", str(seed)]
    if options.epochs is not None and fit != "fast":
        command += ["--epochs", str(options.epochs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    outcome: Outcome = json.loads(done.stdout.splitlines()[-1])
    times = " ".join(f"{t:.1f}" for t in outcome["times"])
    print(
        f"{fit:6} {outcome['seconds']:6.1f} s  accuracy {outcome['accuracy']:.4f}  "
        f"memory +{outcome['memory_gb']:.2f} GB  epochs end at {times} s",
        flush=True,
    )
    return outcome


def summarise(rounds: list[dict[str, Outcome]]) -> bool:
    """Print medians and promises; tells whether all are kept."""

    def median(fit: str, key: str) -> float:
        return statistics.median(r[fit][key] for r in rounds)

    ratio = statistics.median(r["exact"]["seconds"] / r["plain"]["seconds"] for r in rounds)
    gap = median("exact", "accuracy") - median("plain", "accuracy")
    shares = [share_until(r["fast"], r["plain"]) for r in rounds]
    within = statistics.median(
        max(
            (
                a
                for a, t in zip(r["fast"]["accuracies"], r["fast"]["times"], strict=True)
                if t <= r["plain"]["seconds"]
            ),
            default=0.0,
        )
        for r in rounds
    )
    memory = max(median(fit, "memory_gb") for fit in ("exact", "fast"))
    promises = [
        (f"exact / plain time: {ratio:.3f}", f"at most {MAX_RATIO}", ratio <= MAX_RATIO),
        (f"exact - plain accuracy: {gap:+.4f}", f"within {MAX_GAP}", abs(gap) <= MAX_GAP),
        (
            f"fast is as good as plain's end after {statistics.median(shares):.3f} of its time",
            f"at most {FAST_SHARE}",
            statistics.median(shares) <= FAST_SHARE,
        ),
        (
            f"fast within plain's time: {within:.4f}",
            f"at least {FAST_ACCURACY}",
            within >= FAST_ACCURACY,
        ),
        (
            f"memory above TensorFlow: {memory:.2f} GB",
            f"at most {MAX_MEMORY_GB}",
            memory <= MAX_MEMORY_GB,
        ),
    ]
    print(
        "\nmedians: "
        + ", ".join(
            f"{fit} {median(fit, 'seconds'):.1f} s {median(fit, 'accuracy'):.4f}" for fit in FITS
        )
    )
    for found, wanted, is_kept in promises:
        print(f"{'kept  ' if is_kept else 'BROKEN'} {found} ({wanted})")
    return all(is_kept for _, _, is_kept in promises)


def share_until(fast: Outcome, plain: Outcome) -> float:
    """Share of plain's time after which fast is as accurate as plain is at its end."""
    for seconds, accuracy in zip(fast["times"], fast["accuracies"], strict=True):
        if accuracy >= plain["accuracy"]:
            return float(seconds / plain["seconds"])
    return float("inf")


def main() -> None:
    """Read the arguments, run the fits in turn, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mnist", type=Path, help="the mnist.npz of keras.datasets")
    parser.add_argument("--rounds", type=int, default=3, help="fits of each (default: 3)")
    parser.add_argument("--epochs", type=int, help="of plain and exact, to try it out")
    parser.add_argument("--fit", choices=FITS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.fit is None:
        rounds = []
        for i in range(options.rounds):
            order = FITS[i % 3 :] + FITS[: i % 3]
            outcomes = {fit: run_in_fresh_interpreter(fit, options, i) for fit in order}
            rounds.append(outcomes)
        sys.exit(0 if summarise(rounds) else 1)
    import keras

    keras.ops.convert_to_numpy(keras.ops.ones(1))  # TensorFlow has started
    Clock.memory_before = measure_memory()
    with np.load(options.mnist) as file:
        data = {name: file[name] for name in file.files}
    if options.fit == "plain":
        outcome = run_plain(data, options.epochs or 10, options.seed)
    else:
        outcome = run_trainer(data, options.fit, options.epochs, options.seed)
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
