"""How fast dirty CSV becomes clean data: ingest, validate, clean and validate again, against polars.

Makes a seeded dirty CSV of ten columns, sends it through the real steps of a night (MLflow on SQLite,
Great Expectations, the dataset container with its digests) and, in turns in the same process, through
the same parse-dedupe-impute-encode-scale-write job written by hand in polars. What both import is
imported before: Airflow's tasks are forked from a parent that has done so.

    .venv/bin/python benchmarks/data_throughput.py                      # 1.5 million rows, three pairs
    .venv/bin/python benchmarks/data_throughput.py --memory             # 1 and 10 million rows, peak memory
"""

from __future__ import annotations

import argparse
import datetime
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv

from tasks.night import begin_night, merge_outputs, run_step
from tasks.settings import Settings
from tasks.tracking import TaskIdentity
from tasks.workflow import find_workflow

NUMBERS = ["x0", "x1", "x2", "x3", "x4", "amount"]
TOKENS = ["?", "NA", "n/a", "-"]
STEPS = ("ingest", "validate_raw", "clean", "validate_clean")
ROWS_PER_CHUNK = 500_000

WORKFLOW = """\
name: dirty
description: The benchmark's dirty CSV.
schedule: null
source: {kind: files, path: ../dirty.csv}
columns:
  id: id
  target: label
  features: [x0, x1, x2, x3, x4, amount, city, day]
expectations: {raw: dirty_raw, clean: dirty_clean}
cleaning:
  - mark_missing: {values: ["?", "NA", "n/a", "-"]}
  - convert: {columns: [x0, x1, x2, x3, x4, amount], to: number, unconvertible: missing}
  - convert: {columns: [day], to: date}
  - drop_duplicates: {by: [id, x0, x1, x2, x3, x4, amount, city, day, label]}
  - impute: {columns: [x0, x1, x2, x3, x4, amount], by: median}
  - impute: {columns: [city], by: most_frequent}
  - calendar: {columns: [day], parts: [year, month, weekday]}
  - encode: {columns: [city], by: one_hot}
  - scale: {columns: [x0, x1, x2, x3, x4, amount], to: standard}
split: {by: hash, validation: 0.1, holdout: 0.2}
"""


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_500_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--memory", action="store_true", help="1 and 10 million rows, ours alone")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once is not None:
        run_once(arguments.once)
    elif arguments.memory:
        measure_memory(arguments.seed)
    else:
        compare(arguments.rows, arguments.pairs, arguments.seed)


def compare(n_rows: int, n_pairs: int, seed: int) -> None:
    """Time ours and polars in turns."""
    with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as name:
        folder = Path(name)
        n_rows = prepare(folder, n_rows, seed)
        n_bytes = (folder / "dirty.csv").stat().st_size
        print(f"{n_rows:,} rows x 10 columns, {n_bytes / 1e6:.0f} MB of CSV")
        warm_up()
        ours, theirs = [], []
        for i in range(n_pairs):
            seconds = run_nocturne(folder, f"pair{i}")
            ours.append(sum(seconds.values()))
            theirs.append(run_polars(folder))
            told = ", ".join(f"{step} {s:.2f}" for step, s in seconds.items())
            print(f"nocturne {ours[-1]:6.2f} s ({told}); polars {theirs[-1]:5.2f} s")
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        print(
            f"median: nocturne {statistics.median(ours):.2f} s, "
            f"{n_rows / statistics.median(ours):,.0f} rows/s; polars {statistics.median(theirs):.2f} s; "
            f"ratio {statistics.median(ratios):.2f}"
        )


