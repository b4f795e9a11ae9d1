"""The figures of models on a set of rows or windows, and how far chance alone may move them.

Ground package of pure functions: networks, baselines and decision trees are scored by the same code.
"""

from tasks.metrics.classes import (
    Metric,
    Scores,
    align_probabilities,
    bootstrap_interval,
    compute_metric,
    count_confusion,
    score_predictions,
)
from tasks.metrics.forecasts import (
    ForecastScores,
    bootstrap_forecast_interval,
    score_forecasts,
    score_steps,
)
from tasks.metrics.numbers import NumberScores, bootstrap_number_interval, score_values
from tasks.metrics.resampling import INTERVAL_PERCENTILES, N_BOOTSTRAP
from tasks.metrics.words import say_score

__all__ = [
    "INTERVAL_PERCENTILES",
    "N_BOOTSTRAP",
    "ForecastScores",
    "Metric",
    "NumberScores",
    "Scores",
    "align_probabilities",
    "bootstrap_forecast_interval",
    "bootstrap_interval",
    "bootstrap_number_interval",
    "compute_metric",
    "count_confusion",
    "say_score",
    "score_forecasts",
    "score_predictions",
    "score_steps",
    "score_values",
]
