"""The registered model cleans a raw row as training did: the same bits, by its own copy of the code."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import skops.io
from cleaning_support import CLEANING, clean, make_rows, make_workflow, read
from sklearn.linear_model import LogisticRegression

from tasks.models.packaging import save_as_mlflow_model
from tasks.models.predictor import ESTIMATOR_FILE, PREPARATION_FILE


def test_a_registered_model_is_fed_what_training_was_fed(tmp_path: Path) -> None:
    """Raw text in: the features inside the model equal the clean dataset's to the bit, row by row and at once."""
    rows = make_rows()
    cleaned = clean(tmp_path / "cleaning", make_workflow(cleaning=CLEANING), rows)
    table, preparation = read(cleaned.clean), cleaned.preparation
    X = preparation.inputs(table)
    estimator = LogisticRegression(max_iter=5000).fit(X, preparation.encode(table["left"]))
    result = tmp_path / "result"
    result.mkdir()
    skops.io.dump(estimator, result / ESTIMATOR_FILE)
    (result / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    save_as_mlflow_model(tmp_path / "model", result, packages=[])

    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    places = {row_id: i for i, row_id in enumerate(rows["id"].to_pylist())}
    raw = rows.take([places[i] for i in table["id"].to_pylist()]).select(preparation.columns)
    inside = model.unwrap_python_model()._predictor.preparation
    assert type(inside) is not type(preparation)  # its own code, not this process's
    assert inside.inputs(inside.clean(raw)).tobytes() == X.tobytes()
    for i in range(0, raw.num_rows, 17):
        assert inside.inputs(inside.clean(raw.slice(i, 1))).tobytes() == X[i].tobytes()
    # And through MLflow's door, with its signature.
    predicted = model.predict(raw.to_pandas()).filter(like="probability_").to_numpy()
    assert np.array_equal(predicted, estimator.predict_proba(X).astype(np.float32))


def test_cleaning_changes_what_a_model_sees(tmp_path: Path) -> None:
    """Else the test above would prove nothing: the raw texts are no numbers."""
    cleaned = clean(tmp_path, make_workflow(cleaning=CLEANING), make_rows())
    assert {"?", "unknown"} <= {*make_rows()["age"].to_pylist(), *make_rows()["income"].to_pylist()}
    assert len(cleaned.preparation.features) > len(cleaned.preparation.columns)
