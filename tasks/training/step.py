"""The train step: one candidate or the baseline, from clean rows to an MLflow model.

The body of one Airflow task per candidate. Whatever a killed try has left behind lies in its scratch
folder; the model is published whole at the end.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.dataset import Dataset
from tasks.errors import RequestError, nearest
from tasks.models.packaging import save_as_mlflow_model
from tasks.settings import Settings
from tasks.tracking import Handoff, Step
from tasks.training.gpu import find_gpus
from tasks.training.interpreter import train_in_fresh_interpreter
from tasks.training.progress import Epoch
from tasks.training.request import (
    HISTORY_FILE,
    TrainingReport,
    TrainingRequest,
    carry_out,
)
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

BASELINE = "baseline"


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    *,
    clean: Handoff,
    preparation: Handoff,
    candidate: str,
) -> dict[str, Handoff]:
    """Train one candidate on tonight's clean rows and publish it as an MLflow model.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    clean : Handoff
        The clean dataset.
    preparation : Handoff
        What cleaning learned (a JSON file).
    candidate : str
        A candidate's name, or ``baseline``.

    Returns
    -------
    dict
        ``model``: an MLflow model folder that takes raw rows; ``history``: a JSON file with
        ``candidate`` and ``rows``, one per epoch and part (``epoch``, ``part``, ``loss``, ``accuracy``).

    Raises
    ------
    RequestError
        When the workflow has no such candidate.
    TrainingError
        When the candidate cannot be built or trained.
    """
    spec = find_spec(workflow, candidate)
    dataset = step.fetch(clean)
    request = TrainingRequest(
        candidate=candidate,
        spec=spec,
        dataset=str(dataset),
        preparation=str(step.fetch(preparation)),
        output=str(step.workdir / "result"),
        seed=step.night.seed,
    )
    step.log_params({"candidate": candidate, "seed": request.seed, **_flatten(spec)})
    gpus = find_gpus() if candidate != BASELINE else ()
    if gpus:
        logger.info("%s: training on %s in a fresh interpreter", candidate, gpus[0].name)
        report = train_in_fresh_interpreter(request, step.workdir, logger.info)
    else:
        report = carry_out(request, _log_epoch)
    result = step.workdir / "result"
    history = result / HISTORY_FILE
    _log_report(step, report, json.loads(history.read_text(encoding="utf-8"))["rows"])
    model = step.workdir / "model"
    save_as_mlflow_model(
        model, result, packages=report.packages, image_dtype=_find_image_dtype(dataset)
    )
    return {
        "model": step.publish(model, "model"),
        "history": step.publish(history, "history"),
    }


def find_spec(workflow: Workflow, candidate: str) -> dict[str, Any]:
    """Look up the settings of a candidate or of the baseline, as plain values.

    Raises
    ------
    RequestError
        When the workflow has no such candidate.
    """
    if candidate == BASELINE:
        return workflow.baseline.model_dump(mode="json")
    if candidate not in workflow.candidates:
        raise RequestError(
            f"The workflow {workflow.name!r} has no candidate {candidate!r}.",
            expected=nearest(candidate, [*workflow.candidates, BASELINE]),
            hint="name one of them; if the file was changed in the middle of a night, trigger a new one",
        )
    return workflow.candidates[candidate].model_dump(mode="json")


def _log_epoch(epoch: Epoch) -> None:
    logger.info("%s", epoch)


def _log_report(step: Step, report: TrainingReport, history: list[dict[str, Any]]) -> None:
    curves: dict[str, list[float]] = {}
    for row in history:
        for measure in ("loss", "accuracy"):
            curves.setdefault(f"{row['part']}_{measure}", []).append(row[measure])
    if report.epoch_seconds:
        curves["epoch_seconds"] = list(report.epoch_seconds)
    step.log_metric_history(curves)
    step.log_metrics(
        {
            "n_parameters": report.n_parameters,
            "n_training_rows": report.n_training_rows,
            "n_validation_rows": report.n_validation_rows,
            "n_epochs": report.n_epochs,
            "best_epoch": report.best_epoch,
            "is_converged": float(report.is_converged),
            "fit_seconds": report.seconds,
            # Of the weights that were kept; the curves have the plain names.
            **{f"final_{name}": value for name, value in report.metrics.items()},
        }
    )


def _flatten(spec: Mapping[str, Any]) -> dict[str, object]:
    return {
        key: json.dumps(value) if isinstance(value, list | dict) else value
        for key, value in spec.items()
    }


def _find_image_dtype(dataset: Path) -> np.dtype[Any] | None:
    """Dtype of the images, where the dataset has a column of tensors."""
    for field in Dataset.open(dataset, verify=False).schema:
        if isinstance(field.type, pa.FixedShapeTensorType):
            dtype: np.dtype[Any] = np.dtype(field.type.value_type.to_pandas_dtype())
            return dtype
    return None
