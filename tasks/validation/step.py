"""The validate steps: a suite judges the raw or the clean dataset, and a critical failure stops the night.

Body of two Airflow tasks; the only place of this stage that touches disk and MLflow.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Literal

import pyarrow as pa

from tasks.dataset import Dataset, DatasetWriter
from tasks.errors import ValidationFailedError
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.validation.checks import Judgement, judge
from tasks.validation.docs import render_data_docs
from tasks.validation.quarantine import REJECTED_SCHEMA
from tasks.validation.results import ValidationResult
from tasks.validation.suites import read_suite
from tasks.validation.view import open_view
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

N_NAMED = 3  # of the expectations that reject most rows, when they reject too many


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
        ``validation``, a file ``validation.json`` (see :class:`ValidationResult`); for raw data
        also ``rejected``, a dataset of the rows for the quarantine, often empty: ``row``, the
        row's place in the raw dataset from 0, and ``reason``.

    Raises
    ------
    SuiteError
        When the suite cannot be used.
    ValidationFailedError
        When a critical expectation failed, or more rows than
        ``expectations.max_quarantined_fraction`` would go to quarantine; after the Data Docs were
        attached.

    Notes
    -----
    Columns are judged one by one, or in the groups that expectations compare, of at most
    :data:`tasks.validation.view.MAX_ROWS` rows; tensors are read a batch at a time.
    """
    name = workflow.expectations.raw if stage == "raw" else workflow.expectations.clean
    suite = read_suite(settings.expectations_dir / f"{name}.json", stage=stage)
    # Fetching has checked the content against its digest.
    dataset = Dataset.open(step.fetch(data), verify=False)
    judgement = judge(open_view(dataset, workflow, stage), suite)
    result = judgement.result

    docs = step.workdir / "data_docs"
    docs.mkdir()
    title = f"{workflow.name}: {stage} data of the night of {step.night.date}"
    (docs / "index.html").write_text(
        render_data_docs(judgement.judged, result, title), encoding="utf-8"
    )
    step.attach(docs, "data_docs")
    file = step.workdir / "validation.json"
    file.write_text(json.dumps(result.to_json(), indent=1, ensure_ascii=False), encoding="utf-8")
    handoffs = {"validation": step.publish(file, "validation", n_rows=result.n_rows)}
    limit = workflow.expectations.max_quarantined_fraction
    is_over = stage == "raw" and judgement.rejected_fraction > limit
    _log(step, result, is_stopped=bool(result.critical_failures) or is_over)
    if result.critical_failures:
        raise ValidationFailedError(
            f"The {stage} data of {workflow.name} break {len(result.critical_failures)} critical "
            f"expectation(s) of the suite {name}:\n"
            + "\n".join(f"- {e.in_words}" for e in result.critical_failures),
            expected="all critical expectations to hold; the champion stays as it is",
            hint=f"see data_docs/index.html in MLflow run {step.run_id}; mend the data and clear "
            f"the task, or correct {settings.expectations_dir / (name + '.json')}",
        )
    if is_over:
        raise _explain_quarantine(workflow, judgement, name, step.run_id)
    if stage == "raw":
        rejected = _write_rejected(step, judgement.rejected, dataset.sha256)
        handoffs["rejected"] = step.publish(
            rejected, "rejected", n_rows=judgement.rejected.num_rows
        )
    return handoffs


def _explain_quarantine(
    workflow: Workflow, judgement: Judgement, name: str, run_id: str
) -> ValidationFailedError:
    limit = workflow.expectations.max_quarantined_fraction
    most = judgement.n_by_expectation.most_common(N_NAMED)
    return ValidationFailedError(
        f"{judgement.rejected.num_rows} of {judgement.result.n_rows} raw rows of {workflow.name} "
        f"({judgement.rejected_fraction:.1%}) would go to quarantine, most of them by:\n"
        + "\n".join(f"- {expectation} ({n} rows)" for expectation, n in most),
        expected=f"at most {limit:.1%}, as 'expectations.max_quarantined_fraction' says; the "
        "champion stays as it is",
        hint=f"see data_docs/index.html in MLflow run {run_id}; mend the data and clear the task, "
        f"correct the suite {name}, or raise the limit",
    )


def _write_rejected(step: Step, rejected: pa.Table, raw_sha256: str) -> Path:
    folder = step.workdir / "rejected"
    with DatasetWriter(folder, REJECTED_SCHEMA, origin={"raw": raw_sha256}) as writer:
        if rejected.num_rows:
            writer.write(rejected)
    return folder


def _log(step: Step, result: ValidationResult, *, is_stopped: bool) -> None:
    n_failed = sum(not e.success for e in result.expectations)
    step.log_params({"suite": result.suite})
    step.log_metrics(
        {
            "rows_validated": result.n_rows,
            "n_expectations": len(result.expectations),
            "n_failed": n_failed,
            "n_critical_failures": len(result.critical_failures),
            "n_warnings": len(result.warnings),
            "rows_rejected": result.n_quarantined,
        }
    )
    verdict = "failed" if is_stopped else "warned" if result.warnings else "passed"
    step.set_tags({tags.VALIDATION: verdict})
    for warning in result.warnings:
        logger.warning("%s: %s", result.suite, warning.in_words)
    logger.info(
        "Validated %d rows against %s: %s, %d of %d expectations failed, %d rows for quarantine.",
        result.n_rows,
        result.suite,
        verdict,
        n_failed,
        len(result.expectations),
        result.n_quarantined,
    )
