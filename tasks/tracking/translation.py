"""What a full disk or a lost MLflow says, in the house's words.

Ground module; used by ``tasks.tracking.steps``.
"""

from __future__ import annotations

from tasks.errors import NocturneError, ServiceError, TrackingError, is_disk_full
from tasks.settings import Settings


def translate_error(error: Exception, settings: Settings, step: str) -> NocturneError | None:
    """Say in the house's words what a library reports; None where it is said well already.

    Parameters
    ----------
    error : Exception
    settings : Settings
        Name the folder and the address.
    step : str
        The step in which it happened.

    Returns
    -------
    NocturneError or None
    """
    from mlflow.exceptions import MlflowException
    from requests.exceptions import ConnectionError as HttpConnectionError

    if isinstance(error, NocturneError):
        return None
    if is_disk_full(error):
        return TrackingError(
            f"The disk was full while the step {step} wrote: {str(error)[:500]}",
            expected=f"free space under {settings.home}",
            hint="free some space and clear the task; nothing half-written was handed over",
        )
    if isinstance(error, HttpConnectionError | MlflowException):
        return ServiceError(
            f"MLflow at {settings.tracking_uri} refused or lost a call of the step {step}: "
            f"{str(error)[:500]}",
            expected="an MLflow server that answers",
            hint="see `nocturne status` and MLflow's log; the step can be retried",
        )
    return None
