"""Charts as functions: tidy data and ``ax=None`` in, the Axes out.

Each draws in the one style of ``tasks.reporting.style``, titles itself with its message and saves nothing.
"""

from tasks.reporting.charts.columns import plot_missing_values
from tasks.reporting.charts.learning import plot_learning_curve
from tasks.reporting.charts.mining import (
    plot_explained_variance,
    plot_map,
    plot_silhouette_curve,
)
from tasks.reporting.charts.pictures import plot_cluster_centres, plot_mistakes
from tasks.reporting.charts.rows import (
    plot_class_frequencies,
    plot_quarantine_reasons,
    plot_row_account,
)
from tasks.reporting.charts.scores import plot_confusion, plot_scores
from tasks.reporting.charts.series import plot_series

__all__ = [
    "plot_class_frequencies",
    "plot_cluster_centres",
    "plot_confusion",
    "plot_explained_variance",
    "plot_learning_curve",
    "plot_map",
    "plot_missing_values",
    "plot_mistakes",
    "plot_quarantine_reasons",
    "plot_row_account",
    "plot_scores",
    "plot_series",
    "plot_silhouette_curve",
]
