"""What a step learned from, as an MLflow dataset under our own digest of its whole content.

Ground module; called by the steps that train.
"""

from __future__ import annotations

import json
from pathlib import Path

from tasks.dataset import Dataset
from tasks.tracking.steps import Step

MLFLOW_DIGEST_CHARACTERS = 36  # the longest digest that MLflow stores
MLFLOW_SCHEMA_CHARACTERS = 1_000_000  # and the longest schema (1,048,575 with some room)
# MLflow looks for a dataset and then inserts it: of steps that do so at once all but one are
# refused, and find it when they ask again.
N_TRIES = 3


def log_training_dataset(step: Step, folder: Path) -> None:
    """Log the dataset that a step trains on.

    Parameters
    ----------
    step : Step
    folder : Path
        Of a :class:`tasks.dataset.Dataset`.
    """
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.entities import DatasetInput, InputTag
    from mlflow.exceptions import MlflowException

    dataset = Dataset.open(folder, verify=False)
    columns = [{"type": str(field.type), "name": field.name} for field in dataset.schema]
    logged = MlflowDataset(
        name=f"{step.night.workflow}_clean",
        digest=dataset.sha256[:MLFLOW_DIGEST_CHARACTERS],
        source_type="nocturne",
        source=json.dumps({"night": step.night.run_id, "artifact": "clean"}),
        schema=json.dumps({"mlflow_colspec": columns})[:MLFLOW_SCHEMA_CHARACTERS],
        profile=json.dumps({"num_rows": dataset.n_rows, "sha256": dataset.sha256}),
    )
    inputs = [DatasetInput(logged, [InputTag("mlflow.data.context", "training")])]
    for n_left in reversed(range(N_TRIES)):
        try:
            step.client.log_inputs(step.run_id, inputs)
        except MlflowException as error:
            if error.error_code != "BAD_REQUEST" or not n_left:
                raise
        else:
            return
