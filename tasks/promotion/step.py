"""The decide and promote steps: the gate's verdict, then the registry moved as decided.

The bodies of two Airflow tasks; the rules themselves are in ``tasks.promotion.policy``.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping

from tasks.errors import PromotionError
from tasks.metrics import say_score
from tasks.promotion.policy import Contender, Decision, Limits, decide
from tasks.registry import CHALLENGER, CHAMPION, find_by_alias, move_alias, register_version
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import ERRORS, Workflow

logger = logging.getLogger(__name__)


def run_decide(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    *,
    scores: Handoff,
) -> dict[str, Handoff]:
    """Judge tonight's challenger by the workflow's rules.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    scores : Handoff
        The evaluate step's folder.

    Returns
    -------
    dict
        ``decision``: the file ``decision.json``.
    """
    document = json.loads((step.fetch(scores) / "scores.json").read_text(encoding="utf-8"))
    models, challenger = document["models"], document["challenger"]
    champion = models.get(CHAMPION)

    def contend(model: str, name: str) -> Contender:
        score = models[model]["holdout"][workflow.metric]
        return Contender(name, math.nan if score is None else score)

    promotion = workflow.promotion
    decision = decide(
        metric=workflow.metric,
        is_error=workflow.metric in ERRORS,
        limits=Limits(promotion.floor, promotion.ceiling, promotion.min_gain),
        n_holdout=document["n_holdout"],
        challenger=contend(challenger, challenger),
        champion=contend(CHAMPION, champion["version"]) if champion else None,
        baselines=[contend(n, n) for n, model in models.items() if model["role"] == "baseline"],
        unit="windows" if document["kind"] == "forecast" else "rows",
    )
    path = step.workdir / "decision.json"
    path.write_text(json.dumps(decision.to_json(), indent=1, allow_nan=False), encoding="utf-8")
    handoff = step.publish(path, "decision")
    verdict = {tags.VERDICT: decision.verdict, tags.REASON: decision.reason}
    step.set_tags(verdict)
    step.set_night_tags({**verdict, tags.MLFLOW_NOTE: _describe(decision)})
    logger.info("%s: %s", decision.verdict, decision.reason)
    return {"decision": handoff}


def run_promote(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    *,
    decision: Handoff,
    models: Mapping[str, Handoff],
) -> dict[str, Handoff]:
    """Register tonight's challenger, and make it champion where the decision says so.

    Every call can be repeated: a retry finds the version that an earlier try registered. The
    version and its tags are written first and the alias is moved last, in one call, so that there is
    a champion at every moment.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    decision : Handoff
        The file ``decision.json``.
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
    challenger = document["challenger"]
    name = workflow.name
    version = register_version(
        step.client,
        name,
        models[challenger["name"]],
        night_run_id=step.night.run_id,
        description=f"Night {step.night.date}: {document['reason']}",
        version_tags={
            tags.NIGHT_DATE: step.night.date.isoformat(),
            tags.VERDICT: document["verdict"],
            "candidate": challenger["name"],
            document["metric"]: "no number"
            if challenger["score"] is None
            else f"{challenger['score']:.6f}",
        },
    )
    move_alias(step.client, name, CHALLENGER, version.version)
    if document["verdict"] == "promote":
        champion = find_by_alias(step.client, name, CHAMPION)
        compared = document["champion"]["version"] if document["champion"] else None
        current = champion.version if champion else None
        if current not in (compared, version.version):
            raise PromotionError(
                f"The champion of {name} is version {current} now; tonight's challenger was compared "
                f"with {f'version {compared}' if compared else 'none'}.",
                expected="the champion unchanged since the evaluation",
                hint="clear the task evaluate, so that the comparison is made again",
            )
        move_alias(step.client, name, CHAMPION, version.version)
    step.set_tags({tags.MODEL_NAME: name, tags.MODEL_VERSION: version.version})
    step.set_night_tags({tags.MODEL_NAME: name, tags.MODEL_VERSION: version.version})
    logger.info("%s is version %s of %s.", challenger["name"], version.version, name)
    return {}


def _describe(decision: Decision) -> str:
    lines = [decision.reason, "", "| rule | figure | limit | met |", "|---|---|---|---|"]
    lines += [
        f"| {r.name} | {say_score(r.figure)} | {say_score(r.limit)} | {'yes' if r.passed else 'no'} |"
        for r in decision.rules
    ]
    return "\n".join(lines)
