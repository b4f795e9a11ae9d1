"""Forecasts of a published benchmark get the published figures.

Zeng, A., Chen, M., Zhang, L. and Xu, Q. (2023). Are Transformers Effective for Time Series Forecasting?
AAAI 37(9), 11121-11128. https://doi.org/10.1609/aaai.v37i9.26317
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from cleaning_support import as_raw, clean, read
from series_support import make_series_workflow

from tasks.evaluation.forecast import ForecastScorer
from tasks.evaluation.series import arrange_series, find_origins
from tasks.metrics import measure_naive_error

COLUMNS = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
N_HOURS = 14_400  # 12, 4 and 4 months of 30 days


def test_repeating_the_last_value_on_etth1_is_as_bad_as_published(
    real_data: Path, tmp_path: Path
) -> None:
    """96 hours ahead: an mse of 1.295 and an mae of 0.713 ("Repeat" in Zeng et al. 2023)."""
    options = pa.csv.ConvertOptions(column_types=dict.fromkeys(["date", *COLUMNS], pa.string()))
    file = real_data / "ETTh1.csv"
    table = pa.csv.read_csv(file, convert_options=options).slice(0, N_HOURS)
    raw = as_raw({name: table[name].to_pylist() for name in table.column_names})
    workflow = make_series_workflow(
        columns={"time": "date", "features": COLUMNS},
        predict={"kind": "forecast", "window": 96, "horizon": 96},
        cleaning=[{"scale": {"columns": COLUMNS, "to": "standard"}}],
    )
    cleaned = clean(tmp_path, workflow, raw)
    shape = cleaned.preparation.forecast
    assert shape is not None
    rows = read(cleaned.clean)
    series = arrange_series(raw, rows, workflow, COLUMNS, shape)
    origins = find_origins(series, rows, shape)
    scorer = ForecastScorer(
        target=series.cut(origins.places, shape.horizon, COLUMNS),
        is_holdout=origins.is_holdout,
        columns=shape.columns,
        scale=series.values[:8640].std(axis=0),
        naive_error=measure_naive_error(series.values, np.arange(len(series.values)) < 8640),
        n_per_block=shape.n_steps,
        n_left_out=0,
    )
    last = np.repeat(series.values[origins.places - 1][:, np.newaxis], shape.horizon, axis=1)
    assert scorer.n_holdout == 2880 - 96 + 1
    scores = scorer.score(last, is_holdout=True)
    assert scores["mse"] == pytest.approx(1.295, abs=0.001)
    assert scores["mae"] == pytest.approx(0.713, abs=0.0005)
