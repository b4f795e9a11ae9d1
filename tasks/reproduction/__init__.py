"""Training a registered version again, to see whether the same comes out.

Stands above the stages, beside ``tasks.night``.
"""

from tasks.reproduction.comparison import Predictions, Weights, compare_weights
from tasks.reproduction.record import Circumstance
from tasks.reproduction.repeat import Reproduction, reproduce

__all__ = [
    "Circumstance",
    "Predictions",
    "Reproduction",
    "Weights",
    "compare_weights",
    "reproduce",
]
