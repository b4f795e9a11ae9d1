"""The classical models beside every network, fitted on the same training rows.

Called by ``tasks.training.request``. Those of tables and images need scikit-learn and skops, those of
series Keras alone.
"""

from tasks.training.baselines.fit import fit_baseline
from tasks.training.baselines.result import BaselineResult, save_baseline

__all__ = ["BaselineResult", "fit_baseline", "save_baseline"]
