"""The registered model cleans a raw row as training did: the same bits, by its own copy of the code."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import skops.io
from cleaning_support import CLEANING, clean, make_rows, make_workflow, read
from series_support import make_days, make_series_workflow, save_last_value
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


def test_a_registered_forecaster_is_fed_what_training_was_fed(tmp_path: Path) -> None:
    """Windows of raw values become to the bit the windows of the clean series, gaps within them filled."""
    flow = [f"{20 + 5 * np.sin(i):.3f}" for i in range(60)]
    cleaning = [
        {"regular_grid": {"every": "1d"}},
        {"impute": {"columns": ["flow"], "by": "interpolate", "indicator": True}},
        {"scale": {"columns": ["flow"], "to": "standard"}},
    ]
    rows = make_days(flow, without=(10, 25))
    cleaned = clean(tmp_path / "cleaning", make_series_workflow(cleaning=cleaning), rows)
    preparation = cleaned.preparation
    X = preparation.inputs(read(cleaned.clean))
    assert X.shape == (60, 2)
    assert np.flatnonzero(X[:, 1]).tolist() == [10, 25]
    save_as_mlflow_model(
        tmp_path / "model", save_last_value(tmp_path / "result", preparation), packages=[]
    )

    inside = mlflow.pyfunc.load_model(str(tmp_path / "model")).unwrap_python_model()._predictor
    assert type(inside.preparation) is not type(preparation)
    raw = np.array([np.nan if i in (10, 25) else float(flow[i]) for i in range(60)])
    seconds = (19_723 + np.arange(60)) * 86_400.0
    series = np.stack([raw, seconds], axis=1)
    assert preparation.columns == ["flow", "time"]
    windows = np.stack([series[i : i + 3] for i in range(58)])
    seen: list[np.ndarray] = []
    compute = inside._compute_outputs
    inside._compute_outputs = lambda x: seen.append(x) or compute(x)
    inside.forecast(windows, refuse=False)
    # A gap at a window's end can only be filled with what comes later.
    served = [i for i in range(58) if not {10, 25} & {i, i + 2}]
    expected = np.stack([X[i : i + 3] for i in served])
    assert np.concatenate(seen).tobytes() == expected.tobytes()


def test_cleaning_changes_what_a_model_sees(tmp_path: Path) -> None:
    """Else the test above would prove nothing: the raw texts are no numbers."""
    cleaned = clean(tmp_path, make_workflow(cleaning=CLEANING), make_rows())
    assert {"?", "unknown"} <= {*make_rows()["age"].to_pylist(), *make_rows()["income"].to_pylist()}
    assert len(cleaned.preparation.features) > len(cleaned.preparation.columns)
