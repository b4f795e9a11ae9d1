"""One night as one object: what ``nocturne run --json`` prints and what the report begins with.

Reads MLflow only, so that a night can be summed up from anywhere, and also one that failed or still runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tasks.registry import CHAMPION
from tasks.tracking import tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

STATUS_NAMES = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
}
ROW_METRICS = {
    "in": "rows_in",
    "out": "rows_out",
    "quarantined": "rows_quarantined",
    "duplicates": "rows_duplicate",
}
GRID_METRICS = {"added": "rows_added", "merged": "rows_merged"}  # of a series' time grid alone
MAX_STEPS = 1000  # a night has about twenty


@dataclass(frozen=True)
class StepSummary:
    """One step of a night.

    Parameters
    ----------
    name : str
    seconds : float or None
        Time at work of its last try; None while it runs.
    status : {"running", "finished", "failed", "killed"}
    error : str or None
        Why it failed.
    problem : str or None
        Why it found nothing, though it finished: of mining that is not required.
    note : str or None
        What it came to, in a sentence, where it says so.
    peak_memory_mib : float or None
        The most that its process held while it was at work.
    """

    name: str
    seconds: float | None
    status: str
    error: str | None
    problem: str | None = None
    note: str | None = None
    peak_memory_mib: float | None = None


@dataclass(frozen=True)
class NightSummary:
    """What happened in a night; what has not happened is None.

    Parameters
    ----------
    workflow, night : str or None
        Name of the workflow, and the night's date (ISO 8601).
    run_id : str
        MLflow's parent run.
    status : {"running", "finished", "failed"}
    steps : tuple of StepSummary
        In the order in which they started.
    rows : mapping of str to int, or None
        Rows ``in``, ``out``, ``quarantined`` and ``duplicates``; and ``added`` and ``merged``, where a
        time grid did so.
    metrics : mapping of str to (mapping of str to float, or None), or None
        Hold-out metrics of each model: candidates best first, then baselines best first, then
        ``champion``, the one that reigned when the night began, None on the first night.
    decision : mapping of str to str, or None
        ``verdict`` (promote, keep, ask, shadow; data ready for a workflow without candidates) and
        ``reason``.
    model : mapping of str to str, or None
        ``name`` and ``version`` of the registered challenger.
    promotion : str or None
        What became of it in the registry: promoted, kept, awaiting approval, shadow, or held back and
        why.
    """

    workflow: str | None
    night: str | None
    run_id: str
    status: str
    steps: tuple[StepSummary, ...]
    rows: Mapping[str, int] | None
    metrics: Mapping[str, Mapping[str, float | None] | None] | None
    decision: Mapping[str, str] | None
    model: Mapping[str, str] | None
    promotion: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Make a JSON-able mapping."""
        return {**asdict(self), "steps": [asdict(step) for step in self.steps]}


def summarise_night(client: MlflowClient, night_run_id: str) -> NightSummary:
    """Sum up a night from its MLflow runs.

    Parameters
    ----------
    client : mlflow.MlflowClient
    night_run_id : str
        The night's parent run.

    Returns
    -------
    NightSummary
    """
    night = client.get_run(night_run_id)
    steps = client.search_runs(
        [night.info.experiment_id],
        filter_string=f"tags.`{tags.NIGHT_RUN}` = '{night_run_id}'",
        order_by=["attributes.start_time ASC"],
        max_results=MAX_STEPS,
    )
    by_name = {run.data.tags.get(tags.STEP, run.info.run_name): run for run in steps}
    status = STATUS_NAMES[night.info.status]
    return NightSummary(
        workflow=night.data.tags.get(tags.WORKFLOW),
        night=night.data.tags.get(tags.NIGHT_DATE),
        run_id=night_run_id,
        status="failed" if status == "killed" else status,
        steps=tuple(_summarise_step(name, run) for name, run in by_name.items()),
        rows=_find_rows(steps),
        metrics=_find_metrics(by_name.get("evaluate")),
        decision=_find_tags(steps, verdict=tags.VERDICT, reason=tags.REASON),
        model=_find_tags(steps, name=tags.MODEL_NAME, version=tags.MODEL_VERSION),
        promotion=(_find_tags(steps, outcome=tags.PROMOTION) or {}).get("outcome"),
    )


def _summarise_step(name: str, run: Run) -> StepSummary:
    status = STATUS_NAMES[run.info.status]
    seconds: float | None = None
    if status != "running":
        seconds = run.data.metrics.get("seconds")
        if seconds is None and run.info.end_time:
            seconds = (run.info.end_time - run.info.start_time) / 1000
    peak = run.data.metrics.get("peak_memory_mib")
    return StepSummary(
        name=name,
        seconds=None if seconds is None else round(float(seconds), 3),
        status=status,
        error=run.data.tags.get(tags.ERROR),
        problem=run.data.tags.get(tags.PROBLEM),
        note=run.data.tags.get(tags.MLFLOW_NOTE),
        peak_memory_mib=None if peak is None else round(float(peak)),
    )


def _find_rows(steps: Sequence[Run]) -> dict[str, int] | None:
    for run in steps:
        if all(metric in run.data.metrics for metric in ROW_METRICS.values()):
            rows = {name: int(run.data.metrics[metric]) for name, metric in ROW_METRICS.items()}
            grid = {name: int(run.data.metrics.get(m, 0)) for name, m in GRID_METRICS.items()}
            return {**rows, **{name: n for name, n in grid.items() if n}}
    return None


def _find_metrics(evaluate: Run | None) -> dict[str, dict[str, float | None] | None] | None:
    if evaluate is None:
        return None
    found: dict[str, dict[str, float | None] | None] = {}
    for name, value in evaluate.data.metrics.items():
        model, dot, metric = name.rpartition(".")
        if dot:
            scores = found.setdefault(model, {})
            if scores is not None:
                # JSON has no NaN: a figure that is no number is a missing one.
                scores[metric] = float(value) if math.isfinite(value) else None
    if not found:
        return None
    # MLflow gives metrics in no order of ours: the evaluation has noted who came in which place.
    places = ", ".join(evaluate.data.params.get(role, "") for role in ("candidates", "baselines"))
    known = [name for name in places.split(", ") if name in found]
    champion = {CHAMPION: found.pop(CHAMPION, None)}
    return {**{name: found[name] for name in known}, **found, **champion}


def _find_tags(steps: Sequence[Run], **names: str) -> dict[str, str] | None:
    for run in steps:
        if all(tag in run.data.tags for tag in names.values()):
            return {name: run.data.tags[tag] for name, tag in names.items()}
    return None
