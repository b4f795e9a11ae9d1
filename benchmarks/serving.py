"""How fast and how large a served network is: exported to ONNX, by Keras, and as MLflow would save it.

    .venv/bin/python benchmarks/serving.py

Trains the published MNIST network (``exact`` of workflows/mnist.yaml) for one epoch on random images,
which gives other weights and the same work, and packages it as a night does. Three models are served
side by side by ``mlflow models serve`` and asked in turn, so that whatever else the machine does falls
on all of them:

* ``onnx``, the registered model as it is;
* ``keras``, the same folder without ``network.onnx``: what is served where an export fails;
* ``mlflow``, the same network saved by ``mlflow.keras``, MLflow's own way.

Prints the latency over HTTP (JSON as MLflow documents it, JSON with one flat list per image, and
Parquet) and in process, images per second of raw
uint8 images in process, the time until a server answers, and the memory of its process. Exits with 1
where a promise of ``docs/serving.md`` is not kept.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

WAYS = ("onnx", "keras", "mlflow")
N_TRAINING_IMAGES = 300
BATCHES = (1, 64)
N_REQUESTS = {1: 150, 64: 15}  # of each way and batch in a round
JSON, PARQUET = "application/json", "application/vnd.apache.parquet"
N_BATCH_IMAGES = 16_384  # of the throughput in batches
N_BATCH_CALLS = 10
START_SECONDS = 120
MAX_HTTP_MS, MAX_IN_PROCESS_MS, MIN_IMAGES_PER_SECOND = 10.0, 1.0, 50_000
Figures = dict[str, Any]


def make_models(folder: Path) -> None:
    """Train for one epoch and save the three models; runs in an interpreter of its own."""
    import mlflow
    import pyarrow as pa
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
    from tasks.models.packaging import find_network, save_as_mlflow_model
    from tasks.models.predictor import ONNX_FILE, load_network
    from tasks.preparation import Preparation
    from tasks.settings import Settings
    from tasks.training.request import TrainingRequest, carry_out
    from tasks.workflow import find_workflow

    rng = np.random.default_rng(0)
    workflow, _ = find_workflow(str(ROOT / "workflows" / "mnist.yaml"), Settings.from_environment())
    spec = workflow.candidates["exact"].model_dump(mode="json") | {"epochs": 1}
    preparation = Preparation("label", tuple(range(10)), "image", (28, 28, 1), ())
    (folder / "preparation.json").write_text(preparation.to_json(), encoding="utf-8")
    images = rng.integers(0, 256, (N_TRAINING_IMAGES, 28, 28, 1), dtype=np.uint8)
    rows = pa.table(
        {
            "split": ["train"] * N_TRAINING_IMAGES,
            "label": np.arange(N_TRAINING_IMAGES) % 10,
            "image": array_to_tensor_column(images),
        }
    )
    with DatasetWriter(folder / "rows", rows.schema) as writer:
        writer.write(rows)
    request = TrainingRequest(
        candidate="exact",
        spec=spec,
        dataset=str(Dataset.open(folder / "rows").folder),
        preparation=str(folder / "preparation.json"),
        output=str(folder / "result"),
        seed=0,
    )
    report = carry_out(request)
    began = time.perf_counter()
    save_as_mlflow_model(
        folder / "onnx", folder / "result", packages=report.packages, clean=folder / "rows"
    )
    print(f"packaged, export included, in {time.perf_counter() - began:.1f} s")
    shutil.copytree(folder / "onnx", folder / "keras")
    (find_network(folder / "keras").parent / ONNX_FILE).unlink()
    signature = ModelSignature(Schema([TensorSpec(np.dtype(np.uint8), (-1, 28, 28, 1))]))
    mlflow.keras.save_model(
        load_network(folder / "result" / "network.keras"),
        str(folder / "mlflow"),
        signature=signature,
        pip_requirements=["keras", "tensorflow"],
    )


def measure_in_process(model: Path) -> Figures:
    """Measure ``predict`` of a model that was loaded as pyfunc; runs in an interpreter of its own."""
    import mlflow

    loaded = mlflow.pyfunc.load_model(str(model))
    images = make_images(N_BATCH_IMAGES)
    figures: Figures = {
        f"in process, batch {n}": measure(lambda n=n: loaded.predict(images[:n]), N_REQUESTS[n])
        for n in BATCHES
    }
    speeds = [
        1000 * N_BATCH_IMAGES / ms for ms in measure(lambda: loaded.predict(images), N_BATCH_CALLS)
    ]
    return {**figures, "images_per_second": speeds}


def measure(ask: Callable[[], object], n_times: int) -> list[float]:
    """Call several times, after twice for warmth; gives milliseconds."""
    found = []
    for i in range(n_times + 2):
        began = time.perf_counter()
        ask()
        if i >= 2:
            found.append((time.perf_counter() - began) * 1000)
    return found


def make_images(n_images: int) -> np.ndarray:
    """Make random images."""
    return np.random.default_rng(1).integers(0, 256, (n_images, 28, 28, 1), dtype=np.uint8)


def make_requests() -> dict[str, tuple[str, bytes, int]]:
    """Make what the servers are asked: by its name the content type, the body and how often."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    requests = {}
    for n in BATCHES:
        images = make_images(n)
        flat = images.reshape(n, -1)
        split = {"columns": ["image"], "data": [[image] for image in flat.tolist()]}
        parquet = io.BytesIO()
        pq.write_table(pa.table({"image": pa.array(list(flat))}), parquet)
        nested = json.dumps({"inputs": images.tolist()}).encode()
        requests[f"HTTP, batch {n}, nested JSON"] = (JSON, nested, N_REQUESTS[n])
        in_lists = json.dumps({"dataframe_split": split}).encode()
        requests[f"HTTP, batch {n}, flat JSON"] = (JSON, in_lists, N_REQUESTS[n])
        requests[f"HTTP, batch {n}, Parquet"] = (PARQUET, parquet.getvalue(), N_REQUESTS[n])
    return requests


