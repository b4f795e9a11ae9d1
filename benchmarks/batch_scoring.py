"""How fast a champion scores in batches, and how much memory that takes: the exact MNIST network.

    .venv/bin/python benchmarks/batch_scoring.py                    # 60,000 and 240,000 images
    .venv/bin/python benchmarks/batch_scoring.py --model FOLDER     # an MLflow model of 28 x 28 images

Makes the published MNIST network (``exact`` of workflows/mnist.yaml) with the weights that it begins
with, which is the same work, packages it as a night does, registers it with a night of 2,000 random
images, and lets it score others out of a Parquet file: read, predicted, counted for drift, written.
Each size runs in an interpreter of its own. Prints

* ``score``: images per second of the step that scores, from its raw images to its written predictions;
* ``model``: of the model alone, in the same batches, in the same process;
* ``around``: of all but the model: the same loop with a model that answers at once;
* seconds of each step, and the most memory that the process held while it scored.

Exits with 1 where fewer than 50,000 images a second are scored, or four times the images take more
than 64 MiB more memory.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SIZES = (60_000, 240_000)
N_TRAINING_IMAGES = 2_000
IMAGES_PER_CHUNK = 20_000
MIN_IMAGES_PER_SECOND = 50_000
MAX_GROWTH_MIB = 64.0
DATE = datetime.date(2026, 1, 1)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="an MLflow model folder to score with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once is not None:
        print(json.dumps(score_once(arguments.once)))
        return
    if arguments.prepare is not None:
        make_model(arguments.prepare)
        return
    with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as name:
        folder = Path(name)
        model = arguments.model
        if model is None:
            model = folder / "model"
            call("--prepare", model)
        found = {
            n: [run_size(folder / f"{n}-{i}", model, n) for i in range(arguments.rounds)]
            for n in SIZES
        }
    sys.exit(print_table(found))


def print_table(found: dict[int, list[dict[str, Any]]]) -> int:
    """Print the best round of each size, by the step that scores; gives the exit code."""
    head = ("images", "score /s", "model /s", "around /s", "read s", "score s", "report s", "MiB")
    print(" | ".join(f"{name:>10}" for name in head))
    best = {n: max(rounds, key=lambda one: one["score"]) for n, rounds in found.items()}
    for n, one in best.items():
        figures = [f"{n:,}", *(f"{one[key]:,.0f}" for key in ("score", "model", "around"))]
        figures += [f"{one['seconds'][step]:.2f}" for step in ("read_rows", "score", "report_scoring")]  # fmt: skip
        print(" | ".join(f"{text:>10}" for text in [*figures, f"{one['peak_mib']:,.0f}"]))
    few, many = (max(one["peak_mib"] for one in found[n]) for n in SIZES)
    growth = many - few
    print(f"four times the images take {growth:+.0f} MiB")
    slowest = min(one["score"] for one in best.values())
    return int(slowest < MIN_IMAGES_PER_SECOND or growth > MAX_GROWTH_MIB)


# --- what is scored -----------------------------------------------------------------------------


def make_model(folder: Path) -> None:
    """Package the exact network as a night does; runs in an interpreter of its own."""
    from tasks.models.networks import build_network
    from tasks.models.packaging import save_as_mlflow_model
    from tasks.models.predictor import NETWORK_FILE, PREPARATION_FILE
    from tasks.preparation import Preparation
    from tasks.settings import Settings
    from tasks.workflow import find_workflow

    workflow, _ = find_workflow(str(ROOT / "workflows" / "mnist.yaml"), Settings.from_environment())
    network: Any = build_network(
        workflow.candidates["exact"].model_dump(mode="json"),
        name="exact",
        kind="classification",
        input_shape=(28, 28, 1),
        output_shape=(10,),
        mean=np.full((28, 28, 1), 33.3),
        variance=np.full((28, 28, 1), 6170.0),
        seed=7,
    )
    result = folder.with_name("result")
    result.mkdir()
    network.save(result / NETWORK_FILE)
    preparation = Preparation("label", tuple(range(10)), "image", (28, 28, 1), ())
    (result / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    save_as_mlflow_model(folder, result, packages=["keras", "tensorflow"])


def make_images(n_images: int, first: int, *, labelled: bool) -> pa.Table:
    """Random images, mostly dark as digits are, with ids from ``first`` on."""
    from tasks.dataset import array_to_tensor_column

    rng = np.random.default_rng(first)
    images = rng.integers(0, 256, (n_images, 28, 28, 1), dtype=np.uint8)
    images[rng.random(images.shape) < 0.8] = 0
    columns: dict[str, Any] = {"id": [f"i{first + i}" for i in range(n_images)]}
    if labelled:
        columns |= {
            "source": pa.repeat("made", n_images),
            "line": np.arange(1, n_images + 1),
            "label": np.arange(n_images) % 10,
        }
    return pa.table({**columns, "image": array_to_tensor_column(images)})


def write_images(path: Path, n_images: int) -> None:
    """Write images into one Parquet file, a chunk at a time."""
    first = make_images(1, 0, labelled=False).schema
    with pq.ParquetWriter(path, first, compression="zstd") as writer:
        for start in range(0, n_images, IMAGES_PER_CHUNK):
            n = min(IMAGES_PER_CHUNK, n_images - start)
            writer.write_table(make_images(n, N_TRAINING_IMAGES + start, labelled=False))


# --- one size -----------------------------------------------------------------------------------


def run_size(folder: Path, model: Path, n_images: int) -> dict[str, Any]:
    """Make the images and score them in a fresh interpreter."""
    folder.mkdir()
    write_images(folder / "images.parquet", n_images)
    (folder / "model.txt").write_text(str(model.resolve()))
    found: dict[str, Any] = json.loads(call("--once", folder).splitlines()[-1])
    (folder / "images.parquet").unlink()
    return found


def call(option: str, path: Path) -> str:
    """Run this file once more for one thing."""
    command = [sys.executable, __file__, option, str(path)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return done.stdout


def score_once(folder: Path) -> dict[str, Any]:
    """Register the model, score the images, and time the model and the rest by themselves."""
    from tasks.dataset import memory
    from tasks.scoring_run import run_scoring
    from tasks.settings import Settings
    from tasks.tracking import connect, tags
    from tasks.workflow import Workflow

    settings = Settings.from_environment({"NOCTURNE_HOME": str(folder / "home")})
    workflow = Workflow.model_validate(
        {
            "name": "made",
            "description": "The benchmark's images.",
            "schedule": None,
            "source": {"kind": "files", "path": "images.parquet", "format": "parquet"},
            "columns": {"id": "id", "target": "label", "image": {"tensor": [28, 28, 1]}},
            "expectations": {"raw": "made_raw", "clean": "made_clean"},
            "split": {"by": "hash"},
            "candidates": {"exact": {"kind": "cnn", "convolutions": [{"filters": 32}]}},
            "scoring": {},
        }
    )
    client = connect(settings)
    register(client, settings, workflow, folder)

    def let_go(name: str, _i: int, _n: int) -> None:
        # What the allocators keep of the step before is none of this one's: up to 300 MiB.
        if name == "score":
            memory.WORTH_RELEASING_BYTES = 0
            memory.release_free_memory()

    result = run_scoring(settings, workflow, folder, DATE, on_step=let_go)
    runs = client.search_runs(
        [client.get_experiment_by_name("made").experiment_id],
        f"tags.`{tags.NIGHT_RUN}` = '{result.run_id}'",
    )
    steps = {run.data.tags[tags.STEP]: run.data.metrics for run in runs}
    return {
        "score": steps["score"]["rows_per_second"],
        "seconds": {name: metrics["seconds"] for name, metrics in steps.items()},
        "peak_mib": steps["score"]["peak_memory_mib"],
        **time_apart(Path((folder / "model.txt").read_text())),
    }


def time_apart(model: Path) -> dict[str, float]:
    """Images per second of the model alone, and of everything around it."""
    import mlflow

    from tasks.dataset import Dataset, DatasetWriter
    from tasks.scoring.batches import ROWS_PER_BATCH, make_predict, score_batches
    from tasks.scoring.writing import Stamp, shape_predictions

    n_images = 4 * ROWS_PER_BATCH
    rows = make_images(n_images, 0, labelled=False)
    predict = make_predict(mlflow.pyfunc.load_model(str(model)), ("image",), of_images=True)
    batches = rows.to_batches(ROWS_PER_BATCH)
    said = predict(batches[0])  # and once for the first time
    began = time.perf_counter()
    for batch in batches:
        predict(batch)
    of_model = n_images / (time.perf_counter() - began)
    stamp = Stamp("1", DATE, datetime.datetime.now(datetime.UTC))
    with tempfile.TemporaryDirectory() as name:
        dataset = Path(name) / "raw"
        with DatasetWriter(dataset, rows.schema) as writer:
            writer.write(rows)
        began = time.perf_counter()
        opened = Dataset.open(dataset, verify=False).batches(batch_size=ROWS_PER_BATCH)
        shaped = (
            shape_predictions(scored, None, stamp)
            for scored in score_batches(opened, lambda batch: said.slice(0, batch.num_rows))
        )
        first = next(shaped)
        with DatasetWriter(Path(name) / "said", first.schema) as writer:
            writer.write(first)
            for batch in shaped:
                writer.write(batch)
        around = n_images / (time.perf_counter() - began)
    return {"model": of_model, "around": around}


def register(client: Any, settings: Any, workflow: Any, folder: Path) -> None:
    """Register the model as the champion of a night with a few images."""
    from tasks.dataset import DatasetWriter
    from tasks.registry import crown, register_version
    from tasks.tracking import TaskIdentity, open_night, open_step
    from tasks.tracking.steps import record_outputs

    raw = make_images(N_TRAINING_IMAGES, 0, labelled=True)
    parts = np.where(np.arange(N_TRAINING_IMAGES) % 5 == 0, "holdout", "train")
    clean = raw.select(["id", "label", "image"]).append_column("split", pa.array(parts))
    night = open_night(client, settings, workflow, DATE, key="made", runner="local", folder=folder)
    for step_name, output, rows in (("ingest", "raw", raw), ("clean", "clean", clean)):
        with open_step(client, settings, night, step_name, inputs={}, task=TaskIdentity()) as step:
            with DatasetWriter(step.workdir / output, rows.schema) as writer:
                writer.write(rows)
            record_outputs(client, step.run_id, {output: step.publish(writer.folder, output)})
    with open_step(client, settings, night, "train.exact", inputs={}, task=TaskIdentity()) as step:
        model = step.publish(Path((folder / "model.txt").read_text()), "model")
    version = register_version(
        client, "made", model, night_run_id=night.run_id, description="", version_tags={}
    )
    crown(
        client,
        settings,
        "made",
        version.version,
        expected=None,
        action="promoted",
        by="the benchmark",
        why="To score.",
        key="made",
    )


if __name__ == "__main__":
    main()
