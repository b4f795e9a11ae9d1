"""Charts as functions: tidy data and ``ax=None`` in, the Axes out.

Each draws in the one style of ``tasks.reporting.style``, titles itself with its message and saves nothing.
"""

from tasks.reporting.charts.calibration import plot_calibration
from tasks.reporting.charts.cluster_bars import plot_cluster_sizes, plot_stability
from tasks.reporting.charts.clusters import (
    plot_cluster_differences,
    plot_cluster_map,
    plot_silhouette_curve,
)
from tasks.reporting.charts.columns import plot_missing_values
from tasks.reporting.charts.components import (
    plot_component_images,
    plot_explained_variance,
    plot_loadings,
    plot_map,
)
from tasks.reporting.charts.drift import plot_distribution, plot_drift
from tasks.reporting.charts.explained import plot_importance, plot_saliency
from tasks.reporting.charts.forecasts import plot_forecasts, plot_horizon
from tasks.reporting.charts.gate import plot_gate
from tasks.reporting.charts.importances import (
    plot_importance_map,
    plot_importances,
    plot_tree_sizes,
)
from tasks.reporting.charts.learning_curve import plot_learning_curve
from tasks.reporting.charts.numbers import plot_errors, plot_predicted
from tasks.reporting.charts.pictures import plot_cluster_pictures, plot_mistakes
from tasks.reporting.charts.rows import (
    plot_class_frequencies,
    plot_quarantine_reasons,
    plot_row_account,
)
from tasks.reporting.charts.rules import plot_items, plot_rules, plot_top_rules
from tasks.reporting.charts.scores import plot_confusion, plot_scores
from tasks.reporting.charts.series import plot_series
from tasks.reporting.charts.training_history import plot_training_history
from tasks.reporting.charts.trees import plot_tree

__all__ = [
    "plot_calibration",
    "plot_class_frequencies",
    "plot_cluster_differences",
    "plot_cluster_map",
    "plot_cluster_pictures",
    "plot_cluster_sizes",
    "plot_component_images",
    "plot_confusion",
    "plot_distribution",
    "plot_drift",
    "plot_errors",
    "plot_explained_variance",
    "plot_forecasts",
    "plot_gate",
    "plot_horizon",
    "plot_importance",
    "plot_importance_map",
    "plot_importances",
    "plot_items",
    "plot_learning_curve",
    "plot_loadings",
    "plot_map",
    "plot_missing_values",
    "plot_mistakes",
    "plot_predicted",
    "plot_quarantine_reasons",
    "plot_row_account",
    "plot_rules",
    "plot_saliency",
    "plot_scores",
    "plot_series",
    "plot_silhouette_curve",
    "plot_stability",
    "plot_top_rules",
    "plot_training_history",
    "plot_tree",
    "plot_tree_sizes",
]