class Server:
    """``mlflow models serve`` of one model."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, start_seconds: float) -> None:
        self.process = process
        self.port = port
        self.start_seconds = start_seconds

    def measure(self, content_type: str, body: bytes, n_times: int) -> list[float]:
        """Let it predict several times over one connection; gives milliseconds."""
        # A new one each time: the server closes those that are silent for five seconds.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

        def ask() -> None:
            headers = {"Content-Type": content_type}
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                raise RuntimeError(text.decode())

        try:
            return measure(ask, n_times)
        finally:
            connection.close()

    def measure_memory(self) -> float:
        """Resident memory of the process that predicts, in MB."""
        processes = [psutil.Process(self.process.pid)]
        processes += processes[0].children(recursive=True)
        serving = [p for p in processes if "scoring_server" in " ".join(p.cmdline())]
        return max(p.memory_info().rss for p in serving) / 1e6


@contextmanager
def serve(model: Path, log: Path) -> Iterator[Server]:
    """Serve a model as a user would, and end the server afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model)]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            while not is_up(port):
                if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                    raise RuntimeError(f"the server did not start:\n{log.read_text()}")
                time.sleep(0.05)
            yield Server(process, port, time.perf_counter() - began)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def is_up(port: int) -> bool:
    """Whether a server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def run_in_fresh_interpreter(*arguments: str) -> str:
    """Run this file with other arguments, and give what it printed."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def run_all(folder: Path, n_rounds: int) -> dict[str, Figures]:
    """Make, serve and measure the models."""
    print(run_in_fresh_interpreter("--make", str(folder)).strip(), flush=True)
    requests = make_requests()
    kinds = [*requests, *(f"in process, batch {n}" for n in BATCHES)]
    figures: dict[str, Figures] = {way: {kind: [] for kind in kinds} for way in WAYS}
    with ExitStack() as stack:
        servers = {
            way: stack.enter_context(serve(folder / way, folder / f"{way}.log")) for way in WAYS
        }
        for _ in range(n_rounds):
            for name, request in requests.items():
                for way, server in servers.items():
                    figures[way][name] += server.measure(*request)
        for way, server in servers.items():
            figures[way] |= {"start": server.start_seconds, "memory": server.measure_memory()}
    for _ in range(n_rounds):
        for way in WAYS:
            answer = run_in_fresh_interpreter("--measure", str(folder / way))
            found = json.loads(answer.splitlines()[-1])
            for name, times in found.items():
                figures[way].setdefault(name, []).extend(times)
    return figures


def show(figures: dict[str, Figures]) -> bool:
    """Print the table and the promises; tells whether all are kept."""

    def tell(times: list[float]) -> str:
        return f"{statistics.median(times):.2f} / {np.percentile(times, 99):.2f}"

    rows = [
        (f"{name}, p50 / p99 ms", [tell(figures[way][name]) for way in WAYS])
        for name in figures["onnx"]
        if "batch " in name
    ]
    # The best call is what the processor can do; the median also tells what else it had to do.
    speeds = {way: figures[way]["images_per_second"] for way in WAYS}
    best = {way: max(found) for way, found in speeds.items()}
    cells = [f"{best[way]:,.0f} / {statistics.median(speeds[way]):,.0f}" for way in WAYS]
    rows.append((f"in batches of {N_BATCH_IMAGES:,}, images/s, best / p50", cells))
    rows.append(("server answers after, s", [f"{figures[way]['start']:.1f}" for way in WAYS]))
    rows.append(("memory of the server, MB", [f"{figures[way]['memory']:.0f}" for way in WAYS]))
    print(f"\n| {'':46} | " + " | ".join(f"{way:>15}" for way in WAYS) + " |")
    print("|---" * (1 + len(WAYS)) + "|")
    for name, cells in rows:
        print(f"| {name:46} | " + " | ".join(f"{cell:>15}" for cell in cells) + " |")
    http_ms = statistics.median(figures["onnx"]["HTTP, batch 1, nested JSON"])
    process_ms = statistics.median(figures["onnx"]["in process, batch 1"])
    promises = [
        (f"HTTP at batch 1: {http_ms:.2f} ms", http_ms <= MAX_HTTP_MS),
        (f"in process at batch 1: {process_ms:.2f} ms", process_ms <= MAX_IN_PROCESS_MS),
        (f"in batches: {best['onnx']:,.0f} images/s", best["onnx"] >= MIN_IMAGES_PER_SECOND),
    ]
    print()
    for text, is_kept in promises:
        print(f"{'kept  ' if is_kept else 'BROKEN'} {text}")
    return all(is_kept for _, is_kept in promises)


def main() -> None:
    """Read the arguments, measure, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.make is not None:
        make_models(options.make)
    elif options.measure is not None:
        print(json.dumps(measure_in_process(options.measure)))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            kept = show(run_all(Path(scratch), options.rounds))
        sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
