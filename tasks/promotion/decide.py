"""The decide step: the gate's verdict on tonight's challenger, with all that it rests on.

The body of one Airflow task; the rules themselves are in ``tasks.promotion.policy``.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.metrics import PairedGain, is_smaller_better
from tasks.models.learned import digest_learned
from tasks.models.smoke import TOLERANCE, SmokeReport, run_smoke_test
from tasks.promotion.figures import Contender, Group, Trial
from tasks.promotion.policy import Decision, decide
from tasks.promotion.rules import Limits
from tasks.promotion.words import escape_markup, tabulate_rules
from tasks.registry import CHAMPION
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

DECISION_FILE = "decision.json"
NO_NUMBER = "predicts no number"


def run_decide(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    *,
    scores: Handoff,
    models: Mapping[str, Handoff],
) -> dict[str, Handoff]:
    """Try tonight's challenger in a fresh process, and judge it by the workflow's rules.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    scores : Handoff
        The evaluate step's folder.
    models : mapping of str to Handoff
        The candidates' MLflow model folders.

    Returns
    -------
    dict
        ``decision``: the file ``decision.json``.
    """
    folder = step.fetch(scores)
    document = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    model = step.fetch(models[document["challenger"]])
    report = run_smoke_test(model, _find_example(folder, document))
    decision = judge(document, workflow, report)
    path = step.workdir / DECISION_FILE
    written = {
        **decision.to_json(),
        "smoke": report.to_json(),
        "learned_sha256": digest_learned(model),
    }
    path.write_text(
        json.dumps(written, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8"
    )
    handoff = step.publish(path, "decision")
    verdict = {tags.VERDICT: decision.verdict, tags.REASON: decision.reason}
    step.set_tags(verdict)
    # MLflow shows it as Markdown, and values of the data stand in the sentences.
    note = f"{escape_markup(decision.reason)}\n\n{tabulate_rules(decision.rules)}"
    step.set_night_tags({**verdict, tags.MLFLOW_NOTE: note})
    _log(step, report, decision)
    return {"decision": handoff}


def judge(document: Mapping[str, Any], workflow: Workflow, report: SmokeReport) -> Decision:
    """Read the figures of the evaluation and of the smoke test, and decide.

    Parameters
    ----------
    document : mapping
        ``scores.json``.
    workflow : Workflow
    report : SmokeReport
        Of the challenger.

    Returns
    -------
    Decision
    """
    models, challenger = document["models"], document["challenger"]

    def contend(model: str, name: str) -> Contender:
        return Contender(name, _read(models[model].get("holdout"), workflow.metric))

    promotion, champion = workflow.promotion, None
    if CHAMPION in models:
        score = _read(models[CHAMPION].get("holdout"), workflow.metric)
        problem = models[CHAMPION].get("problem") or (None if math.isfinite(score) else NO_NUMBER)
        champion = Contender(models[CHAMPION]["version"], score, problem)
    return decide(
        metric=workflow.metric,
        is_error=is_smaller_better(workflow.metric),
        limits=Limits(
            floor=promotion.floor,
            ceiling=promotion.ceiling,
            min_gain=promotion.min_gain,
            significance=promotion.significance,
            max_group_loss=promotion.max_group_loss,
            min_group_rows=promotion.min_group_rows,
            max_latency_ms=promotion.max_latency_ms,
            max_size_mb=promotion.max_size_mb,
        ),
        n_holdout=document["n_holdout"],
        challenger=contend(challenger, challenger),
        champion=champion,
        baselines=[contend(n, n) for n, model in models.items() if model["role"] == "baseline"],
        trial=Trial(
            passed=report.passed,
            sentence=report.sentence,
            latency_ms=_to_float(report.latency_ms_p50),
            size_bytes=float(report.size_bytes),
            max_difference=_to_float(report.max_difference),
            tolerance=TOLERANCE,
        ),
        paired=_read_paired(document.get("paired")),
        groups=[_read_group(group, challenger) for group in document.get("groups") or ()],
        approval=promotion.approval,
        unit="windows" if document["kind"] == "forecast" else "rows",
    )


def _find_example(folder: Path, document: Mapping[str, Any]) -> Path | None:
    name = document.get("example")
    return folder / name if name else None


def _read_paired(found: Mapping[str, Any] | None) -> PairedGain | None:
    if found is None:
        return None
    low, high = found["interval"]
    n_discordant = found["n_discordant"]
    return PairedGain(
        gain=_to_float(found["gain"]),
        low=_to_float(low),
        high=_to_float(high),
        confidence=found["confidence"],
        # Where rows were counted there is a test, be its p-value a number or none.
        p_value=None if n_discordant is None else _to_float(found["p_value"]),
        n_discordant=None if n_discordant is None else (n_discordant[0], n_discordant[1]),
    )


def _read_group(found: Mapping[str, Any], challenger: str) -> Group:
    return Group(
        by=found["by"],
        column=found["column"],
        value=found["value"],
        n_rows=found["n_rows"],
        challenger=_read(found["scores"], challenger),
        champion=_read(found["scores"], CHAMPION),
        loss=_to_float(found["loss"]),
        is_error=found["is_error"],
    )


def _read(figures: Mapping[str, Any] | None, name: str) -> float:
    return _to_float((figures or {}).get(name))


def _to_float(figure: float | None) -> float:
    return math.nan if figure is None else float(figure)


def _log(step: Step, report: SmokeReport, decision: Decision) -> None:
    measured = {
        "load_seconds": report.load_seconds,
        "latency_ms_p50": report.latency_ms_p50,
        "latency_ms_p99": report.latency_ms_p99,
        "size_bytes": float(report.size_bytes),
    }
    step.log_metrics({name: value for name, value in measured.items() if value is not None})
    if not report.passed:
        logger.warning("The challenger does not serve: %s", report.reason)
    logger.info("%s: %s", decision.verdict, decision.reason)
