"""What the champion was trained on: whether it has seen rows that it is judged by tonight.

Used by the evaluate step; reads what its night has left in MLflow. A champion that has is flattered, and
the challenger has the harder stand: that is said, and stops nobody.
"""

from __future__ import annotations

import datetime
import logging

import pyarrow as pa

from tasks.dataset import Dataset
from tasks.errors import DatasetError, TrackingError
from tasks.evaluation.contenders import Contender
from tasks.evaluation.seen import TRAIN, ChampionRows, count_common, read_ids
from tasks.tracking import Handoff, Night, Step, tags
from tasks.tracking.history import find_outputs
from tasks.tracking.nights import read_pinned_workflow
from tasks.workflow import HashSplit, Workflow

logger = logging.getLogger(__name__)

_UNKNOWN = ChampionRows("unknown", None)


def compare_with_champion(
    step: Step,
    workflow: Workflow,
    champion: Contender,
    *,
    clean: Handoff,
    holdout: pa.ChunkedArray,
    time: str | None,
) -> ChampionRows:
    """Count tonight's hold-out rows that the champion was trained on.

    Parameters
    ----------
    step : Step
    workflow : Workflow
        Tonight's.
    champion : Contender
    clean : Handoff
        Tonight's clean rows, among whose training rows no hold-out row is.
    holdout : pyarrow.ChunkedArray of strings
        What identifies tonight's hold-out rows.
    time : str or None
        Of a forecast the column of times, by which steps are known.

    Returns
    -------
    ChampionRows
        By the split's rule where both nights split by a hash of the same id and tonight's share of
        hold-out rows is no larger than that night's: then every one of them was a hold-out row. Else
        by the ids of its training rows.
    """
    found = _compare(step, workflow, champion, clean=clean, holdout=holdout, time=time)
    if found.n_common is None:
        logger.warning(
            "Whether the champion (version %s) was trained on tonight's hold-out rows is not known.",
            champion.version,
        )
    elif found.n_common:
        logger.warning(
            "The champion (version %s) was trained on %d of tonight's %d hold-out rows: its figures "
            "flatter it.",
            champion.version,
            found.n_common,
            len(holdout),
        )
    return found


def _compare(
    step: Step,
    workflow: Workflow,
    champion: Contender,
    *,
    clean: Handoff,
    holdout: pa.ChunkedArray,
    time: str | None,
) -> ChampionRows:
    night = _find_night(step, champion)
    if night is None:
        return _UNKNOWN
    if _is_split_alike(step, workflow, night):
        return ChampionRows("by the split's rule", 0)
    rows = find_outputs(step.client, night, "clean").get("clean")
    if rows is None:
        return _UNKNOWN
    if rows.sha256 == clean.sha256:  # trained on tonight's training rows
        return ChampionRows("by its ids", 0)
    try:
        training = read_ids(Dataset.open(step.fetch(rows)), TRAIN, time)
    except (TrackingError, DatasetError) as error:
        logger.warning("The rows of the champion's night cannot be read: %s", error.what)
        return _UNKNOWN
    return ChampionRows("by its ids", count_common(training, holdout))


def _find_night(step: Step, champion: Contender) -> Night | None:
    from mlflow.exceptions import MlflowException

    if champion.night_run_id is None:
        return None
    try:
        run = step.client.get_run(champion.night_run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    found = run.data.tags
    try:
        date = datetime.date.fromisoformat(found[tags.NIGHT_DATE])
        name, seed = found[tags.WORKFLOW], int(found[tags.SEED])
    except (KeyError, ValueError):
        return None
    return Night(name, date, run.info.run_id, run.info.experiment_id, seed)


def _is_split_alike(step: Step, workflow: Workflow, night: Night) -> bool:
    """Whether all of tonight's hold-out rows were hold-out rows of that night, if they were there."""
    split = workflow.split
    if not isinstance(split, HashSplit):
        return False
    try:
        then, _ = read_pinned_workflow(step.client, night)
    except (TrackingError, ValueError):  # gone, or written for other code: the ids will tell
        return False
    # The workflow's name is the key of the hash; a pseudonym is another id than what it stands for.
    is_same_id = (then.name, then.columns.id, then.privacy) == (
        workflow.name,
        workflow.columns.id,
        workflow.privacy,
    )
    return is_same_id and isinstance(then.split, HashSplit) and then.split.holdout >= split.holdout
