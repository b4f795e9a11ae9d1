"""Which rows the champion scores: what ingestion is asked for in place of a night's rows.

Pure; ``tasks.stages`` hands the narrowed workflow to the ingestion stage, which reads and protects as in a night.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.workflow import NoSplit, Workflow
from tasks.workflow.privacy import KAnonymity


def narrow_workflow(
    workflow: Workflow, columns: Sequence[str], time: str | None = None
) -> Workflow:
    """Make of a workflow one whose source gives the rows to be scored.

    Parameters
    ----------
    workflow : Workflow
        As its file stands now.
    columns : sequence of str
        The raw columns that the champion reads.
    time : str, optional
        The column of times, of a champion that forecasts.

    Returns
    -------
    Workflow
        Its source is ``scoring.source`` where there is one. Neither the target nor a split is asked
        for, which rows of tomorrow do not have; nor what is only kept, but for the columns that
        ``k_anonymity`` counts: privacy is the same as in a night.
    """
    own = workflow.columns
    time = time or (own.time if own.time in columns else None)
    counted = {
        name
        for step in workflow.privacy
        if isinstance(step.settings, KAnonymity)
        for name in step.settings.columns
    }
    needed = own.model_copy(
        update={
            "target": None,
            "classes": None,
            "features": tuple(name for name in columns if name != time)
            if own.image is None
            else None,
            "time": time,
            "keep": tuple(name for name in own.keep if name in counted and name not in columns),
        }
    )
    scoring = workflow.scoring
    return workflow.model_copy(
        update={
            "source": (scoring and scoring.source) or workflow.source,
            "columns": needed,
            "split": NoSplit(by="none"),
        }
    )
