"""What the champion predicts by itself, when it changes or rows arrive: the key `scoring`.

Part of the workflow file; read in ``tasks.scoring``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.workflow.base import WorkflowModel
from tasks.workflow.fields import PositiveFloat
from tasks.workflow.sources import Source


class Scoring(WorkflowModel):
    """Which rows the champion scores, and how far they may drift."""

    source: Source | None = None
    """Where the rows to be scored come from; by default the workflow's own source, all that has arrived."""
    max_psi: PositiveFloat = 0.25
    """The largest population stability index of an input or of the predictions against the champion's training rows; above it a retraining starts. By custom 0.1 is a small shift and 0.25 a large one."""
    max_js: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    """The same for the Jensen-Shannon divergence (in bits, 0 to 1)."""
