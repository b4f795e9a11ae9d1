"""The steps of mining: one kind each, from the clean data to one published folder.

Shell of the mining stage and its only door to MLflow; what each kind does stands in its own folder.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.dataset import Dataset
from tasks.errors import MiningError, NocturneError
from tasks.mining.clusters.step import mine_clusters
from tasks.mining.documents import write_document
from tasks.mining.found import Earlier, Found
from tasks.mining.pca.step import mine_components
from tasks.mining.rows import MiningRows
from tasks.mining.rules.step import mine_rules
from tasks.mining.tree.step import mine_tree
from tasks.preparation import Preparation
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, find_earlier_output, tags
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

PROBLEM_FILE = "problem.json"

# Each is called with the rows, its part of the workflow file, and the folder to write to.
MINERS: dict[str, Callable[..., Found]] = {
    "pca": mine_components,
    "clusters": mine_clusters,
    "rules": mine_rules,
    "tree": mine_tree,
}


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    kind: str,
    clean: Handoff,
    preparation: Handoff,
) -> dict[str, Handoff]:
    """Look for one kind of thing in the training rows, and publish what was found.

    Parameters
    ----------
    step : Step
    workflow : Workflow
        Says what to look for under ``mining.<kind>``.
    settings : Settings
    kind : {"pca", "clusters", "rules", "tree"}
    clean, preparation : Handoff
        The clean dataset, and which of its columns are read.

    Returns
    -------
    dict of str to Handoff
        Under the kind's name: the folder that its step wrote; or, where nothing could be found and
        mining is not required, a folder of ``problem.json`` that says why.

    Raises
    ------
    MiningError
        When the workflow does not ask for this kind; or nothing could be found, and mining is
        required.
    """
    from threadpoolctl import threadpool_limits

    options = getattr(workflow.mining, kind)
    if options is None:
        raise MiningError(
            f"The workflow {workflow.name!r} has no 'mining.{kind}'.",
            expected=f"a key {kind!r} under 'mining'",
            hint="add it to the workflow file, or leave this step out",
        )
    # Fetching has checked the content against its digest.
    rows = MiningRows(
        Dataset.open(step.fetch(clean), verify=False),
        Preparation.from_json(step.fetch(preparation).read_text(encoding="utf-8")),
    )
    step.log_params({f"asked.{name}": value for name, value in options.model_dump().items()})
    folder = step.workdir / kind
    folder.mkdir()
    try:
        # One thread: mining runs beside training, and sums in one order give the same bits on a retry.
        with threadpool_limits(limits=1):
            found = MINERS[kind](
                rows,
                options,
                folder,
                seed=step.night.seed,
                earlier=_fetch_earlier(step, kind),
            )
    except MiningError as error:
        if workflow.mining.required:
            raise
        found = _write_problem(error, folder)
        advice = f" What to do: {error.hint}." if error.hint else ""
        step.set_tags({tags.PROBLEM: f"{error.what}{advice}"})
    step.log_params(found.params)
    step.log_metrics({"n_rows": rows.n_rows, **found.metrics})
    step.set_tags({tags.MLFLOW_NOTE: found.sentence})
    logger.info("%s", found.sentence)
    return {kind: step.publish(folder, kind, n_rows=rows.n_rows)}


def _fetch_earlier(step: Step, kind: str) -> Earlier | None:
    """Fetch what the night before found; without it tonight's findings are told without a comparison."""
    earlier = find_earlier_output(step.client, step.night, step.name, kind)
    if earlier is None:
        return None
    try:
        folder = step.fetch(earlier.handoff)
    except NocturneError as error:
        logger.warning("Tonight is not compared with %s: %s", earlier.date, error.what)
        return None
    if (folder / PROBLEM_FILE).exists():
        logger.info("Tonight is not compared with %s, which found nothing.", earlier.date)
        return None
    step.set_tags({tags.COMPARED_WITH: earlier.date})
    return Earlier(earlier.date, folder)


def _write_problem(error: MiningError, folder: Path) -> Found:
    shutil.rmtree(folder)
    folder.mkdir()
    problem: dict[str, Any] = {"what": error.what, "expected": error.expected, "hint": error.hint}
    write_document(problem, folder / PROBLEM_FILE)
    logger.warning("Nothing was found, and the night goes on: %s", error)
    return Found(error.what)
