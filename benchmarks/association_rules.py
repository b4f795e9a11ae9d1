"""How fast association rules are found, and in how much memory, through the step's own function.

Each job runs in a fresh process: a dataset of baskets is written, then read, searched, tested, recounted
and written as the step of mining does it. Peak memory is that of the mining alone, above what the
process held before it began.

    .venv/bin/python benchmarks/association_rules.py            # the three jobs, against their limits
    .venv/bin/python benchmarks/association_rules.py --check    # and the itemsets against mlxtend's
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.memory import measure_peak, restart_peak
from tasks.mining.rows import MiningRows
from tasks.preparation import Preparation
from tasks.workflow import Rules

DATA = Path(
    os.environ.get(
        "NOCTURNE_TEST_DATA", Path(__file__).resolve().parents[1].parent / "shared" / "data"
    )
)
N_BASKETS = 100_000


def read_groceries() -> list[str] | None:
    """Read 9,835 real baskets of 169 items; None where the file is missing."""
    path = DATA / "groceries.csv"
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else None


def make_retail() -> list[str]:
    """Make 100,000 baskets of ten out of 16,000 items, the first ones far more often (Zipf)."""
    rng = np.random.default_rng(7)
    weights = 1.0 / np.arange(1, 16_001) ** 0.9
    drawn = rng.choice(16_000, (N_BASKETS, 10), p=weights / weights.sum())
    # In a third of the baskets the second item is the first one's neighbour.
    drawn[::3, 1] = drawn[::3, 0] ^ 1
    return [",".join(f"i{item}" for item in basket) for basket in drawn.tolist()]


def make_correlated() -> list[str]:
    """Make 100,000 baskets of ten out of 870 items from 2,000 patterns, as IBM's T10I4D100K was made."""
    rng = np.random.default_rng(7)
    popular = rng.exponential(size=870)
    popular /= popular.sum()
    patterns = []
    for i in range(2_000):
        size = max(1, int(rng.poisson(4)))
        pattern = rng.choice(870, min(size, 870), replace=False, p=popular)
        if i:  # half of a pattern is that of the one before
            shared = patterns[-1][: len(pattern) // 2]
            pattern = np.unique(np.r_[shared, pattern])[: max(size, 1)]
        patterns.append(pattern)
    weights = rng.exponential(size=2_000)
    weights /= weights.sum()
    kept = np.clip(rng.normal(0.6, 0.3, 2_000), 0.1, 1.0)
    texts = []
    for size in np.maximum(rng.poisson(10, N_BASKETS), 1).tolist():
        basket: set[int] = set()
        for i in rng.choice(2_000, 12, p=weights).tolist():
            if len(basket) >= size:
                break
            pattern = patterns[i]
            basket.update(pattern[rng.random(len(pattern)) < kept[i]].tolist())
        texts.append(",".join(f"i{item}" for item in sorted(basket)))
    return texts


# Name, baskets, support, confidence, longest itemset, limits in seconds and MiB.
JOBS: dict[str, tuple[Callable[[], list[str] | None], float, float, int, float, float]] = {
    "groceries": (read_groceries, 0.001, 0.5, 10, 3.0, 500),
    "retail": (make_retail, 0.005, 0.2, 5, 5.0, 500),
    "correlated": (make_correlated, 0.001, 0.5, 10, 6.0, 500),
}


def main() -> None:
    """Run the jobs and print their figures; exits with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--check", action="store_true", help="compare the itemsets with mlxtend's")
    parser.add_argument("--once", choices=JOBS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once is not None:
        run_once(arguments.once, check=arguments.check)
        return
    is_within = [run_job(name, check=arguments.check) for name in arguments.jobs]
    if not all(is_within):
        sys.exit(1)


def run_job(name: str, *, check: bool) -> bool:
    """Run one job in a fresh process; gives whether it kept its limits."""
    command = [sys.executable, __file__, "--once", name, *(["--check"] if check else [])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures is None:
        print(f"{name:<11} skipped: {DATA / 'groceries.csv'} is missing")
        return True
    *_, max_seconds, max_mib = JOBS[name]
    is_within = figures["seconds"] <= max_seconds and figures["mib"] <= max_mib
    checked = f"; {figures['checked']}" if check else ""
    print(
        f"{name:<11} {figures['seconds']:5.2f} s (limit {max_seconds:g}), {figures['mib']:4.0f} MiB "
        f"(limit {max_mib:g}), {figures['n_itemsets']:,} itemsets, {figures['n_rules_tested']:,} rules "
        f"tested, {figures['n_rules']:,} kept{checked}{'' if is_within else '  PAST ITS LIMIT'}"
    )
    return is_within


def run_once(name: str, *, check: bool) -> None:
    """Run one job in this process; the last line has its figures as JSON."""
    make, support, confidence, max_length, *_ = JOBS[name]
    texts = make()
    if texts is None:
        print("null")
        return
    options = Rules.model_validate(
        {
            "baskets": {"column": "items"},
            "min_support": support,
            "min_confidence": confidence,
            "max_length": max_length,
        }
    )
    with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as folder:
        rows = write_rows(texts, Path(folder) / "clean")
        if not check:
            del texts
        # A forked task finds these imported.
        from tasks.mining.rules.step import mine_rules

        warm_up(Path(folder))
        (Path(folder) / "rules").mkdir()
        restart_peak()
        before, started = measure_peak(), time.perf_counter()
        found = mine_rules(rows, options, Path(folder) / "rules", seed=1, earlier=None)
        seconds = time.perf_counter() - started
        peak = measure_peak() - before
        figures: dict[str, object] = {
            "seconds": seconds,
            "mib": peak / 2**20,
            **{k: int(found.metrics[k]) for k in ("n_itemsets", "n_rules_tested", "n_rules")},
        }
        if check:
            figures["checked"] = compare(texts, support, max_length)
    print(json.dumps(figures))


def write_rows(texts: Sequence[str], folder: Path) -> MiningRows:
    """Write baskets as a clean dataset of training rows, and open it."""
    n_rows = len(texts)
    table = pa.table(
        {"id": pa.array(map(str, range(n_rows))), "split": ["train"] * n_rows, "items": texts}
    )
    with DatasetWriter(folder, table.schema) as writer:
        writer.write(table)
    return MiningRows(Dataset.open(folder), Preparation(None, (), None, None, ()))


def warm_up(folder: Path) -> None:
    """Import what the step imports, by mining a few baskets."""
    from tasks.mining.rules.step import mine_rules

    rows = write_rows(["a,b"] * 30 + ["c"] * 30, folder / "few")
    (folder / "warm").mkdir()
    options = Rules.model_validate({"baskets": {"column": "items"}})
    mine_rules(rows, options, folder / "warm", seed=1, earlier=None)


def compare(texts: Sequence[str], support: float, max_length: int) -> str:
    """Compare our itemsets and their counts with mlxtend's, on a sparse frame."""
    import pandas as pd

    from tasks.mining.rules.baskets import make_baskets
    from tasks.mining.rules.search import search_itemsets

    warnings.simplefilter("ignore")  # mlxtend's own, on this pandas
    from mlxtend.frequent_patterns import fpgrowth

    lists = [[item.strip() for item in text.split(",") if item.strip()] for text in texts]
    found = search_itemsets(make_baskets(lists), support, max_length, seed=1)
    names = found.baskets.names
    ours = {
        frozenset(names[code] for code in items): count
        for level, counts in zip(found.itemsets.levels, found.itemsets.counts, strict=True)
        for items, count in zip(level.tolist(), counts.tolist(), strict=True)
    }
    # Rare items cannot be in a frequent set; without them mlxtend needs less than half the memory.
    frame = pd.DataFrame.sparse.from_spmatrix(
        found.baskets.to_matrix().astype(bool), columns=list(names)
    )
    started = time.perf_counter()
    sets = fpgrowth(frame, min_support=support - 1e-12, use_colnames=True, max_len=max_length)
    seconds = time.perf_counter() - started
    counts = np.rint(sets["support"] * len(texts)).astype(int)
    theirs = dict(zip(map(frozenset, sets["itemsets"]), counts.tolist(), strict=True))
    if ours != theirs:
        raise ValueError(f"{len(ours):,} itemsets here, {len(theirs):,} by mlxtend: not the same")
    return f"the same {len(ours):,} itemsets by mlxtend in {seconds:.1f} s"


if __name__ == "__main__":
    main()
