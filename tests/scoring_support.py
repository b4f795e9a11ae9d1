"""A registered champion with the night that trained it, made directly: no network is trained."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from cleaning_support import clean

from tasks.dataset import Dataset
from tasks.models.packaging import save_as_mlflow_model
from tasks.models.predictor import ESTIMATOR_FILE, PREPARATION_FILE
from tasks.registry import ModelVersion, crown, register_version
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, TaskIdentity, open_night, open_step
from tasks.tracking.steps import record_outputs
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow import MlflowClient

    from tasks.cleaning.passes import Cleaned

NIGHT = datetime.date(2026, 1, 7)


def make_shop(**changes: Any) -> Workflow:
    """Does a customer come back? From age, spending and city; a CSV file of texts."""
    return Workflow.model_validate(
        {
            "name": "shop",
            "description": "Test.",
            "source": {"kind": "files", "path": "customers.csv"},
            "columns": {"id": "id", "target": "back", "features": ["age", "spent", "city"]},
            "expectations": {"raw": "shop_raw", "clean": "shop_clean"},
            "cleaning": [{"encode": {"columns": ["city"], "by": "one_hot"}}],
            "split": {"by": "hash", "validation": 0.2, "holdout": 0.2},
            "candidates": {"small": {"kind": "mlp"}},
            "scoring": {},
            **changes,
        }
    )


def make_customers(n_rows: int, *, seed: int = 1, older: float = 0.0, first: int = 0) -> pa.Table:
    """Customers who come back where they are old and spend much; texts, as in a file."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40.0 + older, 10.0, n_rows).round(1)
    spent = rng.gamma(2.0, 50.0, n_rows).round(2)
    is_back = age + spent / 10 + rng.normal(0, 5, n_rows) > 50
    return pa.table(
        {
            "id": [f"c{first + i}" for i in range(n_rows)],
            "age": [str(v) for v in age],
            "spent": [str(v) for v in spent],
            "city": rng.choice(["Rome", "Oslo", "Lima"], n_rows).tolist(),
            "back": np.where(is_back, "yes", "no").tolist(),
        }
    )


def write_csv(rows: pa.Table, path: Path) -> Path:
    """Write rows where a source reads them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.csv.write_csv(rows, path)
    return path


def as_arrived(rows: pa.Table) -> pa.Table:
    """Give rows the columns that ingestion adds."""
    places = {"source": pa.repeat("customers.csv", rows.num_rows), "line": pa.array(range(2, rows.num_rows + 2), pa.int64())}  # fmt: skip
    for name, column in places.items():
        rows = rows.append_column(name, column)
    return rows


def fit_shop(cleaned: Cleaned, folder: Path) -> Path:
    """Fit a logistic regression on the clean training rows, as training writes it."""
    import skops.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = Dataset.open(cleaned.clean.folder).table(where=pc.field("split") == "train")
    preparation = cleaned.preparation
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(preparation.inputs(rows), preparation.encode(rows["back"]))
    folder.mkdir()
    skops.io.dump(model, folder / ESTIMATOR_FILE)
    (folder / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    return folder


def register_champion(
    client: MlflowClient,
    settings: Settings,
    workflow: Workflow,
    rows: pa.Table,
    folder: Path,
    fit: Callable[[Cleaned, Path], Path] = fit_shop,
) -> ModelVersion:
    """Publish what a night's steps hand over, register its model and make it champion."""
    cleaned = clean(folder / "cleaning", workflow, rows)
    result = fit(cleaned, folder / "result")
    save_as_mlflow_model(folder / "model", result, packages=["scikit-learn", "skops"])
    night = open_night(
        client, settings, workflow, NIGHT, key=folder.name, runner="local", folder=folder
    )

    def hand_over(name: str, **paths: Path) -> dict[str, Handoff]:
        with open_step(client, settings, night, name, inputs={}, task=TaskIdentity()) as step:
            made = {key: publish(step, path, key) for key, path in paths.items()}
            record_outputs(client, step.run_id, made)
        return made

    hand_over("ingest", raw=folder / "cleaning" / "raw")
    hand_over("clean", clean=cleaned.clean.folder)
    model = hand_over("train.small", model=folder / "model")["model"]
    version = register_version(
        client, workflow.name, model, night_run_id=night.run_id, description="", version_tags={}
    )
    crown(
        client,
        settings,
        workflow.name,
        version.version,
        expected="any",
        action="promoted",
        by="a test",
        why="For a test.",
        key=night.run_id,
    )
    client.set_terminated(night.run_id)
    return version


def publish(step: Step, path: Path, name: str) -> Handoff:
    """Publish under the name of the handoff."""
    return step.publish(path, name)
