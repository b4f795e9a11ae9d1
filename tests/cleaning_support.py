"""A small dirty table and the cleaning of it, for several test folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.cleaning.passes import Cleaned, Passes
from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import QUARANTINE_SCHEMA
from tasks.workflow import Workflow

FEATURES = ["age", "income", "city", "joined"]


def make_workflow(**changes: Any) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "people",
            "description": "Test.",
            "source": {"kind": "files", "path": "*.csv"},
            "columns": {"target": "left", "features": FEATURES},
            "expectations": {"raw": "people_raw", "clean": "people_clean"},
            "cleaning": [],
            "split": {"by": "hash", "validation": 0.2, "holdout": 0.2},
            "candidates": {"mlp": {"kind": "mlp"}},
            **changes,
        }
    )


CLEANING = [
    {"mark_missing": {"values": ["?", "n/a"]}},
    {"convert": {"columns": ["income"], "to": "number", "thousands": ".", "decimal": ",", "unconvertible": "missing"}},
    {"convert": {"columns": ["joined"], "to": "date", "formats": ["%d.%m.%Y", "iso8601"]}},
    {"drop_duplicates": {"by": ["age", "income", "city", "joined"], "keep": "last"}},
    {"impute": {"columns": ["age"], "by": "median", "indicator": True}},
    {"impute": {"columns": ["income"], "by": "iterative"}},
    {"impute": {"columns": ["city"], "by": "most_frequent"}},
    {"outliers": {"columns": ["income"], "by": "iqr"}},
    {"calendar": {"columns": ["joined"], "parts": ["year", "month"], "cyclic": True}},
    {"encode": {"columns": ["city"], "by": "one_hot"}},
    {"scale": {"columns": ["age", "income"], "to": "standard"}},
]  # fmt: skip


def make_rows(n_rows: int = 400, seed: int = 3) -> pa.Table:
    """Dirty rows: missing values in several spellings, marks in numbers, two date formats, repeats."""
    rng = np.random.default_rng(seed)
    age = np.array([str(v) for v in rng.integers(18, 80, n_rows)], dtype=object)
    age[rng.random(n_rows) < 0.1] = "?"
    income = np.array([f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in rng.normal(3e4, 9e3, n_rows)], dtype=object)  # fmt: skip
    income[rng.random(n_rows) < 0.1] = "unknown"
    city = rng.choice([" Rome", "Oslo ", "Lima", "n/a", ""], n_rows).astype(object)
    days = np.datetime64("2015-01-01") + rng.integers(0, 3000, n_rows)
    joined = [d.item().strftime("%d.%m.%Y") if i % 2 else str(d) for i, d in enumerate(days)]
    joined[5] = "soon"
    columns = {"age": age, "income": income, "city": city, "joined": np.array(joined, object)}
    columns["left"] = rng.choice(["yes", "no"], n_rows).astype(object)
    for values in columns.values():
        values[-3:] = values[:3]  # three repeats
    return as_raw({name: list(values) for name, values in columns.items()})


def as_raw(columns: dict[str, list[Any]], ids: list[str] | None = None) -> pa.Table:
    n_rows = len(next(iter(columns.values())))
    return pa.table(
        {
            "id": pa.array(ids or [f"a:{i}" for i in range(2, n_rows + 2)], pa.string()),
            "source": pa.array(["a"] * n_rows, pa.string()),
            "line": pa.array(range(2, n_rows + 2), pa.int64()),
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
        }
    )


def clean(folder: Path, workflow: Workflow, rows: pa.Table, cut: int = 65_536) -> Cleaned:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        DatasetWriter(folder / "raw", rows.schema, rows_per_partition=cut) as raw,
        DatasetWriter(folder / "lines", QUARANTINE_SCHEMA) as lines,
    ):
        raw.write(rows)
    return Passes(folder, workflow, Dataset.open(raw.folder), Dataset.open(lines.folder)).run()


def read(writer: DatasetWriter) -> pa.Table:
    return Dataset.open(writer.folder).table()