def measure_memory(seed: int) -> None:
    """Run 1 and 10 million rows, each in a fresh process, and print time and peak memory."""
    figures = {}
    for n_rows in (1_000_000, 10_000_000):
        with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as name:
            n_made = prepare(Path(name), n_rows, seed)
            command = [sys.executable, __file__, "--once", name]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            seconds, peak, imports = map(float, done.stdout.split()[-3:])
            figures[n_rows] = seconds
            print(
                f"{n_made:,} rows: {seconds:.1f} s, {n_made / seconds:,.0f} rows/s, "
                f"peak {peak:.0f} MiB, of which {imports:.0f} MiB are the imports"
            )
    few, many = figures.values()
    print(f"ten times the rows took {many / few:.1f} times as long")


def run_once(folder: Path) -> None:
    """Run ours in this process; the last line has seconds, peak and imported MiB."""
    warm_up()
    imports = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = run_nocturne(folder, "once")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print({step: round(s, 2) for step, s in seconds.items()})
    print(sum(seconds.values()), peak, imports)


# --- the two jobs -------------------------------------------------------------------------------


def run_nocturne(folder: Path, key: str) -> dict[str, float]:
    """Run the four steps of a new night; gives their seconds."""
    settings = Settings.from_environment(
        {
            **os.environ,
            "NOCTURNE_HOME": str(folder / key),
            "NOCTURNE_WORKFLOWS": str(folder / "workflows"),
            "NOCTURNE_EXPECTATIONS": str(folder / "expectations"),
            "NOCTURNE_TRACKING_URI": f"sqlite:///{folder / key / 'mlflow.db'}",
        }
    )
    settings.home.mkdir(parents=True)
    workflow, path = find_workflow("dirty", settings)
    task = TaskIdentity()
    date = datetime.date(2026, 1, 7)
    night = begin_night(settings, workflow, path.parent, date, key=key, task=task)
    seconds, outputs = {}, {}
    for step in STEPS:
        started = time.perf_counter()
        outputs[step] = run_step(settings, night, step, merge_outputs(outputs.values()), task)
        seconds[step] = time.perf_counter() - started
    return seconds


def run_polars(folder: Path) -> float:
    """Do the same by hand; gives the seconds."""
    started = time.perf_counter()
    rows = pl.read_csv(folder / "dirty.csv", infer_schema_length=0)
    texts = [*NUMBERS, "city", "label"]
    rows = rows.with_columns(pl.col(name).str.strip_chars() for name in texts)
    is_missing = [pl.col(name).is_in(["", *TOKENS]) for name in texts]
    rows = rows.with_columns(
        pl.when(missing).then(None).otherwise(pl.col(name)).alias(name)
        for missing, name in zip(is_missing, texts, strict=True)
    )
    n_before = rows.select(pl.col(NUMBERS).null_count())
    rows = rows.with_columns(
        *(pl.col(name).cast(pl.Float64, strict=False) for name in NUMBERS),
        pl.col("day").str.to_date("%Y-%m-%d", strict=False),
    )
    n_unconvertible = rows.select(pl.col(NUMBERS).null_count()) - n_before
    rows = rows.unique(keep="first", maintain_order=True)
    rows = rows.with_columns(
        *(pl.col(name).fill_null(pl.col(name).median()) for name in NUMBERS),
        pl.col("city").fill_null(pl.col("city").mode().first()),
    )
    rows = rows.with_columns(
        pl.col("day").dt.year().alias("day_year"),
        pl.col("day").dt.month().alias("day_month"),
        pl.col("day").dt.weekday().alias("day_weekday"),
    ).drop("day")
    rows = rows.to_dummies("city")
    rows = rows.with_columns(
        (pl.col(name) - pl.col(name).mean()) / pl.col(name).std(ddof=0) for name in NUMBERS
    )
    rows.write_parquet(folder / "polars.parquet", compression="lz4")
    if n_unconvertible.sum_horizontal().item() == 0:
        raise ValueError("the dirt was not found")
    return time.perf_counter() - started


def warm_up() -> None:
    """Import what a forked task finds imported, and run both jobs once on few rows."""
    with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as name:
        prepare(Path(name), 2_000, seed=1)
        run_nocturne(Path(name), "warm")
        run_polars(Path(name))


