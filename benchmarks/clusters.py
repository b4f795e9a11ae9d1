"""How long the search for clusters takes, choice of their number and stability included, and its memory.

Makes seeded rows of eight Gaussian blobs of unequal size as a clean dataset, and runs the step of
``mining.clusters`` on them as a night does: in a fresh process, on one BLAS and OpenMP thread.

    .venv/bin/python benchmarks/clusters.py                                # a million rows, k-means
    .venv/bin/python benchmarks/clusters.py --by gaussian_mixture --repeat 1
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.memory import measure_peak, restart_peak
from tasks.mining.clusters.step import mine_clusters
from tasks.mining.found import Earlier
from tasks.mining.rows import MiningRows
from tasks.preparation import Preparation
from tasks.workflow import Clusters

N_INPUTS = 10
SHARES = (0.3, 0.2, 0.15, 0.12, 0.1, 0.07, 0.04, 0.02)  # of the blobs
SPREAD = 4.0  # of their centres; each blob has 1
HOLDOUT_SHARE = 0.2  # rows beside the training rows, which mining must pass over
ROWS_PER_CHUNK = 250_000
ALGORITHMS = ("kmeans", "minibatch_kmeans", "gaussian_mixture", "hdbscan")
MIB = 1024 * 1024


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="training rows")
    parser.add_argument("--by", choices=ALGORITHMS, default="kmeans")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once is not None:
        run_once(arguments.once, arguments.by, arguments.seed)
    else:
        measure(arguments.rows, arguments.by, arguments.repeat, arguments.seed)


def measure(n_rows: int, by: str, n_repeats: int, seed: int) -> None:
    """Run in fresh processes, the second night compared with the first, and print medians."""
    with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as name:
        write_rows(Path(name), n_rows, seed)
        print(f"{n_rows:,} training rows x {N_INPUTS} inputs, {len(SHARES)} blobs, {by}")
        seconds, peaks = [], []
        for _ in range(n_repeats):
            command = [sys.executable, __file__, "--once", name, "--by", by, "--seed", str(seed)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            sentence, figures = done.stdout.strip().splitlines()[-2:]
            first, second, peak, before = map(float, figures.split())
            seconds.append((first, second))
            peaks.append(peak)
            print(
                f"first night {first:5.2f} s, compared with it {second:5.2f} s, peak {peak:.0f} MiB "
                f"(before: {before:.0f} MiB): {sentence}"
            )
        firsts, seconds_nights = zip(*seconds, strict=True)
        print(
            f"median: first night {statistics.median(firsts):.2f} s, compared with it "
            f"{statistics.median(seconds_nights):.2f} s, peak {statistics.median(peaks):.0f} MiB"
        )


def run_once(folder: Path, by: str, seed: int) -> None:
    """Run two nights in this process; the last line has seconds of both, peak and earlier MiB."""
    inputs = tuple(f"x{i}" for i in range(N_INPUTS))
    rows = MiningRows(
        Dataset.open(folder / "clean", verify=False), Preparation("blob", BLOBS, None, None, inputs)
    )
    seconds, earlier, sentence = [], None, ""
    import scipy.optimize  # noqa: F401 - as below
    import sklearn.cluster
    import sklearn.metrics
    import sklearn.mixture  # noqa: F401 - Airflow's tasks are forked from a parent that has them

    restart_peak()
    before = measure_peak()
    with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as name:
        for night in ("first", "second"):
            out = Path(name) / night
            out.mkdir()
            started = time.perf_counter()
            with threadpool_limits(limits=1):
                found = mine_clusters(rows, Clusters(by=by), out, seed=seed, earlier=earlier)
            seconds.append(time.perf_counter() - started)
            earlier, sentence = Earlier("2026-01-01", out), found.sentence
    print(sentence)
    print(*seconds, measure_peak() / MIB, before / MIB)


def write_rows(folder: Path, n_rows: int, seed: int) -> None:
    """Write the clean dataset: training rows, and a hold-out beside them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=SPREAD, size=(len(SHARES), N_INPUTS))
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("split", pa.string()),
            ("blob", pa.int64()),
            *((f"x{i}", pa.float64()) for i in range(N_INPUTS)),
        ]
    )
    n_all = round(n_rows / (1 - HOLDOUT_SHARE))
    split = np.full(n_all, "train", dtype=object)
    split[rng.choice(n_all, size=n_all - n_rows, replace=False)] = "holdout"
    with DatasetWriter(folder / "clean", schema) as writer:
        for start in range(0, n_all, ROWS_PER_CHUNK):
            n = min(ROWS_PER_CHUNK, n_all - start)
            blobs = rng.choice(len(SHARES), size=n, p=SHARES)
            X = centres[blobs] + rng.normal(size=(n, N_INPUTS))
            columns = {
                "id": [f"row-{i}" for i in range(start, start + n)],
                "split": split[start : start + n],
                "blob": blobs,
                **{f"x{i}": X[:, i] for i in range(N_INPUTS)},
            }
            writer.write(pa.table(columns, schema=schema))


BLOBS = tuple(range(len(SHARES)))

if __name__ == "__main__":
    main()
