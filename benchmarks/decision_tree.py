"""How long the readable tree takes, in which memory, and how good it is: MNIST, and a million rows.

Grows the tree of ``mining.tree`` as a night does, from a clean dataset on disk to its folder, each in a
fresh process and with one thread: on MNIST's 60,000 training images with entropy and at most ten
questions, scored on the 10,000 test images; and on a million rows of ten columns with at most eight
questions, where the cross-validation sees a bounded sample. Beside each stands scikit-learn's plain fit
of the same arrays, which chooses and says nothing.

    .venv/bin/python benchmarks/decision_tree.py                        # both
    .venv/bin/python benchmarks/decision_tree.py --data ../shared/data  # where mnist.npz lies
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.mining.rows import MiningRows
from tasks.mining.tree.step import mine_tree
from tasks.preparation import Preparation
from tasks.workflow import Tree

PROJECT = Path(__file__).resolve().parent.parent
N_ROWS, N_COLUMNS = 1_000_000, 10
OPTIONS = {
    "mnist": Tree(criterion="entropy", max_depth=10, min_leaf_rows=1, choose="best"),
    "million": Tree(max_depth=8),
}


def main() -> None:
    """Run the benchmark and print a line per data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=sorted(OPTIONS))
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once is not None:
        run_once(arguments.only, arguments.once, arguments.seed)
        return
    for name in [arguments.only] if arguments.only else sorted(OPTIONS):
        with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as folder:
            make_rows(name, Path(folder), arguments.data, arguments.seed)
            command = [sys.executable, __file__, "--only", name, "--once", folder]
            subprocess.run([*command, "--seed", str(arguments.seed)], check=True)
            fit_plain(Path(folder), OPTIONS[name])


def run_once(name: str, folder: Path, seed: int) -> None:
    """Mine in this process, and print seconds, memory and scores."""
    rows = open_rows(folder)
    out = folder / "tree"
    out.mkdir()
    before = read_peak_mib()
    started = time.perf_counter()
    with threadpool_limits(limits=1):
        found = mine_tree(rows, OPTIONS[name], out, seed=seed, earlier=None)
    seconds = time.perf_counter() - started
    peak = read_peak_mib()
    n_bytes = sum(path.stat().st_size for path in out.iterdir())
    print(
        f"{name}: {seconds:.1f} s, peak {peak:.0f} MiB, of which {before:.0f} MiB are the imports; "
        f"{n_bytes / 1e6:.1f} MB of files\n  {found.sentence}"
    )


def read_peak_mib() -> float:
    """Read this process's peak; ``ru_maxrss`` would begin with that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def fit_plain(folder: Path, options: Tree) -> None:
    """Fit scikit-learn's tree alone on the same training rows."""
    from sklearn.tree import DecisionTreeClassifier

    rows = open_rows(folder)
    columns = rows.list_inputs(None)
    arrays = {}
    for part in ("train", "holdout"):
        table = rows.sample([*columns, "label"], max_rows=10**9, seed=1, part=part)
        arrays[part] = (rows.to_inputs(table, columns), rows.encode(table))
    model = DecisionTreeClassifier(
        criterion=options.criterion,
        max_depth=options.max_depth,
        min_samples_leaf=options.min_leaf_rows,
        random_state=0,
    )
    started = time.perf_counter()
    model.fit(*arrays["train"])
    seconds = time.perf_counter() - started
    print(
        f"  plain fit: {seconds:.1f} s, {model.get_n_leaves()} leaves, "
        f"{model.score(*arrays['holdout']):.1%} right on the hold-out"
    )


# --- the data -----------------------------------------------------------------------------------


def make_rows(name: str, folder: Path, data: Path, seed: int) -> None:
    """Write a clean dataset and its preparation, as cleaning hands them over."""
    if name == "mnist":
        mnist = np.load(data / "mnist.npz")
        images = np.concatenate([mnist["x_train"], mnist["x_test"]])[..., np.newaxis]
        labels = np.concatenate([mnist["y_train"], mnist["y_test"]]).astype(np.int64)
        columns = {"label": labels, "image": array_to_tensor_column(images)}
        parts = ["train"] * len(mnist["x_train"]) + ["holdout"] * len(mnist["x_test"])
        shape = images.shape[1:]
        preparation = Preparation("label", tuple(range(10)), "image", shape, ())
    else:
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(N_ROWS + N_ROWS // 10, N_COLUMNS))
        is_odd = rng.random(len(X)) < 0.1  # a tenth of the classes is noise
        labels = ((X[:, 0] > 0).astype(int) + 2 * (X[:, 1] + X[:, 2] > 0.5)).astype(np.int64)
        labels[is_odd] = rng.integers(0, 4, int(is_odd.sum()))
        columns = {"label": labels, **{f"x{i}": X[:, i] for i in range(N_COLUMNS)}}
        parts = ["train"] * N_ROWS + ["holdout"] * (N_ROWS // 10)
        features = tuple(f"x{i}" for i in range(N_COLUMNS))
        preparation = Preparation("label", tuple(range(4)), None, None, features)
    rows = pa.table({"id": [f"r{i}" for i in range(len(parts))], "split": parts, **columns})
    with DatasetWriter(folder / "clean", rows.schema) as writer:
        writer.write(rows)
    (folder / "preparation.json").write_text(preparation.to_json())


def open_rows(folder: Path) -> MiningRows:
    """Open what :func:`make_rows` wrote."""
    preparation = Preparation.from_json((folder / "preparation.json").read_text())
    return MiningRows(Dataset.open(folder / "clean", verify=False), preparation)


if __name__ == "__main__":
    main()
