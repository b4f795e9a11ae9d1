"""Who competes tonight, and what each model is asked: loaded as it would be served.

Used by the evaluate step. A champion of an earlier night may no longer load, may read columns that no
longer arrive, or may have been asked something else altogether: the night goes on without it, and says so.
"""

from __future__ import annotations

import contextlib
import logging
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tasks.errors import EvaluationError, NocturneError, ServiceError, get_first_line, is_disk_full
from tasks.registry import CHAMPION, find_by_alias
from tasks.tracking import Handoff, tags
from tasks.workflow import PredictKind, Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

Role = Literal["candidate", "baseline", "champion"]
# Calls of one row that are timed, of which the median is taken: the first is slow and does not count.
N_TIMED = 41
TIMED_SECONDS = 1.0
Problems = dict[str, str]
"""Why a model has no predictions, by its name: what it could not do, in words that follow its name."""


@dataclass(frozen=True)
class Contender:
    """A model in the comparison.

    Parameters
    ----------
    role : {"candidate", "baseline", "champion"}
    model : Handoff
        An MLflow model folder.
    version : str or None
        The registered version, for the champion.
    night_run_id : str or None
        The MLflow run of the champion's night; None where its version does not say.
    """

    role: Role
    model: Handoff
    version: str | None = None
    night_run_id: str | None = None


@dataclass(frozen=True)
class ServedModel:
    """A model as it would be served, not yet loaded.

    Parameters
    ----------
    name : str
        In the comparison.
    folder : Path
        An MLflow model.
    kind : {"classification", "regression", "forecast"}
    columns : tuple of str
        The raw columns it reads, in order; empty for models of nights before they were noted.
    window, horizon : int
        Steps that a forecast looks back on, and steps ahead; else 0.
    forecast_columns : tuple of str
        What it forecasts, in order.
    input_schema : mlflow.types.Schema or None
        What its signature wants.
    """

    name: str
    folder: Path
    kind: PredictKind
    columns: tuple[str, ...] = ()
    window: int = 0
    horizon: int = 0
    forecast_columns: tuple[str, ...] = ()
    input_schema: Any = None

    @classmethod
    def open(cls, name: str, folder: Path, kind: PredictKind) -> ServedModel:
        """Read what a model says of itself.

        Raises
        ------
        EvaluationError
            When it predicts something else than is compared tonight.
        """
        from mlflow.models import Model

        described = Model.load(str(folder))
        # Models of nights before it was noted all predicted classes.
        noted: Mapping[str, Any] = described.metadata or {}
        found = noted.get("kind", "classification")
        if found != kind:
            raise EvaluationError(
                f"{name} is a model of {found}.",
                expected=f"a model of {kind}, as 'predict' in the workflow file asks for tonight",
                hint="clear the tasks that train, so that they train what is asked now",
            )
        shape = noted.get("forecast") or {}
        return cls(
            name=name,
            folder=folder,
            kind=kind,
            columns=tuple(noted.get("columns", ())),
            window=shape.get("window", 0),
            horizon=shape.get("horizon", 0),
            forecast_columns=tuple(shape.get("columns", ())),
            input_schema=described.get_input_schema(),
        )

    def load(self) -> Any:
        """Load it with MLflow, which runs the code it was saved with."""
        from mlflow.pyfunc import load_model

        return load_model(str(self.folder))

    def measure_latency(self, row: Any) -> float:
        """Measure how long it takes to predict one row, in this process.

        Parameters
        ----------
        row : ndarray or pandas.DataFrame
            What the model is given for one row or window.

        Returns
        -------
        float
            Milliseconds, the median of up to :data:`N_TIMED` calls.
        """
        model = self.load()
        seconds: list[float] = []
        began = time.perf_counter()
        while len(seconds) < N_TIMED and time.perf_counter() - began < TIMED_SECONDS:
            called = time.perf_counter()
            model.predict(row)
            seconds.append(time.perf_counter() - called)
        return 1000.0 * statistics.median(seconds)


def list_contenders(
    client: MlflowClient, workflow: Workflow, models: Mapping[str, Handoff]
) -> dict[str, Contender]:
    """List tonight's models, and after them the champion, where there is one.

    Parameters
    ----------
    client : mlflow.MlflowClient
    workflow : Workflow
    models : mapping of str to Handoff
        Tonight's, by their names in the workflow file.

    Returns
    -------
    dict of str to Contender
    """
    contenders = {
        name: Contender("baseline" if name in workflow.baselines else "candidate", handoff)
        for name, handoff in models.items()
    }
    champion = find_by_alias(client, workflow.name, CHAMPION)
    if champion is not None:
        night_run_id = champion.tags.get(tags.NIGHT_RUN)
        contenders[CHAMPION] = Contender("champion", champion.model, champion.version, night_run_id)
    return contenders


@contextlib.contextmanager
def excuse_champion(model: str, problems: Problems, doing: str) -> Iterator[None]:
    """Let the night go on where the champion fails, and note why; tonight's models may not fail.

    Parameters
    ----------
    model : str
        Whose turn it is.
    problems : dict
        Is added to.
    doing : str
        What is tried, as in ``be loaded``.

    Raises
    ------
    Exception
        Whatever is not the champion's own fault: of another model, of the machine, of a service.
    """
    try:
        yield
    except Exception as error:
        is_of_machine = isinstance(error, MemoryError | ServiceError) or is_disk_full(error)
        if model != CHAMPION or is_of_machine:
            raise
        reason = error.what if isinstance(error, NocturneError) else get_first_line(error)
        problems[model] = f"could not {doing}: {reason}"
        logger.warning("The champion %s", problems[model], exc_info=True)
