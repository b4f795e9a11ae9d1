"""The task that waits for a person: Airflow's human-in-the-loop operator with a time limit from the run.

Used by ``dags/approval.py``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

APPROVE, REJECT = "Approve", "Reject"  # as Airflow's own ApprovalOperator has them


class AwaitAnswer(HITLOperator):
    """Wait until a person approves or rejects, in a state that takes no slot; no answer in time means no.

    Airflow's ``ApprovalOperator`` would skip what follows where the answer is no, and then nobody
    would write down who said it. And the time limit is the workflow's: it is rendered like the
    subject and the body, which Airflow's operators do not do.

    Parameters
    ----------
    hours : str
        A template that gives how long to wait.
    **options
        Of ``HITLOperator``: the subject, the body, the params of the form.
    """

    template_fields = (*HITLOperator.template_fields, "hours")

    def __init__(self, *, hours: str, **options: Any) -> None:
        super().__init__(options=[APPROVE, REJECT], defaults=REJECT, **options)
        self.hours = hours

    def execute(self, context: Context) -> None:
        """Ask, and wait."""
        self.response_timeout = timedelta(hours=float(self.hours))
        super().execute(context)
