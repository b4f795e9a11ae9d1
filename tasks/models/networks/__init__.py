"""Neural networks from a candidate's settings: normalisation, hidden layers by kind, a head by what is predicted.

First stop of ``tasks.training.trainer``; Keras 3 only, without any backend's own operations, and without
MLflow, Airflow or scikit-learn. ``docs/mathematics.md`` has the equations.
"""

from tasks.models.networks.build import build_network
from tasks.models.networks.heads import add_output_rescaling

__all__ = ["add_output_rescaling", "build_network"]
