"""Registered models without training: versions in numbers, and clients that are killed on the way."""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests_support import make_night

from tasks.registry import Change, list_changes, register_version
from tasks.settings import Settings
from tasks.tracking import Handoff, TaskIdentity, open_step, tags

if TYPE_CHECKING:
    from mlflow import MlflowClient


def publish_model(
    client: MlflowClient, settings: Settings, content: str = "weights", *, key: str = "test"
) -> tuple[Handoff, str]:
    """Publish a model folder that nobody can load; gives it and its night's MLflow run."""
    night = make_night(client, settings, key=key)
    with open_step(client, settings, night, "train.cnn", inputs={}, task=TaskIdentity()) as step:
        folder = step.workdir / "model"
        folder.mkdir()
        (folder / "MLmodel").write_text(content)
        return step.publish(folder, "model"), night.run_id


CONSTANT = """
import mlflow
import pandas as pd

class Constant(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return pd.DataFrame({{"prediction": [{answer}] * len(model_input)}})

mlflow.models.set_model(Constant())
"""


def publish_constant(
    client: MlflowClient, settings: Settings, answer: float, *, says: float | None = None
) -> dict[str, Handoff]:
    """Publish a model that loads and gives one answer to every row, and scores with its example.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    answer : float
    says : float, optional
        What its example says that it answers, where that is not true.

    Returns
    -------
    dict
        ``model`` and ``scores``.
    """
    import mlflow
    import numpy as np
    import pandas as pd

    from tasks.models.example import write_example

    night = make_night(client, settings, key=f"constant {answer}")
    with open_step(client, settings, night, "evaluate", inputs={}, task=TaskIdentity()) as step:
        script = step.workdir / "constant.py"
        script.write_text(CONSTANT.format(answer=answer))
        with warnings.catch_warnings(record=True):  # that it has no signature and no type hints
            mlflow.pyfunc.save_model(
                path=str(step.workdir / "model"), python_model=str(script), pip_requirements=[]
            )
        rows = pd.DataFrame({"x": [1.0, 2.0]})
        expected = np.full(2, answer if says is None else says)
        write_example(step.workdir / "scores" / "example", rows, expected)
        return {name: step.publish(step.workdir / name, name) for name in ("model", "scores")}


def register_constant(
    client: MlflowClient,
    settings: Settings,
    answer: float,
    *,
    says: float | None = None,
    verdict: str = "promote",
    name: str = "digits",
) -> str:
    """Register a model that loads, as a night does; gives its version."""
    handed = publish_constant(client, settings, answer, says=says)
    return register_version(
        client,
        name,
        handed["model"],
        night_run_id=f"night of {answer}",
        description="x",
        version_tags={
            tags.VERDICT: verdict,
            tags.EXAMPLE: json.dumps(handed["scores"].to_json()),
        },
    ).version


def make_versions(
    client: MlflowClient,
    settings: Settings,
    n: int,
    *,
    name: str = "digits",
    model: Handoff | None = None,
    **version_tags: str,
) -> list[str]:
    """Register versions 1 to n: the same model, by content, of different nights."""
    if model is None:
        model, _ = publish_model(client, settings)
    return [
        register_version(
            client,
            name,
            model,
            night_run_id=f"night {i}",
            description="x",
            version_tags={tags.VERDICT: "promote", **version_tags},
        ).version
        for i in range(n)
    ]


class Killed(BaseException):
    """The process ends here."""


class MortalClient:
    """An MLflow client whose process is killed before or after one of its calls.

    Parameters
    ----------
    client : mlflow.MlflowClient
    call : int, optional
        Which call, counted from 0; none by default, and the calls are counted.
    is_made : bool
        Whether the call reaches MLflow before the end.
    """

    def __init__(self, client: MlflowClient, call: int = -1, *, is_made: bool = False) -> None:
        self._client = client
        self._fatal = call
        self._is_made = is_made
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            is_fatal = len(self.calls) == self._fatal + 1
            if is_fatal and not self._is_made:
                raise Killed
            try:
                return method(*arguments, **options)
            finally:
                if is_fatal:
                    raise Killed

        return call


def check_history(client: MlflowClient, name: str = "digits") -> list[Change]:
    """Check that a history has no gaps and ends where the alias is; gives it."""
    from tasks.registry import CHAMPION, find_alias

    changes = list_changes(client, name)
    moves = [change for change in changes if not change.is_remark]
    check_chain(moves)
    assert (moves[-1].version if moves else None) == find_alias(client, name, CHAMPION)
    return changes


def check_chain(moves: Sequence[Change]) -> None:
    """Check that each champion took over from the one before, when that one's time ended."""
    for before, after in itertools.pairwise(moves):
        assert after.previous == before.version
        assert before.until == after.at
        assert before.at < after.at
    assert not moves or moves[-1].until is None
