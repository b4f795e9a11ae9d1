"""What earlier nights of a workflow have handed over, to be compared with tonight's.

Ground module; reads MLflow only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks.tracking import tags
from tasks.tracking.handoff import Handoff
from tasks.tracking.nights import Night

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_NIGHTS = 100  # looked back at; a workflow that found nothing in so many has no history


@dataclass(frozen=True)
class EarlierOutput:
    """An output of a step of an earlier night.

    Parameters
    ----------
    date : str
        That night's date, ISO 8601.
    handoff : Handoff
    """

    date: str
    handoff: Handoff


def find_earlier_output(
    client: MlflowClient, night: Night, step: str, output: str
) -> EarlierOutput | None:
    """Find what a step handed over in the latest night before this one.

    Parameters
    ----------
    client : mlflow.MlflowClient
    night : Night
        Nights of its workflow with an earlier date are searched; of two runs for one date, the one
        that began last.
    step, output : str
        Names, such as ``mine.clusters`` and ``clusters``.

    Returns
    -------
    EarlierOutput or None
        None when no earlier night finished that step. Nights from before the last
        :data:`MAX_NIGHTS` are not seen.
    """
    nights = client.search_runs(
        [night.experiment_id],
        filter_string=f"tags.`{tags.WORKFLOW}` = '{night.workflow}' "
        f"AND tags.`{tags.KEY}` LIKE '%' AND tags.`{tags.NIGHT_DATE}` LIKE '%'",
        order_by=["attributes.start_time DESC"],
        max_results=MAX_NIGHTS,
    )
    earlier = [run for run in nights if run.data.tags[tags.NIGHT_DATE] < night.date.isoformat()]
    # The sort is stable: of one date, the run that began last stays first.
    for run in sorted(earlier, key=lambda run: run.data.tags[tags.NIGHT_DATE], reverse=True):
        found = find_outputs(client, replace(night, run_id=run.info.run_id), step)
        if output in found:
            return EarlierOutput(run.data.tags[tags.NIGHT_DATE], found[output])
    return None


def find_outputs(client: MlflowClient, night: Night, step: str) -> dict[str, Handoff]:
    """Find what a step of a night has handed over.

    Parameters
    ----------
    client : mlflow.MlflowClient
    night : Night
    step : str
        Its name, such as ``clean``.

    Returns
    -------
    dict of str to Handoff
        Empty where the step did not finish, or its run was deleted.
    """
    found = client.search_runs(
        [night.experiment_id],
        filter_string=f"tags.`{tags.NIGHT_RUN}` = '{night.run_id}' "
        f"AND tags.`{tags.STEP}` = '{step}' AND attributes.status = 'FINISHED'",
        max_results=1,
    )
    recorded = json.loads(found[0].data.tags.get(tags.OUTPUTS, "{}")) if found else {}
    return {name: Handoff.from_json(value) for name, value in recorded.items()}
