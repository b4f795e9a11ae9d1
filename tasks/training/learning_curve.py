"""The learning curve: the challenger's settings trained again on growing shares of the training rows.

The body of one Airflow task, after everybody was judged. It says how much data is enough: where
validation no longer gets better, more rows of the same kind will not help.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tasks.errors import CleaningError, TrainingError
from tasks.settings import Settings
from tasks.tracking import Handoff, Step
from tasks.training.cards.system_metrics import log_system_metrics
from tasks.training.placement import train_where_it_fits
from tasks.training.progress import MEASURE_OF, TRAIN, VALIDATION
from tasks.training.request import TRIALS_FILE, TrainingRequest
from tasks.training.step import find_spec, share_time
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

CURVE_FILE = "learning_curve.json"
_ERRORS = frozenset({"mae"})  # measures of which smaller is better


@dataclass(frozen=True)
class Point:
    """One training on a share of the training rows.

    Parameters
    ----------
    share : float
        Above 0; 1 is the challenger's own training.
    n_rows : int
        Rows, or windows of a series.
    train, validation : float
        The measure on the rows it was trained on (a running mean over the best epoch) and on the
        validation rows, which are the same for all points; None without any.
    seconds : float
        Time spent fitting.
    """

    share: float
    n_rows: int
    train: float
    validation: float | None
    seconds: float

    def __str__(self) -> str:
        told = f"{self.share:.0%} of the training rows ({self.n_rows:,}): train {self.train:.4f}"
        if self.validation is not None:
            told += f", validation {self.validation:.4f}"
        return f"{told}, {self.seconds:.1f} s"


def run_learning_curve(
    step: Step,
    workflow: Workflow,
    settings: Settings,
    *,
    clean: Handoff,
    preparation: Handoff,
    histories: Mapping[str, Handoff],
    scores: Handoff,
) -> dict[str, Handoff]:
    """Train the challenger's settings on each share of ``training.learning_curve``.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    clean, preparation : Handoff
        The clean dataset, and what cleaning learned.
    histories : mapping of str to Handoff
        By name of the candidate; each leads to the run of its training.
    scores : Handoff
        Names the challenger.

    Returns
    -------
    dict
        ``learning_curve``: a JSON file with ``challenger``, ``measure`` (``accuracy``, or the ``mae``
        of standardised values), ``is_error``, ``points`` by rising share (``share``, ``n_rows``,
        ``train``, ``validation``, ``seconds``), and ``left_out`` (``share``, ``reason``).

    Notes
    -----
    Epochs, patience and the seed are those of the challenger, whose own training is the last point
    and is not repeated; a search is not repeated either, its settings are taken. Every share holds
    the rows of the smaller ones, so that points differ by what was added alone. A share that cannot
    be trained is left out and the night goes on.
    """
    judged = json.loads((step.fetch(scores) / "scores.json").read_text(encoding="utf-8"))
    challenger: str = judged["challenger"]
    measure = MEASURE_OF[workflow.predict.kind]
    run_id = histories[challenger].run_id
    checkpoints = step.keep_folder("checkpoints")
    request = TrainingRequest(
        candidate=challenger,
        spec=_find_trained_spec(step, workflow, challenger, run_id),
        dataset=str(step.fetch(clean)),
        preparation=str(step.fetch(preparation)),
        output=str(step.workdir / "result"),
        seed=step.night.seed,
        max_seconds=share_time(workflow),
    )
    step.log_params({"challenger": challenger, "measure": measure})
    points: list[Point] = []
    left_out: list[dict[str, Any]] = []
    for share in workflow.training.learning_curve:
        try:
            points.append(_train_share(step, settings, request, share, checkpoints, measure))
        except (TrainingError, CleaningError) as error:
            if error.is_retryable:
                raise
            logger.warning("%s: %.0f%% of the rows left out: %s", challenger, share * 100, error)
            left_out.append({"share": share, "reason": error.what})
            continue
        _log_point(step, points[-1], challenger, measure)
    points.append(_read_full_training(step, run_id, measure))
    _log_point(step, points[-1], challenger, measure)
    shutil.rmtree(checkpoints, ignore_errors=True)
    document = {
        "challenger": challenger,
        "measure": measure,
        "is_error": measure in _ERRORS,
        "points": [asdict(point) for point in points],
        "left_out": left_out,
    }
    file = step.workdir / CURVE_FILE
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    return {"learning_curve": step.publish(file, "learning_curve", n_rows=points[-1].n_rows)}


def _train_share(
    step: Step,
    settings: Settings,
    request: TrainingRequest,
    share: float,
    checkpoints: Path,
    measure: str,
) -> Point:
    wanted = replace(request, share=share, checkpoints=str(checkpoints / f"{share:g}"))
    try:
        report, _ = train_where_it_fits(
            wanted,
            step.workdir,
            settings,
            watch=partial(log_system_metrics, step.client, step.run_id),
        )
    finally:
        shutil.rmtree(wanted.output, ignore_errors=True)  # the networks themselves are of no use
    return Point(
        share=share,
        n_rows=report.n_training_rows,
        train=report.metrics[f"{TRAIN}_{measure}"],
        validation=report.metrics.get(f"{VALIDATION}_{measure}"),
        seconds=report.seconds,
    )


def _read_full_training(step: Step, run_id: str, measure: str) -> Point:
    """Read the challenger's own training from its run."""
    figures = step.client.get_run(run_id).data.metrics
    return Point(
        share=1.0,
        n_rows=int(figures["n_training_rows"]),
        train=figures[f"final_{TRAIN}_{measure}"],
        validation=figures.get(f"final_{VALIDATION}_{measure}"),
        seconds=figures["fit_seconds"],
    )


def _find_trained_spec(
    step: Step, workflow: Workflow, challenger: str, run_id: str
) -> dict[str, Any]:
    """Look up what the challenger was trained with: its settings, and what a search found."""
    spec = find_spec(workflow, challenger)
    if spec.get("search"):
        folder = step.workdir / "search"
        folder.mkdir()
        trials = step.client.download_artifacts(run_id, TRIALS_FILE, str(folder))
        found = json.loads(Path(trials).read_text(encoding="utf-8"))
        spec |= found["settings"]
    # What the champion has learned would make the first points as good as the last.
    return {**spec, "search": None, "warm_start": False}


def _log_point(step: Step, point: Point, challenger: str, measure: str) -> None:
    logger.info("%s on %s", challenger, point)
    figures = {f"{TRAIN}_{measure}": point.train, "fit_seconds": point.seconds}
    if point.validation is not None:
        figures[f"{VALIDATION}_{measure}"] = point.validation
    # MLflow draws them over the number of rows.
    step.log_metrics(figures, step=point.n_rows)
