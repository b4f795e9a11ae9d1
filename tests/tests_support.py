"""Helpers that several test folders share."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.settings import Settings
from tasks.tracking import Night, open_night
from tasks.workflow import find_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

FLOWERS = """\
name: flowers
description: Which iris is this? A night of a few seconds for the tests.
schedule: null
source: {kind: sklearn, dataset: iris, arrives: {from: 2026-01-01, nights: 3}}
columns:
  target: target
  features: [sepal_length_cm, sepal_width_cm, petal_length_cm, petal_width_cm]
expectations: {raw: flowers_raw, clean: flowers_clean}
cleaning:
  - drop_duplicates: {by: [sepal_length_cm, sepal_width_cm, petal_length_cm, petal_width_cm, target]}
split: {by: hash, validation: 0.15, holdout: 0.3}
mining: {clusters: {pca: 2, k: 3}}
candidates:
  small: {kind: mlp, dense: [16], epochs: 12, batch_size: 8, learning_rate: 0.03}
baselines:
  logistic_regression: {kind: logistic_regression, max_iter: 1}   # so weak that twelve epochs beat it
training: {learning_curve: []}   # a unit test and the night of `digits` draw one
promotion: {floor: 0.5}
"""


def make_night(
    client: MlflowClient,
    settings: Settings,
    *,
    workflow: str = "digits",
    key: str = "test",
    date: datetime.date = datetime.date(2026, 1, 7),
) -> Night:
    """Open a night of a shipped workflow."""
    loaded, path = find_workflow(workflow, settings)
    return open_night(client, settings, loaded, date, key=key, runner="local", folder=path.parent)


def write_flowers(folder: Path, *, max_petal_length_cm: float = 10.0) -> dict[str, str]:
    """Write a small workflow and its suites; gives the environment variables that name their folders.

    A ``max_petal_length_cm`` below 7 makes the raw data break a critical promise.
    """
    workflows, expectations = folder / "workflows", folder / "expectations"
    workflows.mkdir(parents=True, exist_ok=True)
    expectations.mkdir(exist_ok=True)
    (workflows / "flowers.yaml").write_text(FLOWERS)
    for part, column in (("raw", "petal_length_cm"), ("clean", "petal_length_cm")):
        suite = {
            "name": f"flowers_{part}",
            "expectations": [
                {
                    "type": "expect_column_values_to_be_between",
                    "kwargs": {"column": column, "min_value": 0, "max_value": max_petal_length_cm},
                    "severity": "critical",
                }
            ],
        }
        (expectations / f"flowers_{part}.json").write_text(json.dumps(suite))
    return {"NOCTURNE_WORKFLOWS": str(workflows), "NOCTURNE_EXPECTATIONS": str(expectations)}