# --- the data -----------------------------------------------------------------------------------


def prepare(folder: Path, n_rows: int, seed: int) -> int:
    """Write the CSV, the workflow and its suites; gives the number of rows."""
    (folder / "workflows").mkdir()
    (folder / "expectations").mkdir()
    (folder / "workflows" / "dirty.yaml").write_text(WORKFLOW)
    write_suites(folder / "expectations")
    rng = np.random.default_rng(seed)
    n_written = 0
    options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
    with (folder / "dirty.csv").open("wb") as file:
        for start in range(0, n_rows, ROWS_PER_CHUNK):
            rows = make_rows(rng, start, min(ROWS_PER_CHUNK, n_rows - start))
            if start == 0:
                file.write((",".join(rows.schema.names) + "\n").encode())
            pa.csv.write_csv(rows, file, options)
            n_written += rows.num_rows
    return n_written


def make_rows(rng: np.random.Generator, start: int, n_rows: int) -> pa.Table:
    """Make rows: 3 % of the numbers missing, spelt in five ways, or no numbers; 1 % repeated."""

    def soil(values: np.ndarray, share: float, dirt: list[str]) -> pa.Array:
        texts = values.astype(str).astype(object)
        is_dirty = rng.random(n_rows) < share
        texts[is_dirty] = rng.choice(dirt, int(is_dirty.sum()))
        return pa.array(texts, pa.string())

    columns = {
        "id": pa.array([f"c{i}" for i in range(start, start + n_rows)]),
        **{
            f"x{k}": soil(rng.normal(k, 1 + k, n_rows).round(4), 0.03, ["", *TOKENS, "oops"])
            for k in range(5)
        },
        "amount": soil(rng.integers(0, 100_000, n_rows), 0.02, ["", "many"]),
        "city": soil(rng.choice(["Paris", " Rome", "Oslo ", "Lima"], n_rows), 0.01, ["", "-"]),
        "day": pa.array((np.datetime64("2015-01-01") + rng.integers(0, 3000, n_rows)).astype(str)),
        "label": pa.array(rng.choice(["yes", "no"], n_rows)),
    }
    rows = pa.table(columns)
    repeated = rng.integers(0, n_rows, n_rows // 100)
    return pa.concat_tables([rows, rows.take(pa.array(repeated))])


def write_suites(folder: Path) -> None:
    """Write two suites of eleven typical expectations."""
    import json

    def expect(kind: str, severity: str = "critical", **kwargs: object) -> dict[str, object]:
        return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity}

    common = [
        expect("table_row_count_to_be_between", min_value=1),
        expect("column_values_to_not_be_null", column="id"),
        expect("column_values_to_be_in_set", column="label", value_set=["yes", "no"]),
    ]
    raw = [
        *common,
        expect("table_columns_to_match_set", column_set=["id", "city", "label"], exact_match=False),
        *(
            expect("column_values_to_be_between", column=f"x{k}", min_value=-60, max_value=60)
            for k in range(5)
        ),
        expect("column_values_to_not_be_null", column="amount", mostly=0.9, severity="warning"),
        expect("column_mean_to_be_between", column="amount", min_value=4e4, max_value=6e4),
    ]
    clean = [
        *common,
        expect("column_values_to_be_unique", column="id"),
        *(expect("column_values_to_not_be_null", column=f"x{k}") for k in range(5)),
        expect("column_mean_to_be_between", column="amount", min_value=-0.1, max_value=0.1),
        expect("column_values_to_be_in_set", column="city_Rome", value_set=[0, 1]),
    ]
    for name, expectations in (("dirty_raw", raw), ("dirty_clean", clean)):
        document = {"name": name, "expectations": expectations}
        (folder / f"{name}.json").write_text(json.dumps(document))


if __name__ == "__main__":
    main()
