"""The promote step: tonight's challenger registered with all that was decided, and the registry moved.

The body of one Airflow task; a champion reigns at every moment of it. How the alias moves and how that
is remembered is in ``tasks.registry.champion``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.promotion.words import escape_markup
from tasks.registry import (
    CHALLENGER,
    Change,
    ModelVersion,
    crown,
    get_champion,
    list_changes,
    list_rolled_back,
    list_same,
    move_alias,
    reconcile,
    register_version,
)
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, Step, tags
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

# What becomes of a challenger that is not promoted, by the gate's verdict.
_OUTCOMES = {"keep": "kept", "ask": "awaiting approval", "shadow": "shadow"}
APPROVAL = "approval"  # what a version awaits


def run_promote(
    step: Step,
    workflow: Workflow,
    settings: Settings,
    *,
    decision: Handoff,
    scores: Handoff,
    models: Mapping[str, Handoff],
) -> dict[str, Handoff]:
    """Register tonight's challenger, and make it champion where the decision says so.

    Every call can be repeated: a retry finds the version that an earlier try registered. The
    version and its tags are written first and the alias is moved last, in one call, so that there is
    a champion at every moment. A model that a person has rolled back from is registered and stays
    where it is, whatever the verdict.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    decision : Handoff
        The file ``decision.json``.
    scores : Handoff
        The evaluate step's folder; its subfolder ``example`` is what smoke tests predict.
    models : mapping of str to Handoff
        The candidates' MLflow model folders.

    Returns
    -------
    dict
        Empty: what changed is in the registry.

    Raises
    ------
    PromotionError
        When the champion is no longer the one that the challenger was compared with.
    """
    document = json.loads(step.fetch(decision).read_text(encoding="utf-8"))
    name = workflow.name
    version = register_version(
        step.client,
        name,
        models[document["challenger"]["name"]],
        night_run_id=step.night.run_id,
        description=f"Night {step.night.date}: {escape_markup(document['paragraph'])}",
        version_tags=_describe(step.night, document, decision=decision, scores=scores),
    )
    if document["verdict"] != "ask" and tags.AWAITING in version.tags:  # of a judgement before
        step.client.delete_model_version_tag(name, version.version, tags.AWAITING)
    move_alias(step.client, name, CHALLENGER, version.version)
    changes = reconcile(step.client, settings, name)
    rollback = _find_rollback(step.client, version, changes)
    if document["verdict"] != "promote":
        outcome = _OUTCOMES[document["verdict"]]
    elif rollback is not None:
        outcome = _say_held_back(version, rollback)
        logger.warning("Version %s of %s is not promoted: %s", version.version, name, outcome)
    else:
        champion = document["champion"]
        crown(
            step.client,
            settings,
            name,
            version.version,
            expected=champion["version"] if champion else None,
            action="promoted",
            by=f"the night of {step.night.date}",
            why=document["reason"],
            key=f"{_make_key(step.night)}{version.version}",
        )
        outcome = "promoted"
    step.client.set_model_version_tag(name, version.version, tags.PROMOTION, outcome)
    told = {
        tags.MODEL_NAME: name,
        tags.MODEL_VERSION: version.version,
        tags.PROMOTION: outcome,
    }
    step.set_tags(told)
    step.set_night_tags(told)
    logger.info("%s is version %s of %s: %s.", document["challenger"]["name"], version.version, name, outcome)  # fmt: skip
    return {}


def find_promotion(client: MlflowClient, night: Night) -> Change | None:
    """Find the change by which a night's challenger became champion.

    Parameters
    ----------
    client : mlflow.MlflowClient
    night : Night

    Returns
    -------
    Change or None
        None where the night promoted nobody, and where another champion has followed since.
    """
    champion = get_champion(list_changes(client, night.workflow))
    is_ours = champion is not None and champion.key.startswith(_make_key(night))
    return champion if is_ours else None


def _describe(
    night: Night, document: Mapping[str, Any], *, decision: Handoff, scores: Handoff
) -> dict[str, str]:
    """Write down on the version what the night says of it."""
    score = document["challenger"]["score"]
    awaiting = {tags.AWAITING: APPROVAL} if document["verdict"] == "ask" else {}
    learned = document.get("learned_sha256")
    return {
        tags.NIGHT_DATE: night.date.isoformat(),
        tags.VERDICT: document["verdict"],
        tags.DECISION: json.dumps(decision.to_json()),
        tags.EXAMPLE: json.dumps(scores.to_json()),
        **awaiting,
        **({tags.LEARNED_SHA256: learned} if learned is not None else {}),
        "candidate": document["challenger"]["name"],
        document["metric"]: "no number" if score is None else f"{score:.6f}",
    }


def _find_rollback(
    client: MlflowClient, version: ModelVersion, changes: Sequence[Change]
) -> Change | None:
    """Find the rollback away from a version, or from another that has learned the same."""
    rolled_back = list_rolled_back(changes)
    if not rolled_back:
        return None
    same = list_same(client, version)
    return next((rolled_back[number] for number in same if number in rolled_back), None)


def _say_held_back(version: ModelVersion, rollback: Change) -> str:
    which = "it" if rollback.previous == version.version else "the same model"
    return (
        f"held back: {which}, as version {rollback.previous}, was rolled back from on "
        f"{rollback.at.date()} by {rollback.by}: {rollback.why}"
    )


def _make_key(night: Night) -> str:
    # The version follows: a night that is trained and judged again may promote another model.
    return f"promote/{night.run_id}/"
