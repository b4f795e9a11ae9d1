"""The step that tells of a scoring: charts of its drift, and one page.

Shell of the reporting stage, the body of the last step of a scoring.
"""

from __future__ import annotations

import json
import logging

from tasks.reporting.drift import draw_drift, render_page
from tasks.reporting.figures import save_chart
from tasks.reporting.pages import EmbeddedChart
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

PAGE_FILE = "scoring.html"


def run_report(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    *,
    drift: Handoff,
) -> dict[str, Handoff]:
    """Draw a scoring's charts and write its page.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    drift : Handoff
        The file ``drift.json``.

    Returns
    -------
    dict of str to Handoff
        ``page``: the file ``scoring.html``, also attached to the run beside the charts.
    """
    document = json.loads(step.fetch(drift).read_text(encoding="utf-8"))
    folder = step.workdir / "charts"
    folder.mkdir()
    drawn = [
        EmbeddedChart.read(save_chart(chart, folder), folder) for chart in draw_drift(document)
    ]
    found = step.client.get_run(step.night.run_id).data.tags
    listed = {
        "MLflow run of the scoring": step.night.run_id,
        "Airflow run": found.get(tags.AIRFLOW_RUN, ""),
        "Git commit": found.get(tags.GIT_COMMIT, ""),
        "Lock file, SHA-256": found.get(tags.LOCK_SHA256, ""),
        "Rows, SHA-256": found.get(tags.DATASET_SHA256, ""),
    }
    page = render_page(
        document,
        drawn,
        description=workflow.description,
        provenance={name: value for name, value in listed.items() if value},
    )
    path = step.workdir / PAGE_FILE
    path.write_text(page, encoding="utf-8")
    step.attach(path)
    if drawn:
        step.attach(folder)
    logger.info("Told of the scoring with %d charts.", len(drawn))
    return {"page": step.publish(path, "page")}
