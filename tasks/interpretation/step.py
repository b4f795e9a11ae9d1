"""The interpret step: why tonight's challenger says what it says.

The body of one Airflow task, after everybody was judged and beside the promotion; it publishes
figures and pictures' data, which the report draws.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasks.dataset import Dataset
from tasks.errors import InterpretationError
from tasks.interpretation.gallery import choose_images, read_images
from tasks.interpretation.networks import ExplainedNetwork
from tasks.interpretation.permutation import Importances
from tasks.interpretation.saliency import METHOD, integrate_gradients
from tasks.interpretation.series import measure_series
from tasks.interpretation.tables import measure_table
from tasks.metrics import say_score
from tasks.preparation import Preparation
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

INTERPRETATION_FILE = "interpretation.json"
SALIENCY_FILE = "saliency.npz"
N_LOGGED = 20  # columns whose importance becomes a metric: more would hide the others in MLflow
_NOT_IN_METRIC_NAMES = re.compile(r"[^\w. -]")  # MLflow reads a slash as a folder


@dataclass(frozen=True)
class _Explained:
    """What was found, as parts of the document, metrics and a sentence."""

    part: str
    document: dict[str, Any]
    metrics: dict[str, float]
    sentence: str
    n_rows: int


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    *,
    raw: Handoff,
    clean: Handoff,
    preparation: Handoff,
    models: Mapping[str, Handoff],
    scores: Handoff,
) -> dict[str, Handoff]:
    """Explain the challenger on the hold-out: by its columns, or by the pixels of images.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    raw, clean, preparation : Handoff
        The rows as they arrived, as they were cleaned and split, and what cleaning learned.
    models : mapping of str to Handoff
        MLflow model folders by name.
    scores : Handoff
        Names the challenger, and holds what it predicted.

    Returns
    -------
    dict
        ``interpretation``: a folder with ``interpretation.json`` and, of images, ``saliency.npz``
        (``images`` of shape (n, height, width, channels) as they are, ``attributions`` of shape
        (n, height, width), float32, in units of probability).

    Notes
    -----
    The document has ``challenger``, ``kind``, ``importance`` (of tables and series), ``saliency`` (of
    images) and ``reason``: where both are null it says why. Nothing that cannot be explained stops
    a night.
    """
    judged = step.fetch(scores)
    challenger: str = json.loads((judged / "scores.json").read_text(encoding="utf-8"))["challenger"]
    prepared = Preparation.from_json(step.fetch(preparation).read_text(encoding="utf-8"))
    model = step.fetch(models[challenger])
    # Fetching has checked the contents against their digests.
    clean_rows = Dataset.open(step.fetch(clean), verify=False)
    folder = step.workdir / "interpretation"
    folder.mkdir()
    step.log_params({"challenger": challenger, "kind": prepared.kind})
    document: dict[str, Any] = {"challenger": challenger, "kind": prepared.kind}
    document |= {"importance": None, "saliency": None, "reason": None}
    n_rows = None
    try:
        if prepared.image_column is not None:
            predictions = Dataset.open(judged / "predictions", verify=False)
            found = _explain_images(model, challenger, predictions, clean_rows, prepared, folder)
        else:
            raw_rows = Dataset.open(step.fetch(raw), verify=False)
            found = _explain_columns(
                model, raw_rows, clean_rows, prepared, workflow, step.night.seed
            )
    except InterpretationError as error:
        document["reason"] = error.what
        advice = f" What to do: {error.hint}." if error.hint else ""
        step.set_tags({tags.PROBLEM: f"{error.what}{advice}", tags.MLFLOW_NOTE: error.what})
        logger.warning("%s is not explained, and the night goes on: %s", challenger, error)
    else:
        document[found.part] = found.document
        n_rows = found.n_rows
        step.log_metrics(found.metrics)
        step.set_tags({tags.MLFLOW_NOTE: found.sentence})
        logger.info("%s: %s", challenger, found.sentence)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / INTERPRETATION_FILE).write_text(text, encoding="utf-8")
    return {"interpretation": step.publish(folder, "interpretation", n_rows=n_rows)}


def _explain_columns(
    model: Path,
    raw: Dataset,
    clean: Dataset,
    preparation: Preparation,
    workflow: Workflow,
    seed: int,
) -> _Explained:
    if preparation.forecast is not None:
        network = ExplainedNetwork.load(model)
        found = measure_series(
            network.predict,
            clean,
            preparation,
            preparation.forecast,
            metric=workflow.metric,
            seed=seed,
        )
    else:
        from mlflow.pyfunc import load_model

        # MLflow's check of every value against the signature takes nine tenths of a prediction, and
        # these rows are those that the evaluation has had checked, in another order.
        served = load_model(str(model)).unwrap_python_model()
        found = measure_table(
            lambda rows: served.predict(None, rows),
            raw,
            clean,
            preparation,
            metric=workflow.metric,
            seed=seed,
        )
    metrics = {name_metric(row.column): row.mean for row in found.rows[:N_LOGGED]}
    return _Explained(
        part="importance",
        document=found.to_json(),
        metrics={**metrics, "score": found.score, "n_rows": found.n_rows},
        sentence=describe_importances(
            found, "windows" if preparation.forecast is not None else "rows"
        ),
        n_rows=found.n_rows,
    )


def _explain_images(
    model: Path,
    challenger: str,
    predictions: Dataset,
    clean: Dataset,
    preparation: Preparation,
    folder: Path,
) -> _Explained:
    network = ExplainedNetwork.load(model)
    pictured = choose_images(predictions, challenger)
    if not pictured:
        raise InterpretationError(
            "There is no image in the hold-out to explain.",
            expected="at least one hold-out row",
            hint="wait for more images, or raise 'split.holdout'",
        )
    images = read_images(clean, str(preparation.image_column), pictured)
    codes = np.array([preparation.classes.index(one.predicted) for one in pictured])
    found = integrate_gradients(
        network.compute_probabilities,
        network.compute_gradients,
        images.astype(np.float32),
        codes,
        network.find_mean(),
    )
    attributions = found.values.sum(axis=-1).astype(np.float32)
    np.savez_compressed(folder / SALIENCY_FILE, images=images, attributions=attributions)
    error = float(np.abs(found.errors).max())
    n_wrong = sum(one.is_wrong for one in pictured)
    return _Explained(
        part="saliency",
        document={
            "method": METHOD,
            "reference": "mean training image",
            "n_steps": found.n_steps,
            "completeness_error": error,
            "images": [one.to_json() for one in pictured],
        },
        metrics={
            "n_images": len(pictured),
            "n_wrong": n_wrong,
            "n_steps": found.n_steps,
            "completeness_error": error,
        },
        sentence=f"{n_wrong} wrong and {len(pictured) - n_wrong} right images of the hold-out, with "
        f"what each pixel added to the probability of the predicted class.",
        n_rows=len(pictured),
    )


def name_metric(column: str) -> str:
    """Name the metric of a column's importance, in characters that MLflow takes.

    Examples
    --------
    >>> name_metric("price/kg (€)")
    'importance.price_kg ___'
    """
    return f"importance.{_NOT_IN_METRIC_NAMES.sub('_', column)}"


def describe_importances(found: Importances, what: str = "rows") -> str:
    """Say in one sentence which column matters most.

    Parameters
    ----------
    found : Importances
        Of one column at least.
    what : {"rows", "windows"}
        What was shuffled.

    Examples
    --------
    >>> from tasks.interpretation.permutation import Importance
    >>> rows = (Importance("age", 0.125, 0.01), Importance("town", 0.0, 0.0))
    >>> describe_importances(Importances("accuracy", False, 0.9, 100, 5, rows))
    'age matters most: shuffled among 100 hold-out rows it costs 0.1250 of accuracy, which is 0.9000.'
    """
    first = found.rows[0]
    if first.mean <= 0.0:
        return (
            f"No column matters by itself: shuffling one among {found.n_rows:,} hold-out {what} never "
            f"makes {found.metric} of {say_score(found.score)} worse."
        )
    cost, verb = say_score(first.mean), "adds" if found.is_error else "costs"
    end = f"to {found.metric}" if found.is_error else f"of {found.metric}"
    return (
        f"{first.column} matters most: shuffled among {found.n_rows:,} hold-out {what} it "
        f"{verb} {cost} {end}, which is {say_score(found.score)}."
    )
