"""What is trained on stands in MLflow once, whoever logs it first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, INVALID_PARAMETER_VALUE
from tests_support import make_night

from tasks.dataset import Dataset, DatasetWriter
from tasks.errors import ServiceError
from tasks.settings import Settings
from tasks.tracking import Step, TaskIdentity, open_step
from tasks.tracking.datasets import log_training_dataset

if TYPE_CHECKING:
    from mlflow import MlflowClient

N_STEPS = 4


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rows = pa.record_batch({"x": [1.0, 2.0, 3.0]})
    with DatasetWriter(tmp_path / "clean", rows.schema) as writer:
        writer.write(rows)
    return Dataset.open(tmp_path / "clean")


def test_candidates_that_begin_at_once_all_log_it(
    client: MlflowClient, settings: Settings, dataset: Dataset
) -> None:
    """MLflow itself refuses most of them; a night then lost ten seconds to a retry."""
    night = make_night(client, settings)
    together = Barrier(N_STEPS)

    def log(step: Step) -> None:
        together.wait()
        log_training_dataset(step, dataset.folder)

    with ExitStack() as stack, ThreadPoolExecutor(N_STEPS) as pool:
        steps = [
            stack.enter_context(
                open_step(client, settings, night, f"train.{i}", inputs={}, task=TaskIdentity())
            )
            for i in range(N_STEPS)
        ]
        list(pool.map(log, steps))
    for step in steps:
        (logged,) = client.get_run(step.run_id).inputs.dataset_inputs
        assert logged.dataset.digest == dataset.sha256[:36]


@pytest.mark.parametrize(("code", "n_tries"), [(BAD_REQUEST, 3), (INVALID_PARAMETER_VALUE, 1)])
def test_what_mlflow_refuses_for_good_is_said(
    client: MlflowClient,
    settings: Settings,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    n_tries: int,
) -> None:
    """Asked three times and no more, and not again where nobody else can be the reason."""
    asked: list[str] = []

    def refuse(run_id: str, _inputs: object) -> None:
        asked.append(run_id)
        raise MlflowException("not this one", error_code=code)

    with (
        pytest.raises(ServiceError, match="not this one"),
        open_step(
            client,
            settings,
            make_night(client, settings),
            "train.x",
            inputs={},
            task=TaskIdentity(),
        ) as step,
    ):
        monkeypatch.setattr(step.client, "log_inputs", refuse)
        log_training_dataset(step, dataset.folder)
    assert len(asked) == n_tries
