"""The validate steps: a suite judges the raw or the clean dataset, and a critical failure stops the night.

Body of two Airflow tasks; the only place of this stage that touches disk and MLflow.
"""

from __future__ import annotations

import json
import logging
from typing import Literal

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN
from tasks.errors import ValidationFailedError
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.validation.checks import ValidationResult, run_suite, summarise
from tasks.validation.docs import render_data_docs
from tasks.validation.profile import profile_rows
from tasks.validation.suites import read_suite
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,
    data: Handoff,
    stage: Literal["raw", "clean"],
) -> dict[str, Handoff]:
    """Validate a dataset.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
        Names the folder of suites.
    data : Handoff
        The raw or the clean dataset.
    stage : {"raw", "clean"}
        Which of the workflow's suites judges it.

    Returns
    -------
    dict of str to Handoff
        ``validation``, a file ``validation.json`` (see :class:`ValidationResult`).

    Raises
    ------
    SuiteError
        When the suite cannot be used.
    ValidationFailedError
        When a critical expectation failed, after the Data Docs were attached.

    Notes
    -----
    All rows' scalar columns and tensor profiles are in memory at once, at most
    :data:`tasks.validation.profile.MAX_ROWS` rows; the tensors themselves only a batch at a time.
    """
    name = workflow.expectations.raw if stage == "raw" else workflow.expectations.clean
    suite = read_suite(settings.expectations_dir / f"{name}.json")
    # Fetching has checked the content against its digest.
    dataset = Dataset.open(step.fetch(data), verify=False)
    frame = profile_rows(dataset.batches(), numeric=workflow.columns.features or ())
    if workflow.columns.id:
        # A suite speaks of the user's own columns.
        frame = frame.rename(columns={ID_COLUMN: workflow.columns.id})
    judged = run_suite(frame, suite)
    result = summarise(judged, suite, frame)

    docs = step.workdir / "data_docs"
    docs.mkdir()
    title = f"{workflow.name}: {stage} data of the night of {step.night.date}"
    (docs / "index.html").write_text(render_data_docs(judged, result, title), encoding="utf-8")
    step.attach(docs, "data_docs")
    file = step.workdir / "validation.json"
    file.write_text(json.dumps(result.to_json(), indent=1, ensure_ascii=False), encoding="utf-8")
    handoff = step.publish(file, "validation", n_rows=result.n_rows)
    _log(step, result)
    if result.critical_failures:
        raise ValidationFailedError(
            f"The {stage} data of {workflow.name} break {len(result.critical_failures)} critical "
            f"expectation(s) of the suite {name}:\n"
            + "\n".join(f"- {e.in_words}" for e in result.critical_failures),
            expected="all critical expectations to hold; the champion stays as it is",
            hint=f"see data_docs/index.html in MLflow run {step.run_id}; mend the data and clear "
            f"the task, or correct {settings.expectations_dir / (name + '.json')}",
        )
    return {"validation": handoff}


def _log(step: Step, result: ValidationResult) -> None:
    n_failed = sum(not e.success for e in result.expectations)
    step.log_params({"suite": result.suite})
    step.log_metrics(
        {
            "rows_validated": result.n_rows,
            "n_expectations": len(result.expectations),
            "n_failed": n_failed,
            "n_critical_failures": len(result.critical_failures),
            "n_warnings": len(result.warnings),
        }
    )
    verdict = "failed" if result.critical_failures else "warned" if result.warnings else "passed"
    step.set_tags({tags.VALIDATION: verdict})
    for warning in result.warnings:
        logger.warning("%s: %s", result.suite, warning.in_words)
    logger.info(
        "Validated %d rows against %s: %s, %d of %d expectations failed.",
        result.n_rows,
        result.suite,
        verdict,
        n_failed,
        len(result.expectations),
    )
