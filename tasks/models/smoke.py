"""The smoke test: a model is loaded in a fresh interpreter, and predicts as it did in its night.

Called before a model becomes champion; ``python -m tasks.models.smoke MODEL [EXAMPLE]`` is the fresh
interpreter, and can be called by hand. It predicts with what lies in the model's folder, not with the
project it is started from.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import tasks
from tasks.errors import get_first_line
from tasks.models.example import Example, read_example

TIMEOUT_SECONDS = 120.0
TOLERANCE = 1e-3  # far above what float32 loses on another machine, far below what matters

# Single rows that are timed: the 99th percentile needs a hundred, a slow model gets fewer.
N_WARM_UP = 3
N_TIMED = 200
MIN_TIMED = 20
TIMED_SECONDS = 4.0

N_TAIL_LINES = 12
# How much later than its parent's patience the child ends itself, should the parent be gone.
GRACE_SECONDS = 10.0
# Networks predict on the processor: the cards are for those that train.
_WITHOUT_CARDS = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
_PROBABILITY = "probability_"
_PREDICTION = "prediction"


@dataclass(frozen=True)
class SmokeReport:
    """What the smoke test found; a figure that was not measured is None.

    Parameters
    ----------
    passed : bool
    reason : str
        In a sentence; where the interpreter failed, the end of what it wrote follows on lines of its
        own.
    load_seconds : float or None
        From the first import of MLflow to a model that is ready to predict.
    latency_ms_p50, latency_ms_p99 : float or None
        Median and 99th percentile of the time to predict one row, in milliseconds.
    size_bytes : int
        All files of the model's folder.
    max_difference : float or None
        The largest difference to what the model said in its night: of classes as a probability, of
        numbers and forecasts as a share of a column's largest value.
    """

    passed: bool
    reason: str
    load_seconds: float | None
    latency_ms_p50: float | None
    latency_ms_p99: float | None
    size_bytes: int
    max_difference: float | None

    @property
    def sentence(self) -> str:
        """The reason without what the interpreter wrote."""
        return self.reason.partition("\n")[0]

    def to_json(self) -> dict[str, Any]:
        """Make a JSON-able mapping."""
        return asdict(self)


def run_smoke_test(
    model: Path, example: Path | None, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> SmokeReport:
    """Load a model in a fresh interpreter, let it predict, and measure how long it takes.

    Parameters
    ----------
    model : Path
        An MLflow model folder.
    example : Path or None
        What :func:`tasks.models.example.write_example` wrote; without one the model is only loaded.
    timeout_seconds : float, default 120
        For all of it.

    Returns
    -------
    SmokeReport
        A model that fails is a finding and no error.
    """
    size = measure_folder(model)
    command = [sys.executable, "-P", "-m", "tasks.models.smoke", str(model.resolve())]
    command += [str(example.resolve())] if example is not None else []
    root = str(Path(tasks.__file__).resolve().parent.parent)
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    # Nothing of what MLflow or the model writes beside itself may stay.
    with tempfile.TemporaryDirectory(prefix="nocturne-smoke-") as scratch:
        try:
            done = subprocess.run(
                [*command, "--seconds", str(timeout_seconds + GRACE_SECONDS)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=scratch,
                env={**os.environ, **_WITHOUT_CARDS, "PYTHONPATH": path},
                text=True,
                errors="replace",
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            reason = f"It was not done in {timeout_seconds:g} seconds."
            return _fail(reason, size, _decode(expired.stderr))
    try:
        found = json.loads(done.stdout.splitlines()[-1])
        return SmokeReport(size_bytes=size, **found)
    except (IndexError, ValueError, TypeError):
        ended = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        return _fail(f"Its interpreter ended with {ended} and no answer.", size, done.stderr)


def measure_folder(folder: Path) -> int:
    """Add up the sizes of all files below a folder, in bytes; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _fail(reason: str, size: int, errors: str) -> SmokeReport:
    tail = errors.strip().splitlines()[-N_TAIL_LINES:]
    return SmokeReport(False, "\n".join((reason, *tail)), None, None, None, size, None)


