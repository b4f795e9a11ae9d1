"""An LSTM on windows of a series: plain Keras on arrays that are in memory, and Nocturne's trainer.

    python benchmarks/windows_training.py --rounds 3

The series is made up: 17,420 hourly steps of 7 features, with days and weeks in them; windows of 96
steps, 24 ahead, batches of 32. Each fit runs in an interpreter of its own; a round has one of each, in
turning order, so that whatever else the machine does falls on all of them. Prints, per fit, the seconds
per epoch from the second on (the first one compiles) and the peak memory above that of an interpreter
with TensorFlow loaded, also for a series four times as long; then what the project promises:

* an epoch of the trainer takes at most 1.1 times that of plain Keras, which had its windows cut before;
* four times as many windows take the trainer at most 50 MB more; the arrays of the script grow by 176 MB.

On a machine that does other things too, only the CPU seconds can be compared.
Exits with 1 where a promise is not kept.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
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

N_STEPS, N_FEATURES, WINDOW, HORIZON, UNITS, BATCH_SIZE = 17_420, 7, 96, 24, 64, 32
FEATURES = tuple(f"x{i}" for i in range(N_FEATURES))
FITS = ("plain", "trainer")
MAX_RATIO = 1.1
MAX_GROWTH_MB = 50
Outcome = dict[str, Any]
Clocks = list[tuple[float, float]]  # wall and CPU seconds at the end of each epoch


def make_series(n_steps: int) -> np.ndarray:
    """Days, weeks and noise, of shape (n_steps, n_features)."""
    rng = np.random.default_rng(5)
    hours = np.arange(n_steps)[:, np.newaxis]
    phases = rng.uniform(0, 2 * np.pi, (2, N_FEATURES))
    day = np.sin(2 * np.pi * hours / 24 + phases[0])
    week = np.sin(2 * np.pi * hours / 168 + phases[1])
    return 10 + 3 * day + 2 * week + rng.normal(0, 0.5, (n_steps, N_FEATURES))


def run_plain(series: np.ndarray, n_epochs: int, clocks: Clocks) -> float:
    """Do it as a script does: standardise, cut all windows, fit; returns the loss."""
    import keras

    scaled = ((series - series.mean(axis=0)) / series.std(axis=0)).astype("float32")
    n_windows = len(series) - WINDOW - HORIZON + 1
    inputs = np.stack([scaled[i : i + WINDOW] for i in range(n_windows)])
    targets = np.stack([scaled[i + WINDOW : i + WINDOW + HORIZON] for i in range(n_windows)])
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((WINDOW, N_FEATURES)),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(HORIZON * N_FEATURES),
            keras.layers.Reshape((HORIZON, N_FEATURES)),
        ]
    )
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    each = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: clocks.append(read_clocks()))
    history = model.fit(
        inputs, targets, batch_size=BATCH_SIZE, epochs=n_epochs, verbose=0, callbacks=[each]
    )
    return float(history.history["loss"][-1])


def run_trainer(series: np.ndarray, n_epochs: int, clocks: Clocks) -> float:
    """Do the same as the train step does, from the clean dataset; returns the loss."""
    import pyarrow as pa

    from tasks.dataset import Dataset, DatasetWriter
    from tasks.preparation import Preparation
    from tasks.preparation.windows import ForecastShape
    from tasks.training.trainer import train
    from tasks.workflow.candidates import RecurrentCandidate

    shape = ForecastShape("time", FEATURES, window=WINDOW, horizon=HORIZON)
    preparation = Preparation(None, (), None, None, FEATURES, kind="forecast", forecast=shape)
    candidate = {
        "kind": "lstm",
        "units": [UNITS],
        "from_last_value": False,
        "batch_size": BATCH_SIZE,
        "epochs": n_epochs,
    }
    spec = RecurrentCandidate.model_validate(candidate).model_dump(mode="json")
    hours = np.datetime64("2016-07-01", "us") + np.arange(len(series)) * np.timedelta64(1, "h")
    columns = {"split": ["train"] * len(series), "time": hours}
    rows = pa.table(columns | dict(zip(FEATURES, series.T, strict=True)))
    with tempfile.TemporaryDirectory() as scratch:
        with DatasetWriter(Path(scratch) / "series", rows.schema) as writer:
            writer.write(rows)
        dataset = Dataset.open(Path(scratch) / "series")
        result = train(
            dataset,
            preparation,
            spec,
            name="lstm",
            seed=0,
            on_epoch=lambda _: clocks.append(read_clocks()),
        )
    return result.epochs[-1].train["loss"]


def read_clocks() -> tuple[float, float]:
    """Wall and CPU seconds, from an arbitrary start."""
    return time.perf_counter(), time.process_time()


def run_in_this_interpreter(fit: str, n_steps: int, n_epochs: int) -> Outcome:
    """Run one fit and measure it."""
    import keras

    from tasks.dataset.memory import measure_peak, restart_peak

    keras.ops.convert_to_numpy(keras.ops.ones(1))  # TensorFlow has started
    restart_peak()
    before = measure_peak()
    clocks: Clocks = []
    run = run_plain if fit == "plain" else run_trainer
    loss = run(make_series(n_steps), n_epochs, clocks)
    wall, cpu = (
        statistics.median(b[i] - a[i] for a, b in itertools.pairwise(clocks)) for i in (0, 1)
    )
    return {"wall": wall, "cpu": cpu, "loss": loss, "memory_mb": (measure_peak() - before) / 1e6}


def run_in_fresh_interpreter(fit: str, n_steps: int, n_epochs: int) -> Outcome:
    """Run one fit and read its outcome."""
    command = [sys.executable, __file__, "--fit", fit]
    command += ["--steps", str(n_steps), "--epochs", str(n_epochs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    outcome: Outcome = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{fit:8} {n_steps:6} steps: {outcome['wall']:5.2f} s an epoch, CPU {outcome['cpu']:5.2f} s, "
        f"loss {outcome['loss']:.4f}, memory +{outcome['memory_mb']:.0f} MB",
        flush=True,
    )
    return outcome


def summarise(rounds: list[dict[str, Outcome]], long: dict[str, Outcome]) -> bool:
    """Print ratios and promises; tells whether all are kept."""

    def compare(key: str) -> float:
        return statistics.median(r["trainer"][key] / r["plain"][key] for r in rounds)

    grown = {
        fit: long[fit]["memory_mb"] - statistics.median(r[fit]["memory_mb"] for r in rounds)
        for fit in FITS
    }
    promises = [
        (
            f"trainer / plain, seconds an epoch: {compare('wall'):.3f} (CPU {compare('cpu'):.3f})",
            f"at most {MAX_RATIO}",
            compare("wall") <= MAX_RATIO,
        ),
        (
            f"four times the windows: trainer {grown['trainer']:+.0f} MB, plain {grown['plain']:+.0f} MB",
            f"the trainer at most {MAX_GROWTH_MB}",
            grown["trainer"] <= MAX_GROWTH_MB,
        ),
    ]
    print()
    for found, wanted, is_kept in promises:
        print(f"{'kept  ' if is_kept else 'BROKEN'} {found} ({wanted})")
    return all(is_kept for _, _, is_kept in promises)


def main() -> None:
    """Read the arguments, run the fits in turn, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="fits of each (default: 3)")
    parser.add_argument("--epochs", type=int, default=4, help="per fit, at least 2 (default: 4)")
    parser.add_argument("--steps", type=int, default=N_STEPS, help="of the series")
    parser.add_argument("--fit", choices=FITS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.fit is not None:
        print(json.dumps(run_in_this_interpreter(options.fit, options.steps, options.epochs)))
        return
    rounds = []
    for i in range(options.rounds):
        order = FITS if i % 2 == 0 else FITS[::-1]
        rounds.append(
            {f: run_in_fresh_interpreter(f, options.steps, options.epochs) for f in order}
        )
    long = {f: run_in_fresh_interpreter(f, 4 * options.steps, 2) for f in FITS}
    sys.exit(0 if summarise(rounds, long) else 1)


if __name__ == "__main__":
    main()
