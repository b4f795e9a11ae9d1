"""Train a registered version again from what was recorded, and compare it with what was registered.

The door of this package to MLflow and the disk; the command ``nocturne reproduce`` comes in here.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks.dataset import Dataset
from tasks.errors import RequestError, TrackingError
from tasks.models.packaging import find_network
from tasks.models.predictor import NETWORK_FILE
from tasks.preparation import Preparation
from tasks.reproduction.comparison import (
    Predictions,
    Weights,
    compare_predictions,
    compare_weights,
)
from tasks.reproduction.record import (
    Circumstance,
    Record,
    check_dataset,
    compare_circumstances,
    read_record,
)
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, connect, tags
from tasks.tracking.nights import scratch_folder
from tasks.training.placement import train_where_it_fits
from tasks.training.request import TRIALS_FILE, TrainingRequest
from tasks.training.step import find_spec

# Between two trainings on a card, whose sums come in another order each time, over some epochs.
CARD_TOLERANCE = 0.05


@dataclass(frozen=True)
class Reproduction:
    """A version and what training it again gave.

    Parameters
    ----------
    model, version, candidate, night, run_id : str
        Which version, of which candidate, from which night (its date) and MLflow run.
    dataset_sha256 : str
        Of the clean rows, checked.
    device : str
        What was trained on now: ``CPU``, or the names of cards.
    seconds : float
        Time spent fitting now.
    circumstances : tuple of Circumstance
        Compared before anything is trained.
    notes : tuple of str
        What of the first training cannot be repeated.
    weights : Weights
    predictions : Predictions or None
        None where the layers differ.
    metrics : mapping of str to tuple of float
        What training measured of the kept weights, then and now.
    """

    model: str
    version: str
    candidate: str
    night: str
    run_id: str
    dataset_sha256: str
    device: str
    seconds: float
    circumstances: tuple[Circumstance, ...]
    notes: tuple[str, ...]
    weights: Weights
    predictions: Predictions | None
    metrics: Mapping[str, tuple[float, float]]

    @property
    def is_same(self) -> bool:
        """Whether the weights are the same bit for bit."""
        return self.weights.n_different == 0

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        if self.is_same:
            return "The same weights, bit for bit."
        changed = [c.name for c in self.circumstances if not c.is_same]
        if changed:
            return f"Other weights, and other circumstances: {', '.join(changed)}."
        if self.notes:
            return "Other weights, for what could not be repeated."
        if self.device == "CPU":
            return "Other weights, though nothing has changed: on a CPU they should be the same."
        is_near = (
            self.predictions is not None and self.predictions.relative_difference <= CARD_TOLERANCE
        )
        return (
            "Other weights, and answers as near as trainings on a card are to each other."
            if is_near
            else "Other weights, and answers further apart than trainings on a card are."
        )

    def to_json(self) -> dict[str, Any]:
        """Make a mapping that JSON can carry."""
        return {**asdict(self), "is_same": self.is_same, "verdict": self.verdict}


def reproduce(
    settings: Settings,
    model: str,
    version: str,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Train a version of a registered model again, and compare.

    The same rows, settings and seed; the code and the packages are those of now, and it is said
    where they have changed. Nothing is written to MLflow, and no alias moves.

    Parameters
    ----------
    settings : Settings
    model : str
        A registered model: a workflow's name.
    version : str
        Its number, or an alias.
    tell : callable, optional
        Told what goes on.

    Returns
    -------
    Reproduction

    Raises
    ------
    RequestError
        When there is no such version, or it cannot be trained again by the present code.
    TrackingError
        When what was recorded is gone or was altered.
    TrainingError
        When training fails now.
    """
    client = connect(settings)
    record = read_record(client, model, version)
    home = scratch_folder(settings, f"reproduce-{uuid.uuid4().hex}")
    home.mkdir(parents=True)
    try:
        tell("fetching what it was trained on")
        # Only fetched with: the recorded run is not opened again.
        step = Step(client, record.night, f"train.{record.candidate}", record.run.info.run_id, home)
        registered = find_network(step.fetch(record.version.model))
        if not registered.is_file():
            raise RequestError(
                f"Version {record.version.version} of {model!r} is no network.",
                expected="a version that a candidate was registered as",
                hint="baselines are fitted anew every night; choose another version",
            )
        request, notes = _make_request(step, record, home)
        dataset = Dataset.open(Path(request.dataset))
        check_dataset(record, dataset)
        circumstances = compare_circumstances(settings, record)
        tell("training")
        report, gpus = train_where_it_fits(request, home, settings, on_line=tell)
        tell("comparing")
        repeated = Path(request.output) / NETWORK_FILE
        weights = compare_weights(registered, repeated)
        preparation = Preparation.from_json(Path(request.preparation).read_text(encoding="utf-8"))
        return Reproduction(
            model=model,
            version=record.version.version,
            candidate=record.candidate,
            night=record.night.date.isoformat(),
            run_id=record.run.info.run_id,
            dataset_sha256=dataset.sha256,
            device=", ".join(gpu.name for gpu in gpus) or "CPU",
            seconds=report.seconds,
            circumstances=circumstances,
            notes=notes,
            weights=weights,
            predictions=compare_predictions(registered, repeated, dataset, preparation)
            if weights.largest_difference is not None
            else None,
            metrics={
                name: (float(record.run.data.metrics[f"final_{name}"]), float(value))
                for name, value in report.metrics.items()
                if f"final_{name}" in record.run.data.metrics
            },
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _make_request(
    step: Step, record: Record, home: Path
) -> tuple[TrainingRequest, tuple[str, ...]]:
    """Write the request of the first training again, and say what of it cannot be repeated."""
    notes = []
    spec = find_spec(record.workflow, record.candidate)
    if spec.get("search"):
        # The trials are not repeated: what they found is a setting like any other.
        spec = {**spec, **_read_found_settings(step), "search": None}
    recorded = record.run.data
    if recorded.metrics.get("is_cut_short"):
        n_epochs = int(recorded.metrics.get("n_epochs", 0))
        notes.append(f"The time ran out after {n_epochs} epochs then; now there is no limit.")
    used = int(recorded.params.get("batch_size_used", spec["batch_size"]))
    if used != spec["batch_size"]:
        notes.append(f"The memory was short then: batches shrank to {used} rows on the way.")
    warm_start = None
    if tags.WARM_START in recorded.tags:
        start = Handoff.from_json(json.loads(recorded.tags[tags.WARM_START]))
        warm_start = str(find_network(step.fetch(start)))
    request = TrainingRequest(
        candidate=record.candidate,
        spec=spec,
        dataset=str(step.fetch(record.inputs["clean"])),
        preparation=str(step.fetch(record.inputs["preparation"])),
        output=str(home / "result"),
        seed=record.night.seed,
        warm_start=warm_start,
    )
    return request, tuple(notes)


def _read_found_settings(step: Step) -> dict[str, Any]:
    from mlflow.exceptions import MlflowException

    try:
        file = Path(step.client.download_artifacts(step.run_id, TRIALS_FILE, str(step.workdir)))
    except (MlflowException, OSError) as error:
        raise TrackingError(
            f"The MLflow run {step.run_id} no longer has {TRIALS_FILE!r}, what its search found.",
            expected="the settings that the version was trained with",
            hint="choose a version whose night is whole",
        ) from error
    settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["settings"]
    return settings
