"""The train step: one candidate or baseline, from clean rows to an MLflow model.

The body of one Airflow task per candidate. Whatever a killed try has left behind lies in its scratch
folder; the model is published whole at the end.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.dataset import Dataset
from tasks.errors import RequestError, TrackingError, nearest
from tasks.models.packaging import find_network, save_as_mlflow_model
from tasks.registry import CHAMPION, find_by_alias
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.tracking.datasets import log_training_dataset
from tasks.training.cards.gpu import find_gpus
from tasks.training.cards.system_metrics import log_system_metrics
from tasks.training.placement import train_where_it_fits
from tasks.training.request import (
    HISTORY_FILE,
    TRIALS_FILE,
    TrainingReport,
    TrainingRequest,
)
from tasks.workflow import Workflow, WorkflowModel

logger = logging.getLogger(__name__)


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,
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
        A candidate's or a baseline's name.

    Returns
    -------
    dict
        ``model``: an MLflow model folder that takes raw rows; ``history``: a JSON file with
        ``candidate``, ``measure`` (``accuracy`` or ``mae``) and ``rows``, one per epoch and part
        (``epoch``, ``part``, ``loss`` and the measure).

    Raises
    ------
    RequestError
        When the workflow has no such candidate.
    TrainingError
        When the candidate cannot be built or trained.

    Notes
    -----
    Checkpoints lie in the night's scratch folder under the step's fingerprint: a retry of the same
    step on the same data goes on from the last one, and one with other code or settings does not.
    """
    spec = find_spec(workflow, candidate)
    dataset = step.fetch(clean)
    checkpoints = step.keep_folder("checkpoints")
    request = TrainingRequest(
        candidate=candidate,
        spec=spec,
        dataset=str(dataset),
        preparation=str(step.fetch(preparation)),
        output=str(step.workdir / "result"),
        seed=step.night.seed,
        max_seconds=share_time(workflow) if candidate in workflow.candidates else None,
        checkpoints=str(checkpoints),
        warm_start=_fetch_champion(step, workflow) if spec.get("warm_start") else None,
    )
    step.log_params({"candidate": candidate, "seed": request.seed, **_flatten(spec)})
    log_training_dataset(step, dataset)
    report, _ = train_where_it_fits(
        request, step.workdir, settings, watch=partial(log_system_metrics, step.client, step.run_id)
    )
    result = step.workdir / "result"
    history = result / HISTORY_FILE
    _log_report(step, report, json.loads(history.read_text(encoding="utf-8"))["rows"])
    model = step.workdir / "model"
    save_as_mlflow_model(
        model,
        result,
        packages=report.packages,
        image_dtype=_find_image_dtype(dataset),
        clean=dataset,
        has_cards=bool(find_gpus()),
    )
    if (result / TRIALS_FILE).is_file():
        step.attach(result / TRIALS_FILE)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return {
        "model": step.publish(model, "model"),
        "history": step.publish(history, "history"),
    }


def find_spec(workflow: Workflow, candidate: str) -> dict[str, Any]:
    """Look up the settings of a candidate or of a baseline, as plain values.

    Raises
    ------
    RequestError
        When the workflow has neither.
    """
    models: Mapping[str, WorkflowModel] = {**workflow.candidates, **workflow.baselines}
    if candidate not in models:
        raise RequestError(
            f"The workflow {workflow.name!r} has no candidate {candidate!r}.",
            expected=nearest(candidate, models),
            hint="name one of them; if the file was changed in the middle of a night, trigger a new one",
        )
    return models[candidate].model_dump(mode="json")


def share_time(workflow: Workflow) -> float | None:
    """Share the night's time for fitting between the candidates, in seconds; None without a limit."""
    minutes = workflow.training.max_minutes
    return None if minutes is None else minutes * 60.0 / len(workflow.candidates)


def _fetch_champion(step: Step, workflow: Workflow) -> str | None:
    """Bring the champion's network, where there is a champion that is one and that is still whole."""
    champion = find_by_alias(step.client, workflow.name, CHAMPION)
    if champion is None:
        return None
    try:
        network = find_network(step.fetch(champion.model))
    except TrackingError:
        logger.warning("The champion's files are gone or altered: it begins anew.", exc_info=True)
        return None
    if not network.is_file():
        return None
    step.set_tags({tags.WARM_START: json.dumps(champion.model.to_json())})
    return str(network)


def _log_report(step: Step, report: TrainingReport, history: list[dict[str, Any]]) -> None:
    curves: dict[str, list[float]] = {}
    for row in history:
        for measure in ("loss", report.measure):
            curves.setdefault(f"{row['part']}_{measure}", []).append(row[measure])
    if report.epoch_seconds:
        curves["epoch_seconds"] = list(report.epoch_seconds)
        curves["learning_rate"] = list(report.learning_rates)
        step.log_params({"backend": report.backend, "batch_size_used": report.batch_size})
    if report.settings:
        step.log_params({f"found.{k}": v for k, v in _flatten(report.settings).items()})
    step.log_metric_history(curves)
    step.log_metrics(
        {
            "n_parameters": report.n_parameters,
            "n_training_rows": report.n_training_rows,
            "n_validation_rows": report.n_validation_rows,
            "n_epochs": report.n_epochs,
            "best_epoch": report.best_epoch,
            "is_converged": float(report.is_converged),
            "is_cut_short": float(report.is_cut_short),
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
