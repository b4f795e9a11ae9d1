"""The figures of models on a set of rows or windows, and how far chance alone may move them.

Ground package of pure functions: networks, baselines and decision trees are scored by the same code.
"""

from tasks.metrics.calibration import Calibration, measure_calibration
from tasks.metrics.classes import (
    Metric,
    Scores,
    align_probabilities,
    bootstrap_interval,
    compute_metric,
    count_confusion,
    score_predictions,
)
from tasks.metrics.direction import is_smaller_better, measure_gain, rate
from tasks.metrics.forecasts import (
    ForecastScores,
    bootstrap_forecast_interval,
    compute_mase,
    measure_naive_error,
    score_forecasts,
    score_steps,
)
from tasks.metrics.nulls import to_nulls
from tasks.metrics.numbers import NumberScores, bootstrap_number_interval, score_values
from tasks.metrics.paired import (
    PairedGain,
    compare_classes,
    compare_forecasts,
    compare_hits,
    compare_numbers,
)
from tasks.metrics.ranking import compute_recall, compute_roc_auc
from tasks.metrics.resampling import INTERVAL_PERCENTILES, N_BOOTSTRAP
from tasks.metrics.words import say_score

__all__ = [
    "INTERVAL_PERCENTILES",
    "N_BOOTSTRAP",
    "Calibration",
    "ForecastScores",
    "Metric",
    "NumberScores",
    "PairedGain",
    "Scores",
    "align_probabilities",
    "bootstrap_forecast_interval",
    "bootstrap_interval",
    "bootstrap_number_interval",
    "compare_classes",
    "compare_forecasts",
    "compare_hits",
    "compare_numbers",
    "compute_mase",
    "compute_metric",
    "compute_recall",
    "compute_roc_auc",
    "count_confusion",
    "is_smaller_better",
    "measure_calibration",
    "measure_gain",
    "measure_naive_error",
    "rate",
    "say_score",
    "score_forecasts",
    "score_predictions",
    "score_steps",
    "score_values",
    "to_nulls",
]