def _decode(output: str | bytes | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


# --- in the fresh interpreter ---------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, try the model, and print what was found as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tasks.models.smoke", description=__doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="an MLflow model folder")
    parser.add_argument("example", type=Path, nargs="?", metavar="EXAMPLE")
    parser.add_argument("--seconds", type=float, default=TIMEOUT_SECONDS, help="end after so many")
    options = parser.parse_args(arguments)
    faulthandler.dump_traceback_later(options.seconds, exit=True)
    # What the model and its libraries print, below Python too, goes to the error stream.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        found = _try_model(options.model, options.example)
        answer.write(json.dumps(found) + "\n")
    faulthandler.cancel_dump_traceback_later()
    return 0 if found["passed"] else 1


def _try_model(folder: Path, example_folder: Path | None) -> dict[str, Any]:
    """Load and predict; gives a report's fields but the size."""
    found: dict[str, Any] = dict.fromkeys(
        ("load_seconds", "latency_ms_p50", "latency_ms_p99", "max_difference")
    )
    stage = "The example cannot be read"
    try:
        example = read_example(example_folder) if example_folder is not None else None
        _forget_project()
        stage = "The model does not load"
        started = time.perf_counter()
        from mlflow.pyfunc import load_model

        model = load_model(str(folder))
        found["load_seconds"] = time.perf_counter() - started
        if example is None:
            return {"passed": True, "reason": "It loads; there was no example to predict.", **found}
        stage = "The model loads and does not predict"
        problem, found["max_difference"] = _compare(_ask(model, example.inputs), example.expected)
        if problem:
            return {"passed": False, "reason": problem, **found}
        found["latency_ms_p50"], found["latency_ms_p99"] = _time_rows(model, example)
    except Exception as error:  # noqa: BLE001 - whatever a model raises is what was to be found out
        tail = traceback.format_exc().strip().splitlines()[-N_TAIL_LINES:]
        reason = "\n".join((f"{stage}: {get_first_line(error)}", *tail))
        return {"passed": False, "reason": reason, **found}
    reason = f"It loads and predicts {len(example)} rows as it did in its night."
    return {"passed": True, "reason": reason, **found}


def _forget_project() -> None:
    """Make the project unknown: a model that needs more than its own folder must fail here."""
    root = str(Path(tasks.__file__).resolve().parent.parent)
    sys.path[:] = [entry for entry in sys.path if entry != root]
    for name in [n for n in sys.modules if n == "tasks" or n.startswith("tasks.")]:
        del sys.modules[name]


def _ask(model: Any, inputs: Any) -> npt.NDArray[np.float64]:
    """Predict, and take out of the answer what an example expects."""
    said = model.predict(inputs)
    if hasattr(said, "columns"):
        probabilities = [c for c in said.columns if str(c).startswith(_PROBABILITY)]
        said = said[probabilities] if probabilities else said[_PREDICTION]
    return np.asarray(said, dtype=np.float64)


def _compare(
    said: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]
) -> tuple[str, float | None]:
    """Find what is wrong with the answers, if anything, and how far off they are at most."""
    if said.shape != expected.shape:
        return f"It answers in the shape {said.shape} and not {expected.shape}.", None
    if not np.isfinite(said).all():
        n_bad = int((~np.isfinite(said)).reshape(len(said), -1).any(axis=1).sum())
        return f"It predicts no number for {n_bad} of {len(said)} rows.", None
    difference = float((np.abs(said - expected) / _find_scale(expected)).max())
    if difference > TOLERANCE:
        of_what = "as a probability" if expected.ndim == 2 else "of the largest value"
        problem = (
            f"It differs by {difference:.3g} {of_what} from what it said in its night; up to "
            f"{TOLERANCE:g} is rounding."
        )
        return problem, difference
    return "", difference


def _find_scale(expected: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Find what a difference is measured in: 1 for probabilities, else a column's largest value."""
    if expected.ndim == 2:
        return np.ones(1)
    rows = expected.reshape(-1, expected.shape[-1] if expected.ndim > 2 else 1)
    largest = np.abs(rows).max(axis=0)
    return np.where(largest > 0, largest, 1.0)


def _time_rows(model: Any, example: Example) -> tuple[float, float]:
    """Time single rows, one after the other; gives the median and the 99th percentile in ms."""
    rows = [example.take_row(i) for i in range(len(example))]
    for i in range(N_WARM_UP):
        model.predict(rows[i % len(rows)])
    taken: list[float] = []
    end = time.perf_counter() + TIMED_SECONDS
    while len(taken) < N_TIMED and (len(taken) < MIN_TIMED or time.perf_counter() < end):
        started = time.perf_counter()
        model.predict(rows[len(taken) % len(rows)])
        taken.append((time.perf_counter() - started) * 1000)
    p50, p99 = np.percentile(taken, (50, 99))
    return float(p50), float(p99)


if __name__ == "__main__":
    sys.exit(main())
